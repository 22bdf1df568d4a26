"""The intake and a box that is gone, hung, full, wrong or back in time: everyone is answered within two seconds."""

import asyncio
import os
import time
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from models.ballot_box.connection import box_client
from models.ballot_box.intake import MAX_BATCH
from models.outcomes import Outcome
from tests.models.ballot_box.boxes import CONTEST_ID, Box, body
from tests.models.ballot_box.voting import LONGEST_S, until, voting
from tests.servers import ValkeyServer

COUNTED, ALREADY = Outcome.COUNTED, Outcome.ALREADY_VOTED
NOT_READY, NOT_CONFIRMED, BUSY = Outcome.NOT_READY, Outcome.NOT_CONFIRMED, Outcome.BUSY


def test_a_box_killed_under_load_counts_nothing_twice_and_loses_nothing(own: Box, server: ValkeyServer) -> None:
    """What was not confirmed is counted or not, and the repeat tells; what was refused is not counted."""

    async def run() -> None:
        async with voting(server.url) as voters:
            for account in range(1, 9_001):
                voters.put(account)
                if account == 2_500:
                    voters.intake.put(99_999, 1, body(99_999, 1), lambda _outcome: server.kill())
            outcomes = await voters.answered()
            assert outcomes[COUNTED] + outcomes[NOT_CONFIRMED] + outcomes[NOT_READY] + outcomes[BUSY] == 9_000
            assert outcomes[NOT_READY]
            server.start()
            await until(lambda: voters.intake.connected, what="connected again by itself")
            logged = own.logged_votes()
            assert len(set(logged)) == len(logged)
            assert set(voters.of(COUNTED)) <= set(logged)
            assert not set(logged) & set(voters.of(NOT_READY, BUSY))
            for vote in voters.of(NOT_CONFIRMED)[:1_500]:
                voters.put(*vote)
            repeats = voters.slips[9_000:]
            await voters.answered()
            for slip in repeats:
                assert slip.answers == [ALREADY if slip.vote in set(logged) else COUNTED]

    asyncio.run(run())


def test_a_hung_box_leaves_nobody_waiting_and_nobody_with_anothers_answer(own: Box, server: ValkeyServer) -> None:
    callers = 2

    async def run() -> None:
        async with voting(server.url, callers=callers) as voters:
            assert await voters.vote(1) is COUNTED
            server.hang()
            for account in range(10_001, 10_001 + callers * MAX_BATCH + 500):
                voters.put(account)
            await asyncio.wait_for(voters.answered(), LONGEST_S + 0.5)
            assert not voters.of(ALREADY)
            assert len(voters.of(NOT_CONFIRMED)) == callers * MAX_BATCH
            assert len(voters.of(BUSY, NOT_READY)) == 500
            server.wake()
            await until(lambda: voters.intake.connected)
            for account in range(20_001, 20_201):
                voters.put(account)
                voters.put(account, 9)
                voters.put(1)
            await voters.answered()
            assert {slip.answers[0] for slip in voters.slips if slip.account == 1} == {COUNTED, ALREADY}
            assert set(voters.of(Outcome.UNKNOWN_ENTRY)) == {(account, 9) for account in range(20_001, 20_201)}
            logged = own.logged_votes()
            assert len(set(logged)) == len(logged)
            assert {(account, 1) for account in range(20_001, 20_201)} <= set(voters.of(COUNTED)) <= set(logged)
            assert not set(logged) & set(voters.of(BUSY, NOT_READY))

    try:
        asyncio.run(run())
    finally:
        server.wake()


def test_stopping_while_the_box_hangs_answers_everyone(own: Box, server: ValkeyServer) -> None:
    async def run() -> None:
        async with voting(server.url, callers=1) as voters:
            server.hang()
            for account in range(1, MAX_BATCH + 101):
                voters.put(account)
            began = time.monotonic()
            await voters.intake.stop()
            assert time.monotonic() - began < 2 * LONGEST_S
            await voters.answered()
            assert len(voters.of(NOT_CONFIRMED)) == MAX_BATCH
            assert len(voters.of(BUSY, NOT_READY)) == 100

    try:
        asyncio.run(run())
    finally:
        server.wake()


def test_a_full_box_is_not_ready_and_nothing_is_counted(own: Box, server: ValkeyServer) -> None:
    async def run() -> None:
        async with voting(server.url) as voters:
            assert await voters.vote(1) is COUNTED
            own.client.config_set("maxmemory", 1)
            assert await voters.vote(2) is NOT_READY
            own.client.function_flush()
            assert await voters.vote(2) is NOT_READY  # the library cannot even be loaded
            assert own.logged_votes() == [(1, 1)]
            own.client.config_set("maxmemory", "256mb")
            assert await voters.vote(2) is COUNTED
            assert voters.intake.connected

    asyncio.run(run())


