"""Opening and repair: each way in which a store can lose something or go back in time, and a death at every step."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from models.ballot_box import drain, steer
from models.ballot_box.connection import box_client
from models.cursor import read_cursors
from models.database import transaction, worker_engine
from models.outcomes import Outcome
from models.secrets import KeyRing
from tests.servers import database_name
from tests.workers.contests import KEYS, Stage, stage
from tests.workers.minute_counts import assert_minutes_fit
from workers import repair as repair_module
from workers.books import compare, prove
from workers.flush import LogFaultError, NotReadyError, flush_batch
from workers.repair import RepairRefusedError, repair


def flush(made: Stage) -> int:
    written = 0
    with made.engine.connect() as connection:
        while flushed := flush_batch(connection, made.client, made.contest_id, 0).events:
            written += flushed
    return written


def assert_all_is_well(made: Stage, votes: list[tuple[int, int]]) -> None:
    """Exactly these votes, in rows, tallies and ballots; each is `already_voted`; nothing pending, no drift."""
    assert sorted(made.rows()) == sorted(votes)
    books = compare(made.engine, made.client, made.contest)
    assert (books.drift, books.pending, books.parked) == (0, 0, 0)
    assert books.shards[0].box_votes == books.shards[0].ledger_votes == len(votes)
    [proof] = prove(made.engine, made.client, made.contest, wait_s=1.0)
    assert proof.holds, proof
    assert_minutes_fit(made)
    for at in range(0, len(votes), 1000):
        assert set(made.cast(*votes[at : at + 1000])) == {Outcome.ALREADY_VOTED}


def test_the_first_opening_is_a_repair_from_an_empty_ledger(open_contest: Stage) -> None:
    votes = open_contest.cast_many(3)
    flush(open_contest)
    assert_all_is_well(open_contest, votes)


def test_a_repair_of_what_is_whole_changes_nothing_but_the_epoch(open_contest: Stage) -> None:
    votes = open_contest.cast_many(20)
    flush(open_contest)
    votes += open_contest.cast_many(10, entry=2)
    before = open_contest.contest.epoch
    for _ in range(2):
        report = open_contest.repair()
        assert (report.recovered, report.refilled, report.voided, report.misfits) == (0, 0, 0, [])
        assert_all_is_well(open_contest, votes)
    assert open_contest.contest.epoch != before
    assert open_contest.cast((7, 1), epoch=before) == [Outcome.NOT_READY], "an old epoch is refused"


def test_a_box_that_was_emptied_is_filled_again(open_contest: Stage) -> None:
    votes = open_contest.cast_many(2500) + open_contest.cast_many(7, entry=3)
    flush(open_contest)
    steer.void(open_contest.client, open_contest.keys(), open_contest.contest.epoch, votes[:2], "thử")
    flush(open_contest)
    open_contest.client.flushall()
    with pytest.raises(NotReadyError):
        flush(open_contest)
    report = open_contest.repair()
    assert report.refilled == 2507
    assert set(open_contest.cast(*votes[:2])) == {Outcome.ALREADY_VOTED}, "void votes stay in their ballots"
    assert_all_is_well(open_contest, votes[2:])
    assert open_contest.client.smembers(open_contest.keys().voided) == {
        f"{account}:{entry}".encode() for account, entry in votes[:2]
    }


def test_a_box_that_lost_everything_is_an_alarm_and_a_first_opening_is_none(open_contest: Stage) -> None:
    with capture_logs() as logs:
        open_contest.repair()
    assert [line for line in logs if line["log_level"] == "error"] == []
    open_contest.client.flushall()
    with capture_logs() as logs:
        open_contest.repair()
    assert [line["box_epoch"] for line in logs if line["event"].startswith("ALARM")] == [None]


@pytest.mark.parametrize(
    ("key", "member"), [("ballot:5", str(2**40)), (f"ballot:{2**70}", "1"), ("ballot:-1", "1"), ("voided", "x:1")]
)
def test_members_that_are_no_votes_do_not_end_a_repair(open_contest: Stage, key: str, member: str) -> None:
    votes = open_contest.cast_many(3)
    open_contest.client.sadd(open_contest.keys().log.removesuffix("log") + key, member)
    report = open_contest.repair()
    assert len(report.misfits) == (0 if key == "voided" else 1)
    assert sorted(open_contest.rows()) == votes


@contextmanager
def own_box(valkey_factory: Any, database: str) -> Iterator[tuple[Stage, Any]]:
    server = valkey_factory("box")
    with stage(server.url, database) as made:
        yield made, server


def test_a_box_restored_from_an_older_aof(valkey_factory: Any, database: str) -> None:
    with own_box(valkey_factory, database) as (made, server):
        votes = made.cast_many(50)
        flush(made)
        server.stop()
        copy = server.folder.with_name(server.folder.name + "-copy")
        shutil.copytree(server.folder, copy)
        server.start()
        votes += made.cast_many(50)
        flush(made)
        server.kill()
        shutil.rmtree(server.folder)
        shutil.copytree(copy, server.folder)
        server.start()
        # Until the fault is found the old box takes votes: new ones, and one that the ledger has already.
        assert made.cast(votes[-1]) == [Outcome.COUNTED]
        votes += made.cast_many(5)
        with pytest.raises(LogFaultError):
            flush(made)
        report = made.repair()
        assert report.refilled == 49
        assert_all_is_well(made, votes)


def test_a_box_restored_to_before_a_restore_does_not_void_again(valkey_factory: Any, database: str) -> None:
    """The ledger knows the later decision, and its id is greater."""
    with own_box(valkey_factory, database) as (made, server):
        votes = made.cast_many(3)
        steer.void(made.client, made.keys(), made.contest.epoch, votes[:1], "máy")
        flush(made)
        server.stop()
        copy = server.folder.with_name(server.folder.name + "-copy")
        shutil.copytree(server.folder, copy)
        server.start()
        steer.restore(made.client, made.keys(), made.contest.epoch, votes[:1], "nhầm")
        flush(made)
        server.kill()
        shutil.rmtree(server.folder)
        shutil.copytree(copy, server.folder)
        server.start()
        with pytest.raises(LogFaultError):
            flush(made)
        made.repair()
        assert_all_is_well(made, votes)


def test_a_box_whose_last_events_are_lost(valkey_factory: Any, database: str) -> None:
    """A disk that lied about fsync: the ledger is ahead of the log."""
    with own_box(valkey_factory, database) as (made, _server):
        votes = made.cast_many(10)
        flush(made)
        [(last, _)] = made.client.xrevrange(made.keys().log, count=1)
        made.client.xdel(made.keys().log, last)
        made.client.srem(made.keys().ballot + str(votes[-1][0]), 1)
        made.client.hincrby(made.keys().tally, "1", -1)
        with pytest.raises(LogFaultError):
            flush(made)
        assert made.repair().refilled == 1
        assert_all_is_well(made, votes)


def test_a_clock_that_steps_back(open_contest: Stage) -> None:
    """Log ids run ahead of the clock then, and everything goes by ids."""
    votes = open_contest.cast_many(3)
    flush(open_contest)
    log = open_contest.keys().log
    [opened, *_rest] = drain.whole_log(open_contest.client, open_contest.keys())
    hour_ahead = drain.log_id(open_contest.client.xrevrange(log, count=1)[0][0])[0] + 3_600_000
    open_contest.client.xadd(log, {"e": opened[2]}, id=f"{hour_ahead}-0")
    votes += open_contest.cast_many(5)
    ids = [event[:2] for event in drain.whole_log(open_contest.client, open_contest.keys())]
    assert ids == sorted(ids)
    assert ids[-1] == (hour_ahead, 5)
    assert flush(open_contest) == 6
    assert_all_is_well(open_contest, votes)
    open_contest.repair()
    votes += open_contest.cast_many(2)
    assert drain.log_id(open_contest.client.xrevrange(log, count=1)[0][0]) > (hour_ahead, 5), "ids never go back"
    flush(open_contest)
    assert_all_is_well(open_contest, votes)
    assert not open_contest.rows("SELECT 1 FROM votes WHERE cast_at > now() + interval '1 minute'")


@contextmanager
def restored_ledger(made: Stage, copy: str) -> Iterator[Stage]:
    engine = worker_engine(copy)
    yield Stage(engine, made.client, made.contest_id)
    engine.dispose()


def copy_of(made: Stage, postgres: Any, database: str) -> str:
    made.engine.dispose()
    url: str = postgres.new_database(database_name(database))
    return url


def test_a_ledger_restored_to_an_older_state_goes_on_from_the_log(
    open_contest: Stage, postgres: Any, database: str
) -> None:
    votes = open_contest.cast_many(20)
    flush(open_contest)
    copy = copy_of(open_contest, postgres, database)
    votes += open_contest.cast_many(20)
    flush(open_contest)
    with restored_ledger(open_contest, copy) as restored:
        assert len(restored.rows()) == 20
        assert flush(restored) == 20, "the log's tail still has them, evidence and all"
        assert_all_is_well(restored, votes)


def test_a_ledger_restored_to_a_state_older_than_the_log(
    open_contest: Stage, postgres: Any, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "KEEP_MS", 0)
    votes = open_contest.cast_many(20)
    flush(open_contest)
    copy = copy_of(open_contest, postgres, database)
    votes += open_contest.cast_many(400)
    steer.void(open_contest.client, open_contest.keys(), open_contest.contest.epoch, votes[30:32], "máy")
    flush(open_contest)
    votes += open_contest.cast_many(3)
    flush(open_contest)
    with transaction(open_contest.engine) as connection:
        at = read_cursors(connection, open_contest.contest_id)[0].at
    open_contest.client.xtrim(open_contest.keys().log, minid=f"{at[0]}-{at[1]}", approximate=False)
    with restored_ledger(open_contest, copy) as restored:
        with pytest.raises(LogFaultError):
            flush(restored)
        report = restored.repair()
        assert (report.recovered, report.voided) == (402, 2), "what only the ballots and the voided set know"
        assert_all_is_well(restored, votes[:30] + votes[32:])
        recovered = restored.rows(
            "SELECT account_id, receipt, cast_at, evidence FROM votes WHERE recovered_at IS NOT NULL"
        )
        assert len(recovered) == 402
        for account, receipt, cast_at, evidence in recovered:
            assert (receipt, cast_at, evidence) == (restored.receipts.number(account, 1), None, None)


def test_a_ballot_key_of_the_wrong_type_gives_way(open_contest: Stage) -> None:
    votes = open_contest.cast_many(3)
    flush(open_contest)
    key = open_contest.keys().ballot + str(votes[1][0])
    open_contest.client.delete(key)
    open_contest.client.set(key, "garbage")
    assert open_contest.cast(votes[1]) == [Outcome.NOT_READY]
    report = open_contest.repair()
    assert report.misfits == [key]
    assert_all_is_well(open_contest, votes)


def test_a_parked_vote_comes_home_with_the_ballots(open_contest: Stage) -> None:
    votes = open_contest.cast_many(3)
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql(f"ALTER TABLE votes ADD CONSTRAINT ck_test CHECK (account_id <> {votes[1][0]})")
    flush(open_contest)
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE votes DROP CONSTRAINT ck_test")
    open_contest.repair()
    assert_all_is_well(open_contest, votes)


def test_a_box_of_an_unknown_epoch_stays_shut_until_a_person_vouches(
    open_contest: Stage, postgres: Any, database: str
) -> None:
    votes = open_contest.cast_many(5)
    flush(open_contest)
    copy = copy_of(open_contest, postgres, database)
    open_contest.repair()
    votes += open_contest.cast_many(5)
    with restored_ledger(open_contest, copy) as restored:
        with pytest.raises(LogFaultError):
            flush(restored)
        for _ in range(2):
            with pytest.raises(RepairRefusedError, match="does not know"):
                restored.repair()
        assert open_contest.cast((99, 1)) == [Outcome.NOT_READY]
        assert len(restored.rows()) == 5, "nothing was poured"
        restored.repair(accept_epoch=True)
        assert_all_is_well(restored, votes)


def test_a_foreign_box_without_a_contest_is_not_poured(open_contest: Stage) -> None:
    open_contest.cast_many(5)
    open_contest.client.delete(open_contest.keys().contest)
    with pytest.raises(RepairRefusedError, match="does not know"):
        open_contest.repair()
    assert open_contest.rows() == []


def test_another_identity_key_is_refused(open_contest: Stage) -> None:
    other = KeyRing(identity_key="another", session_keys=("x",))
    with pytest.raises(RepairRefusedError, match="identity key"):
        repair(open_contest.engine, open_contest.client, open_contest.contest_id, other)
    assert open_contest.cast((5, 1)) == [Outcome.COUNTED], "and the box was left alone"


def test_voting_that_was_stopped_on_the_box_alone_stays_stopped(open_contest: Stage) -> None:
    steer.stop(open_contest.client, open_contest.keys())
    open_contest.repair()
    assert open_contest.cast((5, 1)) == [Outcome.PAUSED]
    assert open_contest.contest.state == "paused"


def test_of_two_repairs_only_the_newer_goes_on(open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    votes = open_contest.cast_many(5)
    forget = steer.forget

    def overtaken(client: Any, keys: Any, token: str) -> None:
        monkeypatch.setattr(steer, "forget", forget)
        with closing(box_client(_url(open_contest))) as other:
            steer.shut(other, keys, "the newer repair")
        forget(client, keys, token)

    monkeypatch.setattr(steer, "forget", overtaken)
    with pytest.raises(steer.RepairTakenOverError):
        open_contest.repair()
    open_contest.repair()
    assert_all_is_well(open_contest, votes)


def test_a_second_repair_beside_the_first_is_refused(open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    shut = steer.shut

    def meanwhile(*args: Any) -> Any:
        monkeypatch.setattr(steer, "shut", shut)
        with pytest.raises(RepairRefusedError, match="another repair"):
            open_contest.repair()
        return shut(*args)

    monkeypatch.setattr(steer, "shut", meanwhile)
    open_contest.repair()


def _url(made: Stage) -> str:
    return "unix://" + made.client.connection_pool.connection_kwargs["path"]


class Crash(Exception):  # noqa: N818 - a death, not an error
    """The worker dies here."""


def _dying(monkeypatch: pytest.MonkeyPatch, step: int, *, after: bool) -> Callable[[], int]:
    """The nth call of a box function dies, before it is sent or after it was done. Returns how many were made."""
    real, calls = steer.call, 0

    def call(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == step and not after:
            raise Crash
        reply = real(*args)
        if calls == step:
            raise Crash
        return reply

    monkeypatch.setattr(steer, "call", call)
    return lambda: calls


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("emptied", [False, True])
def test_killed_at_every_step_and_run_again(
    open_contest: Stage, monkeypatch: pytest.MonkeyPatch, *, after: bool, emptied: bool
) -> None:
    votes = open_contest.cast_many(30)
    flush(open_contest)
    step, died = 1, True
    while died:
        if emptied:
            open_contest.client.flushall()
        else:
            votes += open_contest.cast_many(1)
        with monkeypatch.context() as patch:
            made = _dying(patch, step, after=after)
            try:
                open_contest.repair()
                died = False
            except Crash:
                died = True
            assert made() >= step or not died
        open_contest.repair()
        assert_all_is_well(open_contest, votes)
        step += 1
    assert step >= 7, "there are at least so many steps"


def test_killed_before_its_last_commit(open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log has begun anew, the cursor row has not."""
    votes = open_contest.cast_many(30)

    def die(*_args: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(repair_module, "begin_cursor", die)
        with pytest.raises(Crash):
            open_contest.repair()
    assert open_contest.cast((5, 1)) == [Outcome.NOT_READY]
    open_contest.repair()
    assert_all_is_well(open_contest, votes)


def test_entry_ids_that_votes_name_are_never_given_again(open_contest: Stage) -> None:
    open_contest.client.sadd(open_contest.keys().entries, 900)
    open_contest.cast((5, 900))
    open_contest.repair()
    with transaction(open_contest.engine) as connection:
        assert connection.exec_driver_sql("SELECT nextval('entries_id_seq')").scalar_one() == 901


def test_shards_are_repaired_together(box: str, database: str) -> None:
    with stage(box, database, shards=3) as made:
        for account in range(12):
            assert made.cast((account, 1)) == [Outcome.COUNTED]
        for key in made.client.scan_iter(match="{1.1}*"):
            made.client.delete(key)
        made.repair()
        for account in range(12):
            lost = account % 3 == 1
            assert made.cast((account, 1)) == [Outcome.COUNTED if lost else Outcome.ALREADY_VOTED]
        assert KEYS.fingerprint() == made.contest.key_fingerprint


def test_votes_for_an_entry_that_the_ledger_does_not_know_are_kept_and_said(open_contest: Stage) -> None:
    open_contest.client.sadd(open_contest.keys().entries, 900)
    assert open_contest.cast((5, 900)) == [Outcome.COUNTED]
    assert open_contest.repair().strangers == 1
    assert open_contest.rows() == [(5, 900)]
