"""`cast`: every outcome, in which order they are found, and that a vote is never half done."""

import pytest
from redis.exceptions import ResponseError

from models.event import Kind
from models.outcomes import Outcome
from tests.models.ballot_box.boxes import DAY_MS, Box

COUNTED, ALREADY = Outcome.COUNTED, Outcome.ALREADY_VOTED
GREATEST = 2**63 - 1


def test_a_vote_is_counted_once(opened: Box) -> None:
    assert opened.cast((42, 1)) == [COUNTED]
    assert opened.cast((42, 1)) == [ALREADY]
    assert opened.cast((42, 2), (43, 1)) == [COUNTED, COUNTED]
    assert opened.tally() == {1: 2, 2: 1}
    assert opened.ballot(42) == {1, 2}
    first, *casts = opened.events()
    assert (first.kind, first.account) == (Kind.OPENED, opened.epoch)
    assert [(event.account, event.entry, event.proof, event.rest) for event in casts] == [
        (42, 1, 128, b"evidence"),
        (42, 2, 128, b"evidence"),
        (43, 1, 128, b"evidence"),
    ]
    assert [event.first for event in casts] == [True, False, True]
    assert all(abs(event.at - opened.now()) < 60_000 for event in casts)


def test_the_same_vote_twice_in_one_batch_counts_once(opened: Box) -> None:
    assert opened.cast((42, 1), (42, 1), (42, 2), (42, 1)) == [COUNTED, ALREADY, COUNTED, ALREADY]
    assert opened.tally() == {1: 1, 2: 1}
    assert opened.logged_votes() == [(42, 1), (42, 2)]


def test_accounts_that_differ_in_the_last_of_63_bits_are_two(opened: Box) -> None:
    """Lua's numbers have 53 bits."""
    assert opened.cast((GREATEST, 1), (GREATEST - 1, 1)) == [COUNTED, COUNTED]
    assert opened.logged_votes() == [(GREATEST, 1), (GREATEST - 1, 1)]


REFUSED = {
    Outcome.NOT_OPEN_YET: lambda box: box.change(opens_at=box.now() + DAY_MS),
    Outcome.CLOSED: lambda box: box.change(closes_at=box.now()),
    Outcome.PAUSED: lambda box: box.change(state="paused"),
    Outcome.UNKNOWN_ENTRY: lambda box: box.client.srem(box.keys().entries, 1, 2),
    Outcome.BLOCKED: lambda box: box.client.sadd(box.keys().blocked, 42, 43),
}


@pytest.mark.parametrize("outcome", REFUSED, ids=lambda outcome: outcome.value)
def test_a_refused_vote_changes_nothing_and_an_earlier_one_stays_already_voted(opened: Box, outcome: Outcome) -> None:
    assert opened.cast((42, 1)) == [COUNTED]
    REFUSED[outcome](opened)
    before = opened.everything()
    assert opened.cast((42, 1), (43, 1), (42, 2), (42, 1)) == [ALREADY, outcome, outcome, ALREADY]
    assert opened.everything() == before


@pytest.mark.parametrize("state", ["closed", "final"])
def test_what_is_closed_counts_nothing_whatever_the_window_says(opened: Box, state: str) -> None:
    assert opened.cast((42, 1)) == [COUNTED]
    opened.change(state=state)
    assert opened.cast((42, 1), (43, 1)) == [ALREADY, Outcome.CLOSED]


def test_the_reasons_are_found_in_the_order_of_the_design(opened: Box) -> None:
    """The contest's state and window, then the entry, then the account."""
    opened.client.sadd(opened.keys().blocked, 42)
    assert opened.cast((42, 9), (42, 1), (43, 1)) == [Outcome.UNKNOWN_ENTRY, Outcome.BLOCKED, COUNTED]
    opened.change(state="paused")
    assert opened.cast((42, 9)) == [Outcome.PAUSED]
    opened.change(opens_at=opened.now() + DAY_MS, closes_at=opened.now() + 2 * DAY_MS)
    assert opened.cast((42, 9)) == [Outcome.NOT_OPEN_YET]
    opened.change(closes_at=opened.now())
    assert opened.cast((42, 9)) == [Outcome.CLOSED]


@pytest.mark.parametrize("told", [{"shards": 2}, {"epoch": 2}, {"key": "1:ffffffffffffffff"}, {"epoch": ""}], ids=str)
def test_a_call_that_speaks_of_another_box_is_not_ready_even_for_earlier_votes(opened: Box, told: dict) -> None:
    assert opened.cast((42, 1)) == [COUNTED]
    before = opened.everything()
    assert opened.cast((42, 1), (43, 1), (43, 9), **told) == [Outcome.NOT_READY] * 3
    assert opened.everything() == before


def test_without_the_contest_nothing_is_done(opened: Box) -> None:
    opened.client.delete(opened.keys().contest)
    before = opened.everything()
    assert opened.cast((42, 1)) == [Outcome.NOT_READY]
    assert opened.everything() == before


def test_one_vote_that_fails_in_mid_batch_is_that_vote_alone(opened: Box) -> None:
    """A ballot key of another type."""
    opened.client.set(opened.keys().ballot + "43", "no set")
    assert opened.cast((42, 1), (43, 1), (44, 1)) == [COUNTED, Outcome.NOT_READY, COUNTED]
    assert opened.logged_votes() == [(42, 1), (44, 1)]
    assert opened.tally() == {1: 2}
    assert opened.client.get(opened.keys().ballot + "43") == b"no set"
    opened.change(state="paused")
    assert opened.cast((43, 1)) == [Outcome.PAUSED]


def _log_of_another_type(box: Box) -> None:
    box.client.set(box.keys().log, "no stream")


def _log_at_the_greatest_id(box: Box) -> None:
    box.client.xadd(box.keys().log, {"e": "last"}, id=f"{2**64 - 1}-{2**64 - 1}")


@pytest.mark.parametrize("hurt", [_log_of_another_type, _log_at_the_greatest_id])
def test_a_vote_that_the_log_does_not_take_is_in_no_ballot(opened: Box, hurt) -> None:
    """Else it would be already_voted for ever and never in the ledger."""
    assert opened.cast((42, 1)) == [COUNTED]
    hurt(opened)
    before = opened.everything()
    assert opened.cast((42, 1), (42, 2), (43, 1)) == [ALREADY, Outcome.NOT_READY, Outcome.NOT_READY]
    assert opened.everything() == before


def test_a_blocked_list_of_another_type_stops_the_call_before_its_first_write(opened: Box) -> None:
    opened.client.set(opened.keys().blocked, "no set")
    before = opened.everything()
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        opened.cast((42, 1))
    assert opened.everything() == before


def test_a_lost_reply_repeated_after_closing_is_already_voted(opened: Box) -> None:
    assert opened.cast((42, 1)) == [COUNTED]
    opened.change(closes_at=opened.now())
    assert opened.cast((42, 1), (43, 1)) == [ALREADY, Outcome.CLOSED]


def test_a_ballot_of_five_votes_takes_at_most_100_bytes(opened: Box) -> None:
    assert set(opened.cast(*((GREATEST, entry) for entry in (1, 2, 3)))) == {COUNTED}
    opened.client.sadd(opened.keys().entries, 29, 30)
    assert set(opened.cast((GREATEST, 29), (GREATEST, 30))) == {COUNTED}
    assert opened.client.memory_usage(f"{opened.keys().ballot}{GREATEST}") <= 100
