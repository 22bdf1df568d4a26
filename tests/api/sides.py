"""The vote lane and the ASGI layer side by side: connections that a test holds by their ends."""

import asyncio
import itertools
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import redis
from uvicorn.server import ServerState

from api.protocol import BoundedHeads
from models.ballot_box.keys import shard_keys
from models.event import HEAD
from tests.api.contest import CONTEST_ID
from tests.api.running import token_for
from tests.servers import ValkeyServer

numbers = itertools.count(1)
"""Accounts that no test has used."""


class Wire(asyncio.Transport):
    """The end of a connection that a test holds: what was written, and what the server wants of it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False
        self.gone = False
        self.aborted = False
        self.reading = True
        self.unread = 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 4711), "sockname": ("127.0.0.1", 8000)}.get(name, default)

    def write(self, data: Any) -> None:
        if self.gone:
            raise RuntimeError("the handler is closed")  # as uvloop says it
        if not self.closing:
            self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_reading(self) -> bool:
        return self.reading


class Seen(NamedTuple):
    """What came of one connection."""

    written: bytes
    requests: int
    """Counted as answered by the server."""
    votes: list[bytes]
    """Events in the log, without their times."""
    counts: dict[str, int]
    """Votes by outcome, as the metrics have them."""


@dataclass
class Side:
    """One of the two: its application on a box of its own, and the protocol that is asked."""

    protocol: type[BoundedHeads]
    config: Any
    app: Any
    box: ValkeyServer
    log: redis.Redis

    def connect(self) -> tuple[Wire, BoundedHeads]:
        """A new connection, in the running loop."""
        state = ServerState()
        state.default_headers = [(b"date", b"today")]
        wire, connection = Wire(), self.protocol(self.config, state, {}, _loop=asyncio.get_running_loop())
        connection.connection_made(wire)
        return wire, connection

    async def answers(self, segments: list[bytes], waits: list[bool]) -> Seen:
        """What comes of a client that sends `segments`, and after some of them waits for its answers."""
        wire, connection = self.connect()
        before, last = self.counts(), self._events(b"-")[-1][0]
        for segment, wait in zip(segments, waits, strict=True):
            while not wire.reading and not wire.closing:  # noqa: ASYNC110 - a transport says nothing when it reads again
                await asyncio.sleep(0)
            if wire.closing:
                break
            connection.data_received(segment)
            if wait:
                await self._settled(connection, wire)
        await self._settled(connection, wire)
        wire.closing = True
        connection.connection_lost(None)
        counts = {outcome: number - before.get(outcome, 0) for outcome, number in self.counts().items()}
        votes = [fields[b"e"][1:2] + fields[b"e"][HEAD.size :] for _, fields in self._events(b"(" + last)]
        requests = connection.server_state.total_requests
        return Seen(wire.written, requests, votes, {outcome: number for outcome, number in counts.items() if number})

    def counts(self) -> dict[str, int]:
        """Answers to votes by outcome, published or not yet."""
        metrics = self.app.casting._metrics
        waiting = {"counted": metrics.counted, "already_voted": metrics.again}
        return dict(metrics.answered + Counter(waiting) + metrics._refused)

    def _events(self, begin: bytes) -> list[Any]:
        found: Any = self.log.xrange(shard_keys(CONTEST_ID, 0).log, begin)
        return list(found)

    async def _settled(self, connection: BoundedHeads, wire: Wire) -> None:
        """Until everything that was asked in full is answered. What waits for a body that never comes stays so: for
        that one a few rounds of the loop are enough, since nothing else is under way.
        """
        still = 0
        while still < 30:
            before = wire.written
            await asyncio.sleep(0)
            unanswered = self.app.casting._intake.unanswered or getattr(connection, "_asked", False)
            cycle = connection.cycle
            asked = cycle is not None and not cycle.more_body and not cycle.response_complete and not wire.closing
            still = still + 1 if wire.written == before and not unanswered and not asked else 0


def vote_for(entry: int) -> bytes:
    token = token_for(next(numbers), time.time()).encode()
    return b"PUT /api/entries/%d/vote HTTP/1.1\r\nAuthorization: Bearer %b\r\n\r\n" % (entry, token)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a transport of the test says nothing
            await asyncio.sleep(0.001)


def wire_has(wire: Wire, text: bytes) -> bool:
    return text in wire.written


async def rounds() -> None:
    """A few rounds of the loop: for what would happen now, if it did."""
    for _ in range(30):
        await asyncio.sleep(0)


def unanswered(side: Side) -> int:
    """Votes that the box has not decided yet."""
    waiting: int = side.app.casting._intake.unanswered
    return waiting


def responses(written: bytes) -> list[bytes]:
    """The answers one by one, without what chance decides."""
    written = re.sub(rb"retry-after: \d+", b"retry-after: some", written)
    assert written.startswith(b"HTTP/1.1 ") or not written
    return [b"HTTP/1.1 " + part for part in written.split(b"HTTP/1.1 ")[1:]]
