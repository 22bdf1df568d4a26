"""A box at its `maxmemory`: no vote is counted, none is half done, and what stops, closes or voids still works."""

import itertools

import pytest

from models.ballot_box import steer
from models.ballot_box.connection import BoxFull
from models.outcomes import Outcome
from tests.models.ballot_box.boxes import Box
from tests.models.ballot_box.test_steer import decisions


def fill(box: Box) -> None:
    box.client.config_set("maxmemory", 1)


def test_a_vote_changes_nothing_and_counts_once_there_is_room(own: Box) -> None:
    assert own.cast((42, 1)) == [Outcome.COUNTED]
    fill(own)
    before = own.everything()
    for _ in range(3):
        with pytest.raises(BoxFull):
            own.cast((42, 1), (43, 1))
    assert own.everything() == before
    own.client.config_set("maxmemory", "256mb")
    assert own.cast((42, 1), (43, 1)) == [Outcome.ALREADY_VOTED, Outcome.COUNTED]


def test_a_box_that_fills_up_in_mid_batch_has_each_vote_whole_or_not_at_all(own: Box) -> None:
    own.cast((1, 1))
    own.client.config_set("maxmemory", own.client.info("memory")["used_memory"] + 1_500_000)
    counted = {(1, 1)}
    with pytest.raises(BoxFull):  # noqa: PT012 - which of the calls meets the full box is not known
        for batch in itertools.count(1):
            votes = [(batch * 10_000 + number, 1) for number in range(1_000)]
            outcomes = own.cast(*votes)
            counted |= {vote for vote, outcome in zip(votes, outcomes, strict=True) if outcome is Outcome.COUNTED}
            assert len(counted) < 200_000
    assert len(counted) > 1_000
    logged = own.logged_votes()
    assert set(logged) == counted
    assert own.tally() == {1: len(counted)} == {1: len(logged)}
    prefix = own.keys().ballot
    ballots = {int(name[len(prefix) :]) for name in own.client.scan_iter(match=prefix + "*", count=5_000)}
    assert ballots == {account for account, _ in counted}


def test_a_full_box_can_be_stopped_steered_voided_closed_and_shut(own: Box) -> None:
    own.cast((42, 1), (43, 1))
    fill(own)
    assert steer.stop(own.client, own.keys()).state == "paused"
    assert steer.apply(own.client, own.keys(), decisions(own, stops_seen=1, blocked=[44])).state == "open"
    assert steer.void(own.client, own.keys(), 1, [(42, 1), (43, 1)], "") == "dd"
    assert steer.restore(own.client, own.keys(), 1, [(42, 1)], "") == "d"
    assert own.tally() == {1: 1}
    own.client.config_set("maxmemory", "256mb")
    own.change(closes_at=own.now())
    fill(own)
    assert steer.pulse(own.client, own.keys()).state == "closed"
    assert steer.shut(own.client, own.keys(), "mine").epoch == 1
    with pytest.raises(BoxFull):
        steer.refill(own.client, own.keys(), "mine", "entries", (1, 2, 3))
