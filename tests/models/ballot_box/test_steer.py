"""Decisions in the box: voids, stops, operators' decisions, the end of the voting time."""

from dataclasses import replace

import pytest

from models.ballot_box import steer
from models.event import Kind
from models.outcomes import Outcome
from tests.models.ballot_box.boxes import DAY_MS, Box


def decisions(box: Box, **changes: object) -> steer.Decisions:
    """The contest as `Box.open` opens it, decided anew in version 2."""
    now = box.now()
    standing = steer.Decisions(2, "open", now - DAY_MS, now + DAY_MS, 0, 0, [1, 2, 3], [])
    return replace(standing, **changes)


def state(box: Box) -> str:
    return steer.pulse(box.client, box.keys()).state


def test_a_void_takes_one_vote_out_of_the_count_however_often_it_is_said(opened: Box) -> None:
    opened.cast((42, 1), (43, 1))
    void = [steer.void(opened.client, opened.keys(), 1, [(42, 1)], "mua phiếu") for _ in range(3)]
    assert void == ["d", "s", "s"]
    assert opened.tally() == {1: 1}
    assert opened.cast((42, 1)) == [Outcome.ALREADY_VOTED]
    *_, last = opened.events()
    assert (last.kind, last.account, last.entry, last.rest.decode()) == (Kind.VOID, 42, 1, "mua phiếu")
    restore = [steer.restore(opened.client, opened.keys(), 1, [(42, 1)], "nhầm") for _ in range(3)]
    assert restore == ["d", "s", "s"]
    assert opened.tally() == {1: 2}
    assert [event.kind for event in opened.events()][-3:] == [Kind.CAST, Kind.VOID, Kind.RESTORE]


@pytest.mark.parametrize("decide", [steer.void, steer.restore])
def test_what_was_never_cast_is_neither_voided_nor_restored(opened: Box, decide) -> None:
    opened.cast((42, 1))
    opened.client.set(opened.keys().ballot + "45", "no set")
    before = opened.everything()
    assert decide(opened.client, opened.keys(), 1, [(43, 1), (42, 2), (45, 1)], "") == "sss"
    assert opened.everything() == before


@pytest.mark.parametrize(
    "hurt",
    [
        lambda box: box.change(state="final"),
        lambda box: box.change(epoch=2),
        lambda box: box.client.delete(box.keys().contest),
    ],
    ids=["final", "another epoch", "not ready"],
)
def test_void_and_restore_are_refused(opened: Box, hurt) -> None:
    opened.cast((42, 1), (43, 1))
    assert steer.void(opened.client, opened.keys(), 1, [(42, 1)], "") == "d"
    hurt(opened)
    before = opened.everything()
    assert steer.void(opened.client, opened.keys(), 1, [(43, 1), (42, 1)], "") == "rr"
    assert steer.restore(opened.client, opened.keys(), 1, [(42, 1)], "") == "r"
    assert opened.everything() == before


def test_what_an_earlier_turn_still_says_changes_nothing(opened: Box) -> None:
    opened.cast((42, 1), (43, 1))
    client, keys = opened.client, opened.keys()
    assert steer.take_turn(client, keys, 1, 7)
    assert steer.void(client, keys, 1, [(42, 1)], "", 7) == "d"
    assert steer.take_turn(client, keys, 1, 7)  # said twice
    assert steer.take_turn(client, keys, 1, 9)
    before = opened.everything()
    assert not steer.take_turn(client, keys, 1, 8)
    assert steer.void(client, keys, 1, [(43, 1), (42, 1)], "", 8) == "rr"
    assert steer.restore(client, keys, 1, [(42, 1)], "", 7) == "r"
    assert opened.everything() == before
    assert steer.restore(client, keys, 1, [(42, 1)], "", 9) == "d"


def test_a_turn_belongs_to_an_epoch(opened: Box) -> None:
    client, keys = opened.client, opened.keys()
    assert steer.take_turn(client, keys, 1, 7)
    assert not steer.take_turn(client, keys, 2, 9)
    client.delete(keys.contest)
    assert not steer.take_turn(client, keys, 1, 9)
    opened.epoch = 2
    opened.open()
    assert not steer.take_turn(client, keys, 1, 9)
    assert steer.take_turn(client, keys, 2, 1)  # numbers of a ledger that was restored from a backup are smaller


