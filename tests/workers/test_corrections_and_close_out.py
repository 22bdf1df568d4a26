"""Corrections beside a close-out: once a contest is final nothing about its votes is decided any more, and none comes
between the question whether a correction is under way and the freeze.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from models.account_erasing import erase_account
from models.ballot_box import steer
from models.contest import contest_by_id, decide_state
from models.correction import ContestFinalError, Proposal, approve, begin, find_correction, propose
from models.database import Connection, transaction
from models.export_votes import digest_votes
from models.minutes import Asked
from models.operator import Role
from tests.servers import wait_for
from tests.workers.contests import KEYS, Stage
from tests.workers.correcting import AN, LAN, REASON, approved, correction, flushed, of, proposed, run
from workers import close_out as steps
from workers.books import compare
from workers.close_out import Stores, close_out
from workers.close_out_refusals import CloseOutRefusedError, Refusal
from workers.retention import erase_all

ASKED = Asked("12/BB-BTC", "Thái Nguyên", ("Bà An – Trưởng ban",))

Change = Callable[[Connection, Stage, int], object]


def proposing(connection: Connection, made: Stage, _correction_id: int) -> object:
    return propose(connection, made.contest_id, Proposal("void", {"entries": [1]}, REASON), LAN, Role.MODERATOR)


def approving(connection: Connection, _made: Stage, correction_id: int) -> object:
    found = find_correction(connection, correction_id, lock=True)
    assert found is not None
    return approve(connection, found, AN, Role.ADMIN)


def beginning(connection: Connection, _made: Stage, correction_id: int) -> object:
    found = find_correction(connection, correction_id, lock=True)
    assert found is not None
    return begin(connection, found)


CHANGES = [proposing, approving, beginning]


@pytest.fixture
def voted(open_contest: Stage) -> Stage:
    open_contest.cast_many(5, entry=2)
    return open_contest


def waits_for_a_lock(made: Stage) -> Callable[[], bool]:
    query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return lambda: bool(made.rows(query))


def closed(made: Stage) -> None:
    with transaction(made.engine) as connection:
        decide_state(connection, made.contest_id, "closed")


def counted_one(made: Stage, change: Change) -> int:
    """A correction on which `change` can be made."""
    votes = made.cast_many(3)
    made_id = proposed_of(made, votes)
    if change is beginning:
        approved(made, made_id)
    return made_id


def proposed_of(made: Stage, votes: list[tuple[int, int]]) -> int:
    flushed(made)
    return proposed(made, of(votes))


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_final_is_neither_proposed_nor_approved_nor_begun(voted: Stage, change: Change) -> None:
    correction_id = counted_one(voted, change)
    with transaction(voted.engine) as connection:
        decide_state(connection, voted.contest_id, "final")
    before = voted.rows("SELECT id, state FROM corrections")
    with pytest.raises(ContestFinalError), transaction(voted.engine) as connection:
        change(connection, voted, correction_id)
    assert voted.rows("SELECT id, state FROM corrections") == before


@pytest.mark.parametrize("change", CHANGES)
def test_the_decision_final_is_waited_for(voted: Stage, change: Change) -> None:
    """Whoever decides while `final` is being decided goes by what becomes of it, not by what stood before."""
    correction_id = counted_one(voted, change)
    met: list[Exception] = []

    def decide() -> None:
        try:
            with transaction(voted.engine) as connection:
                change(connection, voted, correction_id)
        except ContestFinalError as error:
            met.append(error)

    thread = threading.Thread(target=decide)
    with transaction(voted.engine) as connection:
        contest_by_id(connection, voted.contest_id, lock=True)
        decide_state(connection, voted.contest_id, "final")
        thread.start()
        wait_for(waits_for_a_lock(voted), what="the one that waits for the contest's row")
    thread.join()
    assert len(met) == 1


def test_a_proposal_that_is_being_written_down_is_waited_for(voted: Stage) -> None:
    closed(voted)
    met: list[CloseOutRefusedError] = []

    def finish() -> None:
        try:
            steps._decide_final(voted.engine, voted.contest_id, LAN)
        except CloseOutRefusedError as error:
            met.append(error)

    thread = threading.Thread(target=finish)
    with transaction(voted.engine) as connection:
        proposing(connection, voted, 0)
        thread.start()
        wait_for(waits_for_a_lock(voted), what="the close-out that waits for the contest's row")
    thread.join()
    assert [error.refusal for error in met] == [Refusal.CORRECTIONS]
    assert voted.contest.state == "closed"


def ended(made: Stage) -> None:
    with transaction(made.engine) as connection:
        connection.execute(
            text("UPDATE contests SET closes_at = now() - interval '1 s', version = version + 1 WHERE id = :id"),
            {"id": made.contest_id},
        )


def test_a_correction_approved_before_the_end_is_in_the_minutes(voted: Stage) -> None:
    """Approved while voting was open, run after its end; the close-out waits for it in plain words."""
    votes = voted.cast_many(4)
    correction_id = proposed_of(voted, votes)
    task_id = approved(voted, correction_id)
    ended(voted)
    stores = Stores(voted.engine, voted.client, KEYS)
    with pytest.raises(CloseOutRefusedError) as refused:
        close_out(stores, voted.contest_id, ASKED, LAN)
    assert refused.value.refusal is Refusal.CORRECTIONS
    assert str(correction_id) in refused.value.sentence
    assert run(voted, task_id).state == "done"
    document = close_out(stores, voted.contest_id, ASKED, LAN).document
    assert (document["totals"]["voided"], document["totals"]["counted"]) == (4, 5)
    assert [(one["id"], one["votes"]) for one in document["corrections"]] == [(correction_id, 4)]
    assert document["voided_by_reason"] == [{"reason": REASON, "votes": 4}]


def proposes_at(made: Stage, step: int) -> tuple[list[Any], Callable[[int], None]]:
    """What becomes of a proposal (its id, or None where it was refused), and the step of a close-out that makes it."""
    became: list[Any] = []

    def reached(number: int) -> None:
        if number == step:
            try:
                with transaction(made.engine) as connection:
                    became.append(proposing(connection, made, 0))
            except ContestFinalError:
                became.append(None)

    return became, reached


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_what_is_proposed_before_the_decision_stops_the_close_out(voted: Stage, step: int) -> None:
    ended(voted)
    became, reached = proposes_at(voted, step)
    with pytest.raises(CloseOutRefusedError) as refused:
        close_out(Stores(voted.engine, voted.client, KEYS), voted.contest_id, ASKED, LAN, step=reached)
    assert refused.value.refusal is Refusal.CORRECTIONS
    assert correction(voted, became[0]).state == "counting"
    assert voted.contest.state == "closed"


@pytest.mark.parametrize("step", [5, 6, 7])
def test_after_the_decision_nothing_can_be_proposed(voted: Stage, step: int) -> None:
    ended(voted)
    became, reached = proposes_at(voted, step)
    close_out(Stores(voted.engine, voted.client, KEYS), voted.contest_id, ASKED, LAN, step=reached)
    assert became == [None]
    assert voted.rows("SELECT id FROM corrections") == []


def test_the_export_of_the_minutes_is_the_same_after_erasing_and_after_the_box_was_lost(voted: Stage) -> None:
    votes = voted.cast_many(4)
    voted.cast((votes[0][0], 3))
    correction_id = proposed_of(voted, votes[:2])
    assert run(voted, approved(voted, correction_id)).state == "done"
    ended(voted)
    document = close_out(Stores(voted.engine, voted.client, KEYS), voted.contest_id, ASKED, LAN).document
    told = (document["votes_export"]["sha256"], document["votes_export"]["rows"])
    assert told[1] == 10
    with transaction(voted.engine) as connection:
        erase_account(connection, votes[0][0], datetime.now(UTC))
    later = datetime.now(UTC) + timedelta(days=4_000)
    erase_all(voted.engine, voted.client, later, lambda _done, _total: None)
    assert voted.rows("SELECT count(*) FROM votes WHERE evidence IS NOT NULL") == [(0,)]
    assert digest_votes(voted.engine, KEYS, voted.contest_id) == told
    voted.client.flushall()
    voted.repair()
    assert {steer.pulse(voted.client, voted.keys()).state} == {"final"}
    assert digest_votes(voted.engine, KEYS, voted.contest_id) == told
    books = compare(voted.engine, voted.client, voted.contest)
    assert (books.drift, books.pending, books.parked) == (0, 0, 0)
    assert steer.void(voted.client, voted.keys(), voted.contest.epoch, votes, "muộn", 2**50) == "rrrr"
