"""The writer of openings and a box that is gone, hung, full or wrong: nothing is raised, nothing is sent twice."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from models.ballot_box import library
from models.ballot_box import openings as openings_module
from models.ballot_box.openings import OpeningWriter, Recording, Target
from models.event import Kind, pack_account_opened
from tests.models.ballot_box.boxes import CONTEST_ID, FINGERPRINT, Box, open_box
from tests.models.ballot_box.test_intake_replies import standing_in
from tests.models.ballot_box.test_open_account import login
from tests.models.ballot_box.voting import until
from tests.servers import ValkeyServer

RECORDED, REFUSED, UNRECORDED = Recording.RECORDED, Recording.REFUSED, Recording.UNRECORDED
TARGET = Target(CONTEST_ID, 1, 1, FINGERPRINT)

Write = Callable[..., Awaitable[list[Recording]]]


def opened_in(box: Box) -> list[int]:
    return [event.account for event in box.events() if event.kind is Kind.ACCOUNT_OPENED]


def with_writer(url: str, steps: Callable[[Write], Awaitable[None]]) -> None:
    """Runs `steps(write)`, `write(*accounts, target=TARGET)` with one writer, which is closed after."""

    async def run() -> None:
        writer = OpeningWriter(url)

        async def write(*accounts: int, target: Target = TARGET) -> list[Recording]:
            bodies = [(account, pack_account_opened(login(account))) for account in accounts]
            return await asyncio.wait_for(writer.write(target, bodies), 2)

        try:
            await steps(write)
        finally:
            await writer.close()

    asyncio.run(run())


def test_each_opening_goes_to_its_shard_and_each_answer_to_its_opening(box: str) -> None:
    with open_box(box, shards=3) as made:
        made.client.delete(made.keys(1).contest)

        async def steps(write: Write) -> None:
            found = await write(1, 2, 3, 4, 5, 6, target=Target(CONTEST_ID, 3, 1, FINGERPRINT))
            assert found == [UNRECORDED, RECORDED, RECORDED, UNRECORDED, RECORDED, RECORDED]

        with_writer(box, steps)
        assert opened_in(made) == [3, 6, 2, 5]


def test_a_final_contest_and_another_epoch_take_none(opened: Box, box: str) -> None:
    async def steps(write: Write) -> None:
        assert await write(1, 2, target=Target(CONTEST_ID, 1, 2, FINGERPRINT)) == [UNRECORDED] * 2
        opened.change(state="final")
        assert await write(1, 2) == [REFUSED] * 2

    with_writer(box, steps)
    assert opened_in(opened) == []


def test_a_box_that_was_killed_is_found_again(own: Box, server: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that died while nobody used it costs no login its opening."""
    monkeypatch.setattr(openings_module, "IDLE_S", 0.0)

    async def steps(write: Write) -> None:
        assert await write(1) == [RECORDED]
        server.kill()
        assert await write(2) == [UNRECORDED]
        server.start()
        assert await write(3) == [RECORDED]
        server.kill()
        server.start()
        assert await write(4, 5) == [RECORDED, RECORDED]

    with_writer(server.url, steps)
    assert opened_in(own) == [1, 3, 4, 5]


def test_a_box_that_hangs_is_given_up_and_the_next_answer_is_nobody_elses(own: Box, server: ValkeyServer) -> None:
    async def steps(write: Write) -> None:
        assert await write(1) == [RECORDED]
        server.hang()
        assert await write(2, 3) == [UNRECORDED] * 2
        server.wake()
        assert await write(4, 5, 6) == [RECORDED] * 3

    try:
        with_writer(server.url, steps)
    finally:
        server.wake()
    assert [account for account in opened_in(own) if account not in (2, 3)] == [1, 4, 5, 6]


def test_a_full_box_records_nothing_and_the_connection_stays(own: Box, server: ValkeyServer) -> None:
    async def steps(write: Write) -> None:
        assert await write(1) == [RECORDED]
        clients = len(own.client.client_list())
        own.client.config_set("maxmemory", 1)
        assert await write(2, 3) == [UNRECORDED] * 2
        own.client.config_set("maxmemory", "256mb")
        assert await write(4) == [RECORDED]
        assert len(own.client.client_list()) == clients

    with_writer(server.url, steps)
    assert opened_in(own) == [1, 4]


def test_a_server_that_is_set_otherwise_gets_none(own: Box, server: ValkeyServer) -> None:
    own.client.config_set("appendfsync", "everysec")

    async def steps(write: Write) -> None:
        assert await write(1) == [UNRECORDED]

    with_writer(server.url, steps)
    assert opened_in(own) == []


def test_a_server_that_lost_its_functions_is_given_them_again(opened: Box, box: str) -> None:
    async def steps(write: Write) -> None:
        opened.client.function_delete(f"ballot_box_{library.REVISION}")
        assert await write(1) == [RECORDED]

    with_writer(box, steps)
    assert opened_in(opened) == [1]


GARBAGE = {
    "text": b"+OK\r\n",
    "nothing": b"$-1\r\n",
    "a number": b":7\r\n",
    "a list": b"*2\r\n$1\r\no\r\n$1\r\no\r\n",
    "too few letters": b"$1\r\no\r\n",
    "too many letters": b"$3\r\nooo\r\n",
    "an unknown letter": b"$2\r\noz\r\n",
    "an error": b"-ERR something else\r\n",
    "no protocol at all": b"hello\r\n",
    "the end": None,
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_a_reply_of_the_wrong_shape_records_nothing_and_is_not_asked_for_again(
    folder: Path, garbage: bytes | None
) -> None:
    async def run() -> None:
        replies = iter([garbage])
        async with standing_in(folder, lambda _command: next(replies, b"$2\r\noo\r\n")) as (box, url):
            writer = OpeningWriter(url)
            assert await writer.write(TARGET, [(1, b"one"), (2, b"two")]) == [UNRECORDED] * 2
            assert await writer.write(TARGET, [(3, b"three"), (4, b"four")]) == [RECORDED] * 2
            assert [cast[-2:] for cast in box.casts] == [[b"one", b"two"], [b"three", b"four"]]
            assert box.connections == 2
            await writer.close()

    asyncio.run(run())


def test_a_call_that_is_cancelled_ends_its_connection(opened: Box, box: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it stood: the next caller must not read this one's answer."""

    async def cancelled(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    async def run() -> None:
        writer = OpeningWriter(box)
        before = len(opened.client.client_list())
        assert await writer.write(TARGET, [(1, pack_account_opened(login(1)))]) == [RECORDED]
        assert len(opened.client.client_list()) == before + 1
        with monkeypatch.context() as patch:
            patch.setattr(openings_module, "ask_box", cancelled)
            with pytest.raises(asyncio.CancelledError):
                await writer.write(TARGET, [(2, b"never sent")])
        await until(lambda: len(opened.client.client_list()) == before, what="the connection was closed")
        assert await writer.write(TARGET, [(3, pack_account_opened(login(3)))]) == [RECORDED]
        await writer.close()

    asyncio.run(run())
    assert opened_in(opened) == [1, 3]
