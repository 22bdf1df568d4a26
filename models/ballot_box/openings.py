"""Writes openings of accounts into the box's log: one connection, one call at a time, nothing sent twice.

Far fewer than votes, and nobody's vote waits for them: none of the intake's queues and callers.
"""

import time
from dataclasses import dataclass
from enum import Enum

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from models.ballot_box.cast_call import Head, UnclearReplyError, ask_box
from models.ballot_box.connection import TIMEOUT_S, BoxAway, BoxRefused, async_box, close_at_once, within
from models.ballot_box.keys import shard_keys

log = structlog.get_logger()

MAX_BATCH = 1_000  # openings a call
IDLE_S = 1.0  # a connection that was not used for so long may be dead, and is asked first


class Recording(Enum):
    """What became of an opening."""

    RECORDED = "recorded"
    REFUSED = "refused"
    """The contest is final."""
    UNRECORDED = "unrecorded"
    """The box was away, full or not ready; or its answer was lost, and the opening may stand in the log."""


_BY_LETTER = {ord("o"): Recording.RECORDED, ord("f"): Recording.REFUSED, ord("r"): Recording.UNRECORDED}


@dataclass(frozen=True)
class Target:
    """Which box the openings are for, as it was last read."""

    contest_id: int
    shards: int
    epoch: int
    fingerprint: str


class OpeningWriter:
    """For one event loop and one caller at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: redis.asyncio.Redis | None = None
        self._used = 0.0  # time.monotonic() of the last answer
        self._said: str | None = None  # what stood in the way, as it was logged

    async def write(self, target: Target, openings: list[tuple[int, bytes]]) -> list[Recording]:
        """Writes openings (account, body of its event), at most MAX_BATCH; takes at most TIMEOUT_S. What goes wrong is
        logged, not raised.
        """
        found = [Recording.UNRECORDED] * len(openings)
        deadline = time.monotonic() + TIMEOUT_S
        shards: dict[int, list[int]] = {}
        for position, (account, _) in enumerate(openings):
            shards.setdefault(account % target.shards, []).append(position)
        try:
            for shard, positions in shards.items():
                bodies = [openings[position][1] for position in positions]
                answers = await self._call(target, shard, bodies, deadline)
                for position, answer in zip(positions, answers, strict=True):
                    found[position] = answer
        except (BoxAway, BoxRefused, RedisError, UnclearReplyError) as error:
            self._say_once(str(error))
            await self.close()
        except BaseException:
            await self.close()  # else the next caller would read this one's answer
            raise
        return found

    async def _call(self, target: Target, shard: int, bodies: list[bytes], deadline: float) -> list[Recording]:
        """Errors: as `ask_box`, BoxRefused, UnclearReplyError."""
        client = await self._connected(deadline)
        head: Head = (str(target.shards), str(target.epoch), target.fingerprint)
        keys = shard_keys(target.contest_id, shard)
        reply = await ask_box(client, keys, head, bodies, deadline - time.monotonic(), function="open_account")
        if isinstance(reply, str):
            self._say_once(reply)
            return [Recording.UNRECORDED] * len(bodies)
        try:
            answers = [_BY_LETTER[letter] for letter in reply]
        except (TypeError, KeyError):
            raise UnclearReplyError(repr(reply)[:200]) from None
        if len(answers) != len(bodies):
            raise UnclearReplyError(f"{len(answers)} answers for {len(bodies)} openings")
        self._said = None
        self._used = time.monotonic()
        return answers

    async def _connected(self, deadline: float) -> redis.asyncio.Redis:
        """Errors: BoxAway, BoxRefused."""
        if self._client is not None and time.monotonic() - self._used > IDLE_S:
            try:
                await within(deadline - time.monotonic(), self._client.ping)
            except BoxAway:
                await self.close()
        if self._client is None:
            self._client = async_box(self._url, single_connection=True)
            await within(deadline - time.monotonic(), self._client.ping)
        return self._client

    def _say_once(self, problem: str) -> None:
        """One line for an outage, however many logins it lasts."""
        if self._said != problem:
            self._said = problem
            log.warning("openings of accounts are not recorded", problem=problem)

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await close_at_once(client)
