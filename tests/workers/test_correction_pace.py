"""Who votes comes first: how fast a correction goes, and that it leaves the box room."""

import threading
from typing import Any

import pytest

from models.ballot_box import steer
from models.ballot_box.drain import read_room
from tests.workers.contests import Stage, stage
from tests.workers.correcting import (
    approved,
    correction,
    counted,
    everything_agrees,
    flushed,
    flushing,
    of,
    proposed,
    resumed,
    run,
    task,
)
from workers import correction_pace, correction_sending
from workers.correction_pace import EVENT_BYTES, FAST, MEMBER_BYTES, NO_ROOM, SLOW, Pace, no_room
from workers.flush import flush_batch

REASON = "Phiếu do phần mềm tự động gửi từ nhiều tài khoản được đăng ký hàng loạt trong một giờ."


def pace(made: Stage) -> Pace:
    found = Pace(made.engine, made.client, made.contest)
    found.after(0)
    return found


def test_slow_until_it_is_known_that_nobody_votes(open_contest: Stage) -> None:
    found = pace(open_contest)
    assert found.per_s == SLOW
    found.after(0)
    assert found.per_s == FAST


def test_slow_while_many_vote_and_fast_again(open_contest: Stage) -> None:
    found = pace(open_contest)
    votes = open_contest.cast_many(2_000)
    found.at -= 5  # 400 a second
    found.after(0)
    assert found.per_s == SLOW
    steer.void(open_contest.client, open_contest.keys(), open_contest.contest.epoch, votes[:1_000], "thử")
    found.after(1_000)  # its own votes are no reason to be slow
    assert found.per_s == FAST


def test_slow_after_a_log_was_begun_anew(open_contest: Stage) -> None:
    open_contest.cast_many(100)
    found = pace(open_contest)
    open_contest.repair()
    found.after(0)
    assert found.per_s == SLOW


def test_a_flush_that_is_behind_is_waited_for(open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correction_pace, "BEHIND", 50)
    open_contest.cast_many(100)
    found, looked = pace(open_contest), 0

    def look() -> None:
        nonlocal looked
        looked += 1
        with open_contest.engine.connect() as connection:
            flush_batch(connection, open_contest.client, open_contest.contest_id, 0, limit=20)

    found.wait_for_the_flush(look, 0.001)
    assert looked == 3


def test_what_a_void_takes_in_the_box_is_less_than_is_reckoned(valkey_factory: Any, database: str) -> None:
    server = valkey_factory("box")
    with stage(server.url, database) as made:
        votes = [(2**62 + number, 1) for number in range(40_000)]  # accounts are long numbers
        for at in range(0, len(votes), 1_000):
            made.cast(*votes[at : at + 1_000])
        flushed(made)
        keys = made.keys()
        before = read_room(made.client, [keys]).used
        for at in range(0, len(votes), 500):
            steer.void(made.client, keys, made.contest.epoch, votes[at : at + 500], REASON)
        each = (read_room(made.client, [keys]).used - before) / len(votes)
        assert each < EVENT_BYTES + MEMBER_BYTES + len(REASON.encode()) < 2 * each


def test_a_void_that_would_fill_the_box_does_not_begin(valkey_factory: Any, database: str) -> None:
    server = valkey_factory("box")
    with stage(server.url, database) as made:
        made.cast_many(50, entry=2)
        votes = made.cast_many(4_000)
        flushed(made)
        correction_id = proposed(made, of(votes))
        task_id = approved(made, correction_id)
        room = read_room(made.client, [made.keys()])
        made.client.config_set("maxmemory", int(room.used / correction_pace.HIGHEST) + 200_000)
        assert run(made, task_id).state == "failed"
        assert task(made, task_id).problem.split("%")[0].startswith(NO_ROOM.split("%")[0])
        assert "BOX_MAXMEMORY" in task(made, task_id).problem
        assert len(counted(made)) == 4_050
        assert made.cast((77, 3))  # there is room for who votes
        made.client.config_set("maxmemory", "256mb")
        assert run(made, resumed(made, correction_id)).state == "done"
        assert len(counted(made)) == 51


def test_a_box_that_fills_up_meanwhile_stops_it_where_it_stands(
    valkey_factory: Any, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correction_sending, "PAGE", 500)
    server = valkey_factory("box")
    with stage(server.url, database) as made:
        made.cast_many(50, entry=2)
        votes = made.cast_many(2_000)
        flushed(made)
        correction_id = proposed(made, of(votes))
        task_id = approved(made, correction_id)
        real = correction_sending.mark_done

        def fill(*args: Any) -> None:
            real(*args)
            made.client.config_set("maxmemory", read_room(made.client, [made.keys()]).used)

        with monkeypatch.context() as patch:
            patch.setattr(correction_sending, "mark_done", fill)
            assert run(made, task_id).state == "failed"
        assert correction(made, correction_id).state == "running"
        assert len(counted(made)) == 1_550
        made.client.config_set("maxmemory", "256mb")
        assert run(made, resumed(made, correction_id)).state == "done"
        assert len(counted(made)) == 50


def test_room_is_reckoned_by_what_the_log_keeps(open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flush trims the log to KEEP_EVENTS: more events than these take no more room."""
    client, contest = open_contest.client, open_contest.contest
    limit = int(client.info("memory")["maxmemory"])
    many = limit // EVENT_BYTES  # their events alone would fill it
    monkeypatch.setattr(correction_pace, "KEEP_EVENTS", many)
    assert no_room(client, contest, many, "", voids=False)
    monkeypatch.setattr(correction_pace, "KEEP_EVENTS", 1_000)
    assert not no_room(client, contest, many, "", voids=False)
    assert no_room(client, contest, many, "", voids=True)


def test_a_void_while_many_vote_is_slow_and_whole(open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correction_pace, "SLOW", 500)
    suspects = open_contest.cast_many(300)
    cast = open_contest.cast_many(10, entry=2)
    stopping, speeds = threading.Event(), set()
    real = Pace.after

    def after(self: Pace, own: int) -> None:
        real(self, own)
        speeds.add(self.per_s)

    def voters() -> None:
        while not stopping.is_set():
            cast.extend(open_contest.cast_many(100, entry=2))
            stopping.wait(0.05)

    monkeypatch.setattr(Pace, "after", after)
    monkeypatch.setattr(correction_sending, "PAGE", 50)
    with flushing(open_contest):
        flushed(open_contest)
        task_id = approved(open_contest, proposed(open_contest, of(suspects)))
        thread = threading.Thread(target=voters)
        thread.start()
        try:
            assert run(open_contest, task_id).state == "done"
        finally:
            stopping.set()
            thread.join()
    assert 500 in speeds
    assert counted(open_contest) == set(cast)
    everything_agrees(open_contest)
