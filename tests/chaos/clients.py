"""Voters over raw HTTP: a bounded number of connections, each try in the journal before it is sent.

They know the HTTP contract, and of a token which account it names (docs/decisions/0003-session-tokens.md). A voter
whose vote stays unknown tries again, as the page does, or now and then goes away; some press twice at once, some ask
again for what they have. What they do is decided by the seed; when they do it, the machine decides.
"""

import asyncio
import base64
import itertools
import json
import random
import secrets
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.history import OK, REFUSED, UNKNOWN, Journal

ENTRIES = (1, 2, 3)
ANSWER_S = 5.0
"""A voter's patience with one try."""
_GIVES_UP, _PRESSES_TWICE, _ASKS_AGAIN = 0.2, 0.04, 0.04
_CLAIMS = struct.Struct(">B4sIqBII")
_MAYBE = {"not_confirmed", "internal"}
"""Codes that leave open whether the vote is counted."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def account_of(token: str) -> int:
    """The account that a session token names."""
    return int(_CLAIMS.unpack_from(base64.urlsafe_b64decode(token))[3])


class Voters:
    """A load of `connections` voters at a time, in a thread of its own, until `stop`. `pause_s`: between two votes."""

    def __init__(
        self, folder: Path, port: int, tokens: Iterator[str], seed: str, *, connections: int = 32, pause_s: float = 0.01
    ) -> None:
        self.port, self._tokens, self.seed = port, tokens, seed
        self.connections, self.pause_s = connections, pause_s
        self.counts: Counter[str] = Counter()
        self.problem: BaseException | None = None
        self._folder = folder
        load = secrets.token_hex(4)  # of several loads that write into one journal
        self._tries = (f"{load}-{number}" for number in itertools.count())
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._main, name="voters", daemon=True)

    def start(self) -> "Voters":
        self._thread.start()
        return self

    def stop(self) -> None:
        """Lets each try that was begun end, and begins no other."""
        self._stopping.set()
        self._thread.join(4 * ANSWER_S)
        assert not self._thread.is_alive(), "a voter did not end"
        if self.problem is not None:
            raise self.problem

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as problem:  # noqa: BLE001 - raised again where the load is stopped
            self.problem = problem

    async def _run(self) -> None:
        self._journal = Journal(self._folder)
        try:
            await asyncio.gather(*(self._place(number) for number in range(self.connections)))
        finally:
            self._journal.close()

    async def _place(self, number: int) -> None:
        """One voter after the other."""
        chance, link = random.Random(f"{self.seed}:{number}"), _Link(self.port)
        try:
            for token in self._tokens:
                for entry in ENTRIES:
                    if self._stopping.is_set():
                        return
                    await self._vote(link, chance, token, entry)
                    await asyncio.sleep(self.pause_s)
        finally:
            link.close()

    async def _vote(self, link: "_Link", chance: random.Random, token: str, entry: int) -> None:
        """Until it is acknowledged, refused for good, or its voter gives up."""
        first, twice = True, chance.random() < _PRESSES_TWICE
        while first or not self._stopping.is_set():
            first = False
            if twice:
                other = _Link(self.port)
                outcomes = set(await asyncio.gather(self._try(link, token, entry), self._try(other, token, entry)))
                other.close()
                twice = False
            else:
                outcomes = {await self._try(link, token, entry)}
            if OK in outcomes:
                if chance.random() < _ASKS_AGAIN:
                    await self._try(link, token, entry)
                return
            if UNKNOWN in outcomes and chance.random() < _GIVES_UP:
                return
            await asyncio.sleep(0.1)

    async def _try(self, link: "_Link", token: str, entry: int) -> str:
        number = next(self._tries)
        await self._journal.write(**{"try": number}, account=account_of(token), entry=entry)
        status, code, receipt, retry_after = 0, "", "", False
        try:
            async with asyncio.timeout(ANSWER_S):
                status, body, retry_after = await link.put(f"/api/entries/{entry}/vote", token)
            code, receipt = str(body.get("code", "")), str(body.get("receipt", ""))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            link.close()
        answered = OK if status in {200, 201} else UNKNOWN if status == 0 or code in _MAYBE else REFUSED
        self.counts[answered] += 1
        await self._journal.write(
            **{"try": number}, outcome=answered, status=status, code=code, receipt=receipt, retry_after=retry_after
        )
        return answered


class _Link:
    """A connection that is kept, and made anew after a fault. One request at a time."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection: Connection | None = None

    async def put(self, path: str, token: str) -> tuple[int, dict[str, object], bool]:
        """Status, body, and whether it says when to try again. Errors: OSError, IncompleteReadError, ValueError."""
        if self._connection is None:
            self._connection = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._connection
        writer.write(f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        headers = dict(text.lower().split(b": ", 1) for text in head.split(b"\r\n")[1:-2])
        body = json.loads(await reader.readexactly(int(headers[b"content-length"])))
        if headers.get(b"connection") == b"close":
            self.close()
        return int(head[9:12]), body, b"retry-after" in headers

    def close(self) -> None:
        if self._connection is not None:
            self._connection[1].transport.abort()
            self._connection = None