def test_a_void_that_the_log_does_not_take_is_undone(opened: Box) -> None:
    opened.cast((42, 1), (43, 1))
    assert steer.void(opened.client, opened.keys(), 1, [(43, 1)], "") == "d"
    opened.client.set(opened.keys().log, "no stream")
    before = opened.everything()
    assert steer.void(opened.client, opened.keys(), 1, [(42, 1)], "") == "r"
    assert steer.restore(opened.client, opened.keys(), 1, [(43, 1)], "") == "r"
    assert opened.everything() == before


def test_only_a_newer_version_is_taken(opened: Box) -> None:
    taken = steer.apply(opened.client, opened.keys(), decisions(opened, version=5, state="paused", entries=[1]))
    assert (taken.state, taken.version) == ("paused", 5)
    before = opened.everything()
    for version in (1, 4, 5):
        same = steer.apply(opened.client, opened.keys(), decisions(opened, version=version, blocked=[42]))
        assert (same.state, same.version) == ("paused", 5)
    assert opened.everything() == before
    steer.apply(opened.client, opened.keys(), decisions(opened, version=6, entries=[2], blocked=[2**63 - 1]))
    outcomes = opened.cast((42, 2), (42, 1), (2**63 - 1, 2), (2**63 - 2, 2))
    assert [outcome.value for outcome in outcomes] == ["counted", "unknown_entry", "blocked", "counted"]


def test_thousands_of_entries_and_blocked_accounts_are_taken_whole(opened: Box) -> None:
    """Lua's unpack has a limit of some thousands."""
    wanted = decisions(opened, entries=list(range(1, 10_001)), blocked=list(range(5_000, 17_345)))
    steer.apply(opened.client, opened.keys(), wanted)
    assert opened.client.scard(opened.keys().entries) == 10_000
    assert {int(account) for account in opened.client.smembers(opened.keys().blocked)} == set(range(5_000, 17_345))
    steer.apply(opened.client, opened.keys(), replace(wanted, version=3, entries=[], blocked=[]))
    assert not opened.client.exists(opened.keys().entries, opened.keys().blocked)


def test_what_is_closed_never_opens_again(opened: Box) -> None:
    steer.apply(opened.client, opened.keys(), decisions(opened, state="closed"))
    for version, wanted in enumerate(("open", "paused"), start=3):
        later = decisions(opened, version=version, state=wanted, closes_at=opened.now() + 9 * DAY_MS)
        assert steer.apply(opened.client, opened.keys(), later).state == "closed"
    assert opened.cast((42, 1)) == [Outcome.CLOSED]
    assert steer.apply(opened.client, opened.keys(), decisions(opened, version=5, state="final")).state == "final"
    for version, wanted in enumerate(("closed", "open", "paused"), start=6):
        assert (
            steer.apply(opened.client, opened.keys(), decisions(opened, version=version, state=wanted)).state == "final"
        )


def test_an_older_decision_does_not_undo_a_stop_on_the_box_alone(opened: Box) -> None:
    assert steer.stop(opened.client, opened.keys()).stops == 1
    assert steer.stop(opened.client, opened.keys()).stops == 1  # it is paused already
    assert steer.apply(opened.client, opened.keys(), decisions(opened, stops_seen=0)).state == "paused"
    assert opened.cast((42, 1)) == [Outcome.PAUSED]
    assert steer.apply(opened.client, opened.keys(), decisions(opened, version=3, stops_seen=1)).state == "open"
    assert opened.cast((42, 1)) == [Outcome.COUNTED]


@pytest.mark.parametrize("before", ["open", "paused"])
def test_pulse_closes_at_closes_at_and_no_clock_opens_again(opened: Box, before: str) -> None:
    opened.change(state=before, closes_at=opened.now() + DAY_MS)
    assert state(opened) == before
    opened.change(closes_at=opened.now())
    assert state(opened) == "closed"
    opened.change(closes_at=opened.now() + DAY_MS)
    assert state(opened) == "closed"
    assert steer.stop(opened.client, opened.keys()).state == "closed"


def test_decisions_that_end_the_voting_time_close_at_once(opened: Box) -> None:
    assert steer.apply(opened.client, opened.keys(), decisions(opened, closes_at=opened.now())).state == "closed"


def test_a_box_that_is_not_ready_stays_untouched(opened: Box) -> None:
    opened.client.delete(opened.keys().contest)
    before = opened.everything()
    standings = [
        steer.pulse(opened.client, opened.keys()),
        steer.stop(opened.client, opened.keys()),
        steer.apply(opened.client, opened.keys(), decisions(opened)),
    ]
    assert [(one.state, one.version, one.epoch) for one in standings] == [("", 0, 0)] * 3
    assert opened.everything() == before
