"""Corrections on real stores, row by row of the crash tables in workers/correction_count.py and correction_run.py."""

import threading
from typing import Any

import pytest

from models import task as tasks
from models.ballot_box import steer
from models.ballot_box.connection import BoxAway
from models.contest import decide_state
from models.correction_criteria import Criteria
from models.correction_votes import Numbers, mark_done, settle
from models.database import LedgerAway, transaction
from tests.workers.contests import Stage, stage
from tests.workers.correcting import (
    REASON,
    Crash,
    approved,
    corrected,
    correction,
    counted,
    died,
    everything_agrees,
    flushed,
    flushing,
    forget_the_worker,
    of,
    proposed,
    run,
    task,
    where,
)
from workers import correction_count, correction_pace, correction_run, correction_sending

Votes = list[tuple[int, int]]


@pytest.fixture(autouse=True)
def _small_and_unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several pages and calls for a handful of votes."""
    monkeypatch.setattr(correction_pace, "FAST", 10**9)
    monkeypatch.setattr(correction_pace, "SLOW", 10**9)
    monkeypatch.setattr(correction_sending, "PAGE", 20)
    monkeypatch.setattr(correction_sending, "CALL", 7)


@pytest.fixture
def votes(open_contest: Stage) -> Votes:
    """50 votes for entry 1 that will be corrected; 200 others."""
    open_contest.cast_many(200, entry=2)
    made = open_contest.cast_many(50)
    flushed(open_contest)
    return made


def test_exactly_the_votes_that_were_counted_are_voided(open_contest: Stage, votes: Votes) -> None:
    correction_id = proposed(open_contest, Criteria(entries=[1], cast_until=open_contest.contest.closes_at))
    later = open_contest.cast_many(5)
    flushed(open_contest)
    before = counted(open_contest)
    task_id = approved(open_contest, correction_id)
    assert run(open_contest, task_id).state == "done"
    assert before - counted(open_contest) == set(votes)
    assert set(later) <= counted(open_contest)
    found = correction(open_contest, correction_id)
    assert (found.state, found.result) == (
        "done",
        {"done": 50, "same": 0, "gone": 0, "waiting": 0, "by_entry": {"1": 50}},
    )
    reasons = set(open_contest.rows("SELECT void_reason FROM votes WHERE voided_at IS NOT NULL"))
    assert reasons == {(REASON,)}


def test_the_dry_run_says_what_will_happen_and_changes_nothing(open_contest: Stage, votes: Votes) -> None:
    account = votes[0][0]
    open_contest.cast((account, 3), (votes[1][0], 3))
    flushed(open_contest)
    before = counted(open_contest)
    found = correction(open_contest, proposed(open_contest, of(votes)))
    assert found.state == "proposed"
    assert found.numbers is not None
    numbers = Numbers.read(found.numbers)
    assert (numbers.votes, numbers.accounts, numbers.by_entry) == (52, 50, {1: 50, 3: 2})
    assert sum(numbers.by_day.values()) == 52
    assert numbers.counted == {1: 50, 2: 200, 3: 2}
    assert found.large  # all votes of entry 1
    assert counted(open_contest) == before


def test_none_and_all_are_refused(open_contest: Stage, votes: Votes) -> None:
    nobody = correction(open_contest, proposed(open_contest, Criteria(accounts=[1])))
    assert (nobody.state, nobody.problem) == ("refused", correction_count.NOTHING)
    everybody = correction(open_contest, proposed(open_contest, Criteria(entries=[1, 2, 3])))
    assert (everybody.state, everybody.problem) == ("refused", correction_count.EVERYTHING)
    assert not correction(open_contest, proposed(open_contest, of(votes[:10]))).large


def test_dies_while_it_counts(open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(correction_count, "numbers_now", died)
        with pytest.raises(Crash):
            proposed(open_contest, of(votes))
    ((task_id, correction_id),) = open_contest.rows("SELECT task_id, id FROM corrections")
    assert open_contest.rows("SELECT * FROM correction_votes") == []
    forget_the_worker(open_contest)
    run(open_contest, task_id)
    assert correction(open_contest, correction_id).state == "proposed"
    assert open_contest.rows("SELECT count(*) FROM correction_votes") == [(50,)]


@pytest.mark.parametrize("step", ["_through_the_box", "mark_done", "match_ledger", "raise_version", "settle", "bring"])
def test_dies_anywhere_and_is_run_again(
    open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = counted(open_contest)
    correction_id = proposed(open_contest, of(votes))
    task_id = approved(open_contest, correction_id)
    with monkeypatch.context() as patch:
        patch.setattr(where(step), step, died)
        with pytest.raises(Crash):
            run(open_contest, task_id)
    everything_agrees(open_contest)
    forget_the_worker(open_contest)
    assert run(open_contest, task_id).state == "done"
    assert before - counted(open_contest) == set(votes)
    result = correction(open_contest, correction_id).result
    assert result is not None
    assert result["done"] == 50  # those too whose mark was lost, and whose repeat said “the same”
    assert open_contest.rows("SELECT count(*) FROM audit WHERE action = 'correction.done'") == [(1,)]


@pytest.mark.parametrize("away", [BoxAway("gone"), LedgerAway("gone")])
def test_a_store_is_away_in_the_middle(
    open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch, away: Exception
) -> None:
    correction_id = proposed(open_contest, of(votes))
    task_id = approved(open_contest, correction_id)
    real, calls = mark_done, 0

    def gone(*args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise away
        real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(correction_sending, "mark_done", gone)
        assert run(open_contest, task_id).state == "waiting"
    assert open_contest.rows("SELECT count(*) FROM correction_votes WHERE state = 1") == [(20,)]
    assert run(open_contest, task_id).state == "done"
    assert not set(votes) & counted(open_contest)


def test_the_box_is_away_and_comes_back(valkey_factory: Any, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = valkey_factory("box")
    with stage(server.url, database) as made:
        others, votes = made.cast_many(100, entry=2), made.cast_many(30)
        flushed(made)
        task_id = approved(made, proposed(made, of(votes)))
        real = mark_done

        def kill(*args: Any) -> None:
            real(*args)
            server.kill()

        with monkeypatch.context() as patch:
            patch.setattr(correction_sending, "mark_done", kill)
            assert run(made, task_id).state == "waiting"
        server.start()
        assert run(made, task_id).state == "done"
        assert counted(made) == set(others)


def test_a_repair_meanwhile_begins_another_epoch(
    open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = approved(open_contest, proposed(open_contest, of(votes)))
    real, calls = steer.void, 0

    def void(*args: Any) -> str:
        nonlocal calls
        calls += 1
        if calls == 2:
            open_contest.repair()
        return real(*args)

    monkeypatch.setattr(steer, "void", void)
    assert run(open_contest, task_id).state == "done"
    assert not set(votes) & counted(open_contest)
    assert calls > 50 // 7 + 1  # some were told “not ready”, and sent again


def test_a_box_that_is_shut_is_waited_for_and_then_left(
    open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correction_sending, "PATIENCE_S", 0.3)
    correction_id = proposed(open_contest, of(votes))
    task_id = approved(open_contest, correction_id)
    real = settle

    def shut(*args: Any) -> None:
        real(*args)
        steer.shut(open_contest.client, open_contest.keys(), "token")

    with monkeypatch.context() as patch:
        patch.setattr(correction_run, "settle", shut)
        assert run(open_contest, task_id).state == "waiting"
    assert correction(open_contest, correction_id).state == "running"
    open_contest.repair()
    assert run(open_contest, task_id).state == "done"
    assert not set(votes) & counted(open_contest)


def test_the_box_loses_what_was_not_in_the_ledger_yet(
    open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch
) -> None:
    correction_id = proposed(open_contest, of(votes))
    task_id = approved(open_contest, correction_id)
    real, lost = correction_run._lay_beside_the_ledger, False

    def lose_first(running: Any) -> int:
        nonlocal lost
        if not lost:
            lost = True
            open_contest.client.flushall()
            open_contest.repair()
        return real(running)

    monkeypatch.setattr(correction_run, "_lay_beside_the_ledger", lose_first)
    assert run(open_contest, task_id).state == "done"
    assert not set(votes) & counted(open_contest)
    result = correction(open_contest, correction_id).result
    assert result is not None
    assert result["done"] == 50


def test_cancelled_in_the_middle_and_turned_back(
    open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = counted(open_contest)
    correction_id = proposed(open_contest, of(votes))
    task_id = approved(open_contest, correction_id)
    real = mark_done

    def cancel(*args: Any) -> None:
        real(*args)
        with transaction(open_contest.engine) as connection:
            tasks.ask_to_stop(connection, task_id)

    with monkeypatch.context() as patch:
        patch.setattr(correction_sending, "mark_done", cancel)
        assert run(open_contest, task_id).state == "cancelled"
    found = correction(open_contest, correction_id)
    assert (found.state, found.result) == (
        "cancelled",
        {"done": 20, "same": 0, "gone": 0, "waiting": 30, "by_entry": {"1": 20}},
    )
    assert len(before - counted(open_contest)) == 20
    turned_back = corrected(open_contest, Criteria(), "restore", correction_id)
    assert turned_back.result is not None
    assert turned_back.result["done"] == 20
    assert counted(open_contest) == before


def test_cancelled_by_who_lost_the_marks(open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch) -> None:
    correction_id = proposed(open_contest, of(votes))
    task_id = approved(open_contest, correction_id)
    with monkeypatch.context() as patch:
        patch.setattr(correction_sending, "mark_done", died)
        with pytest.raises(Crash):
            run(open_contest, task_id)
    with transaction(open_contest.engine) as connection:
        tasks.ask_to_stop(connection, task_id)
    forget_the_worker(open_contest)
    assert run(open_contest, task_id).state == "cancelled"
    result = correction(open_contest, correction_id).result
    assert result is not None
    assert (result["done"], result["waiting"]) == (20, 30)


def test_cancelled_before_it_has_begun(open_contest: Stage, votes: Votes) -> None:
    correction_id = proposed(open_contest, of(votes))
    task_id = approved(open_contest, correction_id)
    with transaction(open_contest.engine) as connection:
        assert tasks.ask_to_stop(connection, task_id)
    assert run(open_contest, task_id).state == "cancelled"
    assert correction(open_contest, correction_id).state == "cancelled"
    assert set(votes) <= counted(open_contest)


def test_two_workers_at_once(open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch) -> None:
    correction_id = proposed(open_contest, of(votes))
    task_id = approved(open_contest, correction_id)
    real, stopped = correction_sending._through_the_box, False

    def overtaken(running: Any, page: Votes) -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            forget_the_worker(open_contest)
            thread = threading.Thread(target=run, args=(open_contest, task_id))
            thread.start()
            thread.join()
        real(running, page)

    monkeypatch.setattr(correction_sending, "_through_the_box", overtaken)
    run(open_contest, task_id)
    assert (task(open_contest, task_id).state, task(open_contest, task_id).runs) == ("done", 2)
    assert not set(votes) & counted(open_contest)
    result = correction(open_contest, correction_id).result
    assert result is not None
    assert result["done"] == 50
    assert open_contest.rows("SELECT count(*) FROM audit WHERE action = 'correction.done'") == [(1,)]


def asleep_in_the_box(stage: Stage, monkeypatch: pytest.MonkeyPatch, meanwhile: Any) -> None:
    """The first run stops after its first call of the box, and wakes when `meanwhile` has been done by others."""
    real, calls = steer.void, 0

    def void(*args: Any) -> str:
        nonlocal calls
        calls += 1
        letters = real(*args)
        if calls == 1:
            forget_the_worker(stage)
            meanwhile()
        return letters

    monkeypatch.setattr(steer, "void", void)


def test_a_worker_that_sleeps_through_the_end_changes_nothing_when_it_wakes(
    open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch
) -> None:
    correction_id = proposed(open_contest, of(votes))
    task_id = approved(open_contest, correction_id)

    def cancelled() -> None:
        with transaction(open_contest.engine) as connection:
            tasks.ask_to_stop(connection, task_id)
        assert run(open_contest, task_id).state == "cancelled"

    asleep_in_the_box(open_contest, monkeypatch, cancelled)
    run(open_contest, task_id)
    result = correction(open_contest, correction_id).result
    assert result is not None
    assert result["done"] == 7
    assert len(set(votes) - counted(open_contest)) == 7  # no vote is out of the count that no correction tells of
    corrected(open_contest, Criteria(), "restore", correction_id)
    assert set(votes) <= counted(open_contest)


@pytest.mark.parametrize("repaired", [False, True])
def test_a_worker_that_sleeps_until_all_is_turned_back_changes_nothing_when_it_wakes(
    open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch, repaired: bool
) -> None:
    before = counted(open_contest)
    correction_id = proposed(open_contest, of(votes))
    task_id = approved(open_contest, correction_id)

    def turned_back() -> None:
        assert run(open_contest, task_id).state == "done"
        assert corrected(open_contest, Criteria(), "restore", correction_id).result == {
            "done": 50,
            "same": 0,
            "gone": 0,
            "waiting": 0,
            "by_entry": {"1": 50},
        }
        if repaired:  # it takes the turn away
            open_contest.repair()

    asleep_in_the_box(open_contest, monkeypatch, turned_back)
    run(open_contest, task_id)
    assert counted(open_contest) == before
    marks = open_contest.rows(f"SELECT DISTINCT state FROM correction_votes WHERE correction_id = {correction_id}")
    assert marks == [(1,)]  # it still tells what it had changed


def test_a_worker_that_wakes_late_marks_nothing_anew(
    open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sleeps before it lays the votes beside the ledger, which by then tells of another correction."""
    correction_id = proposed(open_contest, of(votes))
    task_id = approved(open_contest, correction_id)
    real, slept = correction_run._drain, False

    def sleeping(running: Any, **options: Any) -> None:
        nonlocal slept
        if running.done == 50 and not slept:
            slept = True
            forget_the_worker(open_contest)
            assert run(open_contest, task_id).state == "done"
            corrected(open_contest, Criteria(), "restore", correction_id)
        real(running, **options)

    monkeypatch.setattr(correction_run, "_drain", sleeping)
    run(open_contest, task_id)
    assert slept
    assert set(votes) <= counted(open_contest)
    marks = open_contest.rows(f"SELECT DISTINCT state FROM correction_votes WHERE correction_id = {correction_id}")
    assert marks == [(1,)]


