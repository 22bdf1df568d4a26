"""Replies of a wrong shape, which a real box never gives: whose answer they are, nobody knows.

The stand-in speaks just enough of the protocol to pass for a box, answers `cast` with what a test wants, and counts.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from models.ballot_box.connection import REQUIRED_SETTINGS
from models.outcomes import Outcome
from tests.models.ballot_box.voting import until, voting

Answer = Callable[[list[bytes]], bytes | Awaitable[bytes] | None]


@dataclass
class StandIn:
    """`casts`: the commands that it was sent. `answer` gives the reply to each, at once or later; None ends the
    connection instead.
    """

    answer: Answer
    casts: list[list[bytes]] = field(default_factory=list)
    connections: int = 0
    closed_by_intake: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while command := await _command(reader):
                reply = self._reply(command)
                if isinstance(reply, Awaitable):
                    reply = await reply
                if reply is None:
                    return
                writer.write(reply)
            self.closed_by_intake += 1
        finally:
            writer.close()

    def _reply(self, command: list[bytes]) -> bytes | Awaitable[bytes] | None:
        if command[0] == b"CONFIG":
            settings = [word for pair in (REQUIRED_SETTINGS | {"maxmemory": "1"}).items() for word in pair]
            return b"*%d\r\n" % len(settings) + b"".join(_bulk(word.encode()) for word in settings)
        if command[0] == b"ROLE":
            return b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
        if command[0] != b"FCALL":
            return b"+PONG\r\n" if command[0] == b"PING" else b"+OK\r\n"
        self.casts.append(command)
        return self.answer(command)


def _bulk(value: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(value), value)


async def _command(reader: asyncio.StreamReader) -> list[bytes]:
    """The next command; empty at the end of the connection."""
    words = []
    line = await reader.readline()
    for _ in range(int(line[1:] or 0)):
        length = int((await reader.readline())[1:])
        words.append((await reader.readexactly(length + 2))[:-2])
    return words


@asynccontextmanager
async def standing_in(folder: Path, answer: Answer) -> AsyncIterator[tuple[StandIn, str]]:
    made = StandIn(answer)
    path = folder / "stand-in.sock"
    server = await asyncio.start_unix_server(made.serve, path)
    async with server:
        yield made, f"unix://{path}"


GOOD = b"*2\r\n$2\r\ncc\r\n$3\r\n1-1\r\n"
GARBAGE = {
    "text": b"+OK\r\n",
    "nothing": b"$-1\r\n",
    "a number": b":7\r\n",
    "an empty list": b"*0\r\n",
    "no id": b"*1\r\n$2\r\ncc\r\n",
    "too many parts": b"*3\r\n$2\r\ncc\r\n$3\r\n1-1\r\n$3\r\n1-1\r\n",
    "too few letters": b"*2\r\n$1\r\nc\r\n$3\r\n1-1\r\n",
    "too many letters": b"*2\r\n$3\r\nccc\r\n$3\r\n1-1\r\n",
    "an unknown letter": b"*2\r\n$2\r\ncz\r\n$3\r\n1-1\r\n",
    "letters missing": b"*2\r\n$-1\r\n$3\r\n1-1\r\n",
    "a list of letters": b"*2\r\n*2\r\n$1\r\nc\r\n$1\r\nc\r\n$3\r\n1-1\r\n",
    "no log id": b"*2\r\n$2\r\ncc\r\n$7\r\nnothing\r\n",
    "a number for an id": b"*2\r\n$2\r\ncc\r\n:5\r\n",
    "an error": b"-ERR something else\r\n",
    "an error inside": b"*2\r\n-ERR something else\r\n$3\r\n1-1\r\n",
    "no protocol at all": b"hello\r\n",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_a_reply_of_the_wrong_shape_confirms_nothing_and_ends_the_connection(folder: Path, garbage: bytes) -> None:
    async def run() -> None:
        replies = iter([garbage])
        async with standing_in(folder, lambda _command: next(replies, GOOD)) as (box, url):
            async with voting(url, callers=1) as voters:
                voters.put(1)
                voters.put(2)
                assert await voters.answered() == {Outcome.NOT_CONFIRMED: 2}
                await until(lambda: box.closed_by_intake == 1, what="the connection was closed")
                voters.put(3)
                voters.put(4)
                await voters.answered()
                assert voters.of(Outcome.COUNTED) == [(3, 1), (4, 1)]
                assert len(box.casts) == box.connections == 2
            await until(lambda: box.closed_by_intake == box.connections)

    asyncio.run(run())


@pytest.mark.parametrize("code", ["OOM full", "READONLY replica", "MISCONF disk", "BUSY script", "NOPERM user"])
def test_a_call_that_the_box_did_not_run_is_not_ready_and_the_connection_stays(folder: Path, code: str) -> None:
    async def run() -> None:
        replies = iter([f"-{code}\r\n".encode()])
        async with standing_in(folder, lambda _command: next(replies, GOOD)) as (box, url):
            async with voting(url, callers=1) as voters:
                for accounts in ((1, 2), (3, 4)):
                    for account in accounts:
                        voters.put(account)
                    await voters.answered()
                assert voters.of(Outcome.NOT_READY) == [(1, 1), (2, 1)]
                assert voters.of(Outcome.COUNTED) == [(3, 1), (4, 1)]
                assert box.connections == 1
            await until(lambda: box.closed_by_intake == 1)

    asyncio.run(run())


def test_nothing_is_ever_sent_twice(folder: Path) -> None:
    """The connection ends where the reply should be; redis-py 8 would send the call up to ten times more."""

    async def run() -> None:
        async with standing_in(folder, lambda _command: None) as (box, url), voting(url, callers=1) as voters:
            for account in range(1, 6):
                assert await voters.vote(account) is Outcome.NOT_CONFIRMED
            accounts = [int(cast[-3]) for cast in box.casts]
            assert accounts == [1, 2, 3, 4, 5]

    asyncio.run(run())


def test_a_function_that_stays_unknown_is_not_ready(folder: Path) -> None:
    async def run() -> None:
        async with standing_in(folder, lambda _command: b"-ERR Function not found\r\n") as (box, url):
            async with voting(url, callers=1) as voters:
                assert await voters.vote(1) is Outcome.NOT_READY
                assert len(box.casts) == 2
            await until(lambda: box.closed_by_intake == 1)

    asyncio.run(run())


def test_a_call_on_its_way_when_the_box_is_found_to_have_gone_back_in_time_confirms_nothing(folder: Path) -> None:
    async def run() -> None:
        async with standing_in(folder, lambda command: reply(int(command[-3]))) as (box, url):

            async def reply(account: int) -> bytes:
                if account == 2:
                    await until(lambda: len(box.casts) == 3, what="both are on their way")
                if account == 3:
                    await until(lambda: found.answers, what="the other is answered")
                return _one(COUNTED_AT[account])

            async with voting(url, callers=2) as voters:
                assert await voters.vote(1) is Outcome.COUNTED
                found = voters.put(2)
                await until(lambda: len(box.casts) == 2)
                later = voters.put(3)
                await voters.answered()
                assert "ends at 4-1" in (voters.intake.fault or "")
                assert found.answers == later.answers == [Outcome.NOT_CONFIRMED]

    asyncio.run(run())


COUNTED_AT = {1: b"5-1", 2: b"4-1", 3: b"6-1"}


def _one(log_id: bytes) -> bytes:
    return b"*2\r\n$1\r\nc\r\n" + _bulk(log_id)
