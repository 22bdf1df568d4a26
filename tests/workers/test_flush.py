"""The flush on real servers: what it writes, the overlap rule, and each row of its crash table."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from models.ballot_box import drain, steer
from models.ballot_box.connection import BoxAway
from models.cursor import CursorMovedError, lock_cursor, move_cursor, read_cursors
from models.database import LedgerAway, transaction
from models.event import FIRST, Kind
from models.outcomes import Outcome
from tests.servers import wait_for
from tests.workers.contests import Stage, stage
from tests.workers.minute_counts import assert_minutes_fit
from workers.books import compare
from workers.flush import LogFaultError, NotReadyError, ShardTakenError, flush_batch, flush_slice


class Crash(Exception):  # noqa: N818 - a death, not an error
    """The worker dies here."""


def flush(made: Stage, **options: object) -> int:
    with made.engine.connect() as connection:
        return flush_batch(connection, made.client, made.contest_id, 0, **options).events


def assert_all_is_well(made: Stage, votes: int) -> None:
    """So many votes in box and ledger, by tallies and by rows, none twice, nothing pending."""
    books = compare(made.engine, made.client, made.contest)
    assert (books.drift, books.pending, books.parked, books.conflicts) == (0, 0, 0, 0)
    assert books.shards[0].ledger_votes == books.shards[0].box_votes == votes
    rows = made.rows()
    assert len(rows) == len(set(rows)) == votes
    assert_minutes_fit(made)


def test_a_vote_reaches_the_ledger_with_all_that_belongs_to_it(open_contest: Stage) -> None:
    assert open_contest.cast((42, 1)) == [Outcome.COUNTED]
    assert flush(open_contest) == 1
    [row] = open_contest.rows(
        "SELECT account_id, entry_id, shard, proof, receipt, evidence, cast_at IS NOT NULL,"
        " abs(extract(epoch FROM cast_at) * 1000 - log_ms) < 5 FROM votes"
    )
    assert row == (42, 1, 0, 128, open_contest.receipts.number(42, 1), b"evidence", True, True)
    assert_all_is_well(open_contest, 1)


def test_the_books_agree_while_events_are_pending(open_contest: Stage) -> None:
    open_contest.cast_many(50)
    flush(open_contest)
    open_contest.cast_many(30, entry=2)
    books = compare(open_contest.engine, open_contest.client, open_contest.contest)
    assert (books.drift, books.pending) == (0, 30)
    assert (books.shards[0].box_votes, books.shards[0].ledger_votes) == (80, 50)
    assert books.lag_s >= 0


def test_a_log_longer_than_a_batch_is_flushed_in_several(open_contest: Stage) -> None:
    open_contest.cast_many(25)
    assert [flush(open_contest, limit=10) for _ in range(4)] == [10, 10, 5, 0]
    assert_all_is_well(open_contest, 25)


def test_voids_and_restores_reach_rows_and_tallies(open_contest: Stage) -> None:
    votes = open_contest.cast_many(4)
    epoch = open_contest.contest.epoch
    keys = open_contest.keys()
    assert steer.void(open_contest.client, keys, epoch, votes[:3], "máy bỏ phiếu") == "ddd"
    assert steer.void(open_contest.client, keys, epoch, votes[:3], "lần nữa") == "sss"
    assert steer.restore(open_contest.client, keys, epoch, votes[:1], "nhầm") == "d"
    flush(open_contest)
    assert sorted(open_contest.rows()) == sorted([votes[0], votes[3]])
    reasons = open_contest.rows("SELECT void_reason FROM votes WHERE voided_at IS NOT NULL")
    assert reasons == [("máy bỏ phiếu",)] * 2
    books = compare(open_contest.engine, open_contest.client, open_contest.contest)
    assert (books.drift, books.shards[0].box_votes, books.shards[0].ledger_votes) == (0, 2, 2)


# The crash table, row by row.


@pytest.mark.parametrize("limit", [10_000, 7])
def test_dies_before_the_commit_and_the_same_events_come_again(open_contest: Stage, limit: int) -> None:
    open_contest.cast_many(20)

    def die() -> None:
        raise Crash

    for _ in range(3):
        with pytest.raises(Crash):
            flush(open_contest, limit=limit, before_commit=die)
        assert open_contest.rows() == []
    while flush(open_contest, limit=limit):
        pass
    assert_all_is_well(open_contest, 20)


def test_killed_before_the_commit_by_the_kernel(open_contest: Stage, box: str, database: str) -> None:
    open_contest.cast_many(20)
    with flush_process(open_contest, box, database, "os.kill(os.getpid(), 9)") as worker:
        assert worker.wait(20) == -signal.SIGKILL
    assert open_contest.rows() == []
    wait_for(lambda: _flushed(open_contest), what="the dead worker's lock is gone")
    assert_all_is_well(open_contest, 20)


def test_the_answer_to_the_commit_is_lost_and_the_cursor_row_tells(open_contest: Stage) -> None:
    open_contest.cast_many(20)
    with open_contest.engine.connect() as connection:
        real = connection.connection.driver_connection
        assert real is not None
        commit = real.commit

        def commit_and_lose_the_answer() -> None:
            commit()
            real.close()
            raise LedgerAway("connection lost in COMMIT")

        real.commit = commit_and_lose_the_answer
        with pytest.raises(LedgerAway):
            flush_batch(connection, open_contest.client, open_contest.contest_id, 0)
        connection.invalidate()
    assert flush(open_contest) == 0
    assert_all_is_well(open_contest, 20)


def test_dies_after_the_commit_before_the_trim(open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "KEEP_MS", 0)
    open_contest.cast_many(300)
    flush(open_contest)  # and no trim: the worker died
    length = open_contest.client.xlen(open_contest.keys().log)
    assert length == 301
    open_contest.cast_many(300)
    slice_of(open_contest)
    assert open_contest.client.xlen(open_contest.keys().log) < length + 300
    assert_all_is_well(open_contest, 600)


def slice_of(made: Stage, seconds: float = 0.02) -> int:
    return flush_slice(
        made.engine, made.client, made.contest_id, 0, seconds=seconds, stopping=lambda: False, wait=lambda _s: None
    )


def test_stopped_with_the_row_locked_and_others_skip_the_shard(open_contest: Stage, box: str, database: str) -> None:
    open_contest.cast_many(20)
    with flush_process(open_contest, box, database, "os.kill(os.getpid(), signal.SIGSTOP)") as worker:
        _wait_stopped(worker)
        with pytest.raises(ShardTakenError):
            flush(open_contest)
        # What PostgreSQL does by itself after 30 s (idle_in_transaction_session_timeout) is done here at once.
        _end_other_sessions(open_contest)
        wait_for(lambda: _flushed(open_contest), what="the lock is free")
        assert_all_is_well(open_contest, 20)
        worker.send_signal(signal.SIGCONT)
        assert worker.wait(60) != 0, "its transaction is gone"
    assert_all_is_well(open_contest, 20)


def test_idle_transactions_are_ended_by_postgresql(open_contest: Stage) -> None:
    with open_contest.engine.connect() as connection:
        shown = connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one()
        assert shown == "30s"
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"


def test_two_flushers_one_of_them_stopped_between_transactions(open_contest: Stage, box: str, database: str) -> None:
    """It wakes with nothing in hand: it locks and reads anew, and writes nothing twice."""
    script = (
        "while True:\n"
        "        if flush_batch(c, client, {contest}, 0, limit=5).events: os.kill(os.getpid(), signal.SIGSTOP)\n"
        "        else: time.sleep(0.02)"
    )
    with flush_process(open_contest, box, database, "pass", body=script) as worker:
        for _round in range(5):
            open_contest.cast_many(40)
            _wait_stopped(worker)
            assert flush(open_contest) == 35
            worker.send_signal(signal.SIGCONT)
        wait_for(lambda: compare(open_contest.engine, open_contest.client, open_contest.contest).pending == 0)
    assert_all_is_well(open_contest, 200)


def _wait_stopped(worker: "subprocess.Popen[bytes]") -> None:
    wait_for(lambda: psutil.Process(worker.pid).status() == psutil.STATUS_STOPPED, what="the worker has stopped")


def test_a_late_trim_with_an_old_cursor_drops_nothing_that_is_needed(
    open_contest: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "KEEP_MS", 0)
    keys = open_contest.keys()
    open_contest.cast_many(500)
    flush(open_contest)
    with transaction(open_contest.engine) as connection:
        old = read_cursors(connection, open_contest.contest_id)[0].at
    open_contest.cast_many(500)
    flush(open_contest)
    slice_of(open_contest)
    drain.trim(open_contest.client, keys, old)
    open_contest.cast_many(10)
    assert flush(open_contest) == 10
    assert_all_is_well(open_contest, 1010)


def test_the_trim_keeps_a_tail_and_never_passes_the_cursor(
    open_contest: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = open_contest.keys()
    open_contest.cast_many(1000)
    flush(open_contest, limit=600)
    with transaction(open_contest.engine) as connection:
        cursor = read_cursors(connection, open_contest.contest_id)[0].at
    drain.trim(open_contest.client, keys, cursor)
    assert open_contest.client.xlen(keys.log) == 1001, "15 minutes stay"
    monkeypatch.setattr(drain, "KEEP_EVENTS", 100)
    drain.trim(open_contest.client, keys, cursor)
    remaining = list(drain.whole_log(open_contest.client, keys))
    assert cursor in [event[:2] for event in remaining]
    assert 401 <= len(remaining) < 1001
    while flush(open_contest):
        pass
    assert_all_is_well(open_contest, 1000)


# The overlap rule.


def test_a_box_without_its_log_is_a_fault(open_contest: Stage) -> None:
    open_contest.cast_many(5)
    flush(open_contest)
    open_contest.client.delete(open_contest.keys().log)
    with pytest.raises(LogFaultError, match="is not in the log"):
        flush(open_contest)


def test_another_event_at_the_cursor_is_a_fault(open_contest: Stage) -> None:
    open_contest.cast_many(5)
    flush(open_contest)
    log = open_contest.keys().log
    [(last, _)] = open_contest.client.xrevrange(log, count=1)
    open_contest.client.delete(log)
    open_contest.client.xadd(log, {"e": b"another"}, id=last)
    with pytest.raises(LogFaultError, match="another one"):
        flush(open_contest)


def test_another_epoch_is_a_fault(open_contest: Stage) -> None:
    open_contest.client.hset(open_contest.keys().contest, "epoch", "7")
    with pytest.raises(LogFaultError, match="epoch 7"):
        flush(open_contest)


def test_pending_events_that_cannot_be_read_are_a_fault(open_contest: Stage) -> None:
    open_contest.cast_many(9)
    log = open_contest.keys().log
    [_opened, (first, _), *_rest] = open_contest.client.xrange(log)
    open_contest.client.xdel(log, first)
    with pytest.raises(LogFaultError, match="9 events are pending, 8 can be read"):
        flush(open_contest)
    assert open_contest.rows() == []


def test_a_box_without_the_contest_is_not_ready(open_contest: Stage) -> None:
    open_contest.cast_many(5)
    open_contest.client.delete(open_contest.keys().contest)
    with pytest.raises(NotReadyError):
        flush(open_contest)
    assert open_contest.rows() == []


def test_an_empty_log_needs_no_exception(open_contest: Stage) -> None:
    assert [flush(open_contest) for _ in range(3)] == [0, 0, 0]
    assert_all_is_well(open_contest, 0)


def test_a_cursor_that_was_moved_meanwhile_is_never_moved_again(open_contest: Stage) -> None:
    with transaction(open_contest.engine) as connection:
        cursor = lock_cursor(connection, open_contest.contest_id, 0)
        assert cursor is not None
        move_cursor(connection, cursor, (cursor.at[0], cursor.at[1] + 1), b"x", 1, 0)
        with pytest.raises(CursorMovedError):
            move_cursor(connection, cursor, (cursor.at[0] + 2, 0), b"y", 1, 0)


# Data that the ledger refuses, and the second belt.


def test_a_refused_event_is_found_by_halving_and_parked(open_contest: Stage) -> None:
    votes = open_contest.cast_many(100)
    bad = votes[37][0]
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql(f"ALTER TABLE votes ADD CONSTRAINT ck_test CHECK (account_id <> {bad})")
    assert flush(open_contest) == 100
    assert len(open_contest.rows()) == 99
    [(account, sqlstate)] = open_contest.rows("SELECT account_id, sqlstate FROM parked_events")
    assert (account, sqlstate) == (bad, "23514")
    books = compare(open_contest.engine, open_contest.client, open_contest.contest)
    assert (books.drift, books.pending, books.parked, books.conflicts) == (0, 0, 1, 0), "parked stands in the books"


def test_bytes_that_are_no_event_are_parked_and_the_rest_goes_on(open_contest: Stage) -> None:
    open_contest.cast_many(3)
    for garbage in (b"", b"\x01", b"\x09\x02" + b"x" * 60, b"\x01\x02short", b"\x01\x63" + b"x" * 8):
        open_contest.client.xadd(open_contest.keys().log, {"e": garbage})
    open_contest.cast_many(3)
    assert flush(open_contest) == 11
    assert len(open_contest.rows()) == 6
    assert len(open_contest.rows("SELECT 1 FROM parked_events")) == 5


def test_a_void_without_its_vote_is_parked(open_contest: Stage) -> None:
    [vote] = open_contest.cast_many(1)
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql(f"ALTER TABLE votes ADD CONSTRAINT ck_test CHECK (account_id <> {vote[0]})")
    steer.void(open_contest.client, open_contest.keys(), open_contest.contest.epoch, [vote], "thử")
    flush(open_contest)
    books = compare(open_contest.engine, open_contest.client, open_contest.contest)
    assert (books.drift, books.parked) == (0, 2)


def test_a_vote_that_stands_in_the_ledger_already_is_counted_as_a_conflict(open_contest: Stage) -> None:
    votes = open_contest.cast_many(3)
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql(
            f"INSERT INTO votes (account_id, entry_id, shard, receipt) VALUES ({votes[1][0]}, 1, 0, 1)"
        )
    flush(open_contest)
    assert sorted(open_contest.rows()) == sorted(votes), "UNIQUE is the second belt: none twice"
    books = compare(open_contest.engine, open_contest.client, open_contest.contest)
    assert books.conflicts == 1
    assert books.drift == 1, "box and ledger differ, and say so"


def test_the_head_of_every_event_is_the_box_time(open_contest: Stage) -> None:
    open_contest.cast_many(3)
    events = list(drain.whole_log(open_contest.client, open_contest.keys()))
    assert [packed[1] for _ms, _seq, packed in events] == [Kind.OPENED, *[Kind.CAST | FIRST] * 3]


# What is away.


def test_a_box_that_is_away_costs_nothing(open_contest: Stage, valkey_factory, database: str) -> None:
    server = valkey_factory("box")
    with stage(server.url, database, slug="khac") as other:
        other.cast_many(5, entry=4)  # ids are unique over all contests
        server.kill()
        with pytest.raises(BoxAway):
            flush(other)
        server.start()
        assert flush(other) == 5
        assert_all_is_well(other, 5)


def test_shards_are_flushed_on_their_own(box: str, database: str) -> None:
    with stage(box, database, shards=3) as made:
        for account in range(30):
            assert made.cast((account, 1)) == [Outcome.COUNTED]
        with made.engine.connect() as connection:
            assert [flush_batch(connection, made.client, made.contest_id, n).events for n in range(3)] == [10, 10, 10]
        books = compare(made.engine, made.client, made.contest)
        assert (books.drift, books.pending, [s.ledger_votes for s in books.shards]) == (0, 0, [10, 10, 10])
        assert dict(made.rows("SELECT shard, count(*) FROM votes GROUP BY shard")) == {
            0: 10,
            1: 10,
            2: 10,
        }


# Helpers: a flusher in a process of its own.


def _flushed(made: Stage) -> bool:
    try:
        flush(made)
    except ShardTakenError:
        return False
    return True


def _end_other_sessions(made: Stage) -> None:
    with transaction(made.engine) as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@contextmanager
def flush_process(
    made: Stage, box: str, database: str, before_commit: str, body: str | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    body = body or "flush_batch(c, client, {contest}, 0, before_commit=before)"
    script = f"""
import os, signal, sys, time
from models.ballot_box.connection import box_client
from models.database import worker_engine
from workers.flush import flush_batch
client = box_client({box!r})
def before():
    {before_commit}
with worker_engine({database!r}).connect() as c:
    {body.format(contest=made.contest_id)}
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], start_new_session=True
    ) as worker:
        try:
            yield worker
        finally:
            worker.kill()