def test_a_box_that_is_set_otherwise_is_never_voted_into(own: Box, server: ValkeyServer) -> None:
    own.client.config_set("appendfsync", "everysec")

    async def run() -> None:
        async with voting(server.url, connect=False) as voters:
            assert await voters.vote(1) is NOT_READY
            assert not voters.intake.connected
            own.client.config_set("appendfsync", "always")
            await until(lambda: voters.intake.connected, what="connected once it is set right")
            assert await voters.vote(1) is COUNTED

    asyncio.run(run())
    assert own.logged_votes() == [(1, 1)]


def test_an_intake_starts_while_the_box_is_away(server: ValkeyServer, own: Box) -> None:
    server.kill()

    async def run() -> None:
        async with voting(server.url, connect=False) as voters:
            voters.put(1)
            assert await voters.answered() == {NOT_READY: 1}
            server.start()
            await until(lambda: voters.intake.connected)
            assert await voters.vote(1) is COUNTED

    asyncio.run(run())


def _emptied(box: Box) -> None:
    box.client.flushall()


def _restored(box: Box) -> None:
    """An older copy of the log, in the same epoch."""
    box.client.delete(box.keys().log)
    box.client.xadd(box.keys().log, {"e": "older"}, id="5-1")


@pytest.mark.parametrize("hurt", [_emptied, _restored])
def test_a_box_that_went_back_in_time_is_not_trusted_until_its_next_epoch(own: Box, server, hurt) -> None:
    own.open(least=(own.now() + 3_600_000, 1))  # the log runs ahead of the clock, as after a clock that stepped back

    async def run() -> None:
        async with voting(server.url) as voters:
            assert await voters.vote(1) is COUNTED
            hurt(own)
            assert await voters.vote(2) is NOT_CONFIRMED
            assert "back in time" in (voters.intake.fault or "")
            before = own.everything()
            assert voters.put(3).answers == [NOT_READY]
            voters.intake.aim(CONTEST_ID, 1, 1)
            assert voters.put(3).answers == [NOT_READY]
            assert own.everything() == before
            own.epoch = 2
            own.open()
            voters.intake.aim(CONTEST_ID, 1, 2)
            assert voters.intake.fault is None
            assert await voters.vote(3) is COUNTED

    asyncio.run(run())


def test_votes_that_wait_while_the_box_is_found_to_have_gone_back_in_time_are_not_sent(own: Box, server) -> None:
    """The log's ids follow the clock: those of the next votes would pass what was seen, and be acknowledged."""

    async def run() -> None:
        async with voting(server.url, callers=1) as voters:
            assert await voters.vote(1) is COUNTED
            _restored(own)
            server.hang()
            again = voters.put(1)  # writes nothing: the older log's last id stays
            await until(lambda: voters.intake.unanswered == 1 and not voters.intake.waiting, what="it is sent")
            waiting = [voters.put(account) for account in range(2, 12)]
            server.wake()
            await voters.answered()
            assert again.answers == [NOT_CONFIRMED]
            assert {slip.answers[0] for slip in waiting} == {NOT_READY}
            assert voters.intake.fault

    asyncio.run(run())
    assert own.client.xlen(own.keys().log) == 1


@pytest.mark.parametrize("cut", [0, 200])
def test_a_box_that_comes_back_without_the_end_of_its_log_raises_an_alarm(
    own: Box, server: ValkeyServer, cut: int
) -> None:
    """What the disk lost and the flush had not got to is in neither store, and ids go on: only the API can tell."""

    async def run() -> None:
        async with voting(server.url, callers=1) as voters:
            for account in range(1, 20):
                assert await voters.vote(account) is COUNTED
            server.kill()
            assert await voters.vote(40) is NOT_CONFIRMED
            [path] = (server.folder / "appendonlydir").glob("*.incr.aof")
            os.truncate(path, path.stat().st_size - cut)
            server.start()
            await until(lambda: voters.intake.connected, what="a connection")
            assert await voters.vote(30) is COUNTED
            assert await voters.vote(1) is ALREADY
            assert voters.intake.fault is None

    with capture_logs() as lines:
        asyncio.run(run())
    said = [line["event"] for line in lines if "ALARM" in line["event"]]
    assert said == ["ALARM: the box came back without the end of its log: acknowledged votes are lost"] * bool(cut)
    with closing(box_client(server.url)) as client:
        assert (len(Box(client).logged_votes()) < 20) == bool(cut)