def test_who_turns_back_leaves_what_another_took_out_since(open_contest: Stage, votes: Votes) -> None:
    first = corrected(open_contest, of(votes)).id
    waits = proposed(open_contest, Criteria(), "restore", first)
    corrected(open_contest, Criteria(), "restore", first)
    corrected(open_contest, of(votes[:30]))
    task_id = approved(open_contest, waits)
    assert run(open_contest, task_id).state == "done"
    result = correction(open_contest, waits).result
    assert result is not None
    assert (result["done"], result["same"]) == (0, 50)
    assert set(votes) & counted(open_contest) == set(votes[30:])
    again = correction(open_contest, proposed(open_contest, Criteria(), "restore", first))
    assert (again.state, again.problem) == ("refused", correction_count.NOTHING)


def test_one_correction_of_a_contest_at_a_time(
    open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = proposed(open_contest, of(votes[:30])), proposed(open_contest, of(votes[20:]))
    first_task, second_task = approved(open_contest, first), approved(open_contest, second)
    real = correction_run.send

    def meanwhile(running: Any) -> None:
        if running.correction.id == first:
            assert run(open_contest, second_task).state == "waiting"
        real(running)

    monkeypatch.setattr(correction_run, "send", meanwhile)
    assert run(open_contest, first_task).state == "done"
    assert run(open_contest, second_task).state == "done"
    results = [correction(open_contest, one).result or {} for one in (first, second)]
    assert [(result["done"], result["same"]) for result in results] == [(30, 0), (20, 10)]
    corrected(open_contest, Criteria(), "restore", second)
    assert set(votes) & counted(open_contest) == set(votes[30:])  # the ten belong to the first


def test_what_is_final_is_not_changed(open_contest: Stage, votes: Votes, monkeypatch: pytest.MonkeyPatch) -> None:
    correction_id = proposed(open_contest, of(votes))
    task_id = approved(open_contest, correction_id)
    real = mark_done

    def finish(*args: Any) -> None:
        real(*args)
        with transaction(open_contest.engine) as connection:
            decide_state(connection, open_contest.contest_id, "final")

    monkeypatch.setattr(correction_sending, "mark_done", finish)
    assert (run(open_contest, task_id).state, task(open_contest, task_id).problem) == ("failed", correction_run.FINAL)
    found = correction(open_contest, correction_id)
    assert (found.state, (found.result or {})["done"]) == ("cancelled", 20)
    flushed(open_contest)
    assert len(set(votes) & {tuple(row) for row in open_contest.rows()}) == 30


def test_voting_goes_on_beside_it_and_the_books_agree(box: str, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Voids, restores and a cancelled void of 3,000 votes in two shards, with voters and the flush beside them."""
    monkeypatch.setattr(correction_sending, "PAGE", 500)
    monkeypatch.setattr(correction_sending, "CALL", 100)
    with stage(box, database, shards=2) as made, flushing(made):
        suspects = made.cast_many(1_500, entry=1)
        suspects += _odd(made, 1_500)
        stopping, cast = threading.Event(), made.cast_many(100, entry=2)
        flushed(made)

        def voters() -> None:
            while not stopping.is_set():
                cast.extend(made.cast_many(20, entry=2))

        threads = [threading.Thread(target=voters) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            voided = corrected(made, of(suspects))
            restored = corrected(made, Criteria(), "restore", voided.id)
            again = proposed(made, of(suspects[:2_000]))
            task_id = approved(made, again)
            with transaction(made.engine) as connection:
                tasks.ask_to_stop(connection, task_id)
            run(made, task_id)
            last = corrected(made, of(suspects[:100]))
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
        results = [found.result or {} for found in (voided, restored, last)]
        assert [result["done"] for result in results] == [3_000, 3_000, 100]
        assert counted(made) == (set(suspects) - set(suspects[:100])) | set(cast)
        assert len(cast) > 200


def _odd(made: Stage, number: int) -> Votes:
    """Votes of the other shard."""
    votes = [(10_000_001 + 2 * at, 1) for at in range(number)]
    for at in range(0, number, 500):
        made.cast(*votes[at : at + 500])
    return votes
