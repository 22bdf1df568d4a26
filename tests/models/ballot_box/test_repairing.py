"""The box's steps of a repair: who holds it, what is kept, and that ids of the log never go back."""

import pytest

from models.ballot_box import steer
from models.ballot_box.steer import RepairTakenOverError
from models.event import Kind
from models.outcomes import Outcome
from tests.models.ballot_box.boxes import Box

STEPS = {
    "adopt": lambda box, token: steer.adopt(box.client, box.keys(), token, 2),
    "forget": lambda box, token: steer.forget(box.client, box.keys(), token),
    "refill": lambda box, token: steer.refill(box.client, box.keys(), token, "entries", (4,)),
    "begin_log": lambda box, token: steer.begin_log(box.client, box.keys(), token, (0, 1), 2),
    "reopen": lambda box, token: steer.reopen(box.client, box.keys(), token, {"state": "open", "closes_at": 1}),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_needs_the_token_of_the_latest_repair(opened: Box, step: str) -> None:
    opened.cast((42, 1))

    def refused(token: str) -> None:
        before = opened.everything()
        with pytest.raises(RepairTakenOverError):
            STEPS[step](opened, token)
        assert opened.everything() == before

    refused("repair 1")  # the contest is open
    steer.shut(opened.client, opened.keys(), "mine")
    refused("")
    refused("another's")
    steer.shut(opened.client, opened.keys(), "a newer one's")
    refused("mine")
    STEPS[step](opened, "a newer one's")


def test_while_it_is_shut_nothing_is_decided(opened: Box) -> None:
    opened.cast((42, 1))
    assert steer.shut(opened.client, opened.keys(), "mine") == steer.Taken(1, 0)
    assert opened.cast((42, 1), (43, 1)) == [Outcome.NOT_READY] * 2
    assert steer.void(opened.client, opened.keys(), 1, [(42, 1)], "") == "r"
    assert steer.shut(opened.client, opened.keys(), "again") == steer.Taken(1, 0)


def test_a_shut_box_still_says_how_often_it_was_stopped(opened: Box) -> None:
    steer.stop(opened.client, opened.keys())
    assert steer.shut(opened.client, opened.keys(), "mine").stops == 1


def test_an_empty_box_has_no_epoch(opened: Box) -> None:
    opened.client.flushall()
    assert not steer.holds_anything(opened.client, opened.keys())
    assert steer.shut(opened.client, opened.keys(), "mine") == steer.Taken(None, 0)


def test_an_empty_box_is_adopted_before_it_is_filled(opened: Box) -> None:
    opened.client.flushall()
    steer.shut(opened.client, opened.keys(), "mine")
    steer.adopt(opened.client, opened.keys(), "mine", 2**52)
    assert steer.shut(opened.client, opened.keys(), "after a crash") == steer.Taken(2**52, 0)


def test_forget_leaves_ballots_and_log(opened: Box) -> None:
    opened.cast((42, 1), (43, 2))
    steer.shut(opened.client, opened.keys(), "mine")
    steer.forget(opened.client, opened.keys(), "mine")
    assert opened.tally() == {}
    assert opened.ballot(42) == {1}
    assert opened.logged_votes() == [(42, 1), (43, 2)]
    assert steer.holds_anything(opened.client, opened.keys())


def test_refill_adds_and_counts_what_is_new(opened: Box) -> None:
    keys = opened.keys()
    opened.cast((42, 1))
    steer.shut(opened.client, keys, "mine")
    accounts = [str(account) for account in range(2_500)]
    assert steer.refill(opened.client, keys, "mine", "blocked", accounts) == 2_500
    assert steer.refill(opened.client, keys, "mine", "blocked", accounts) == 0
    assert steer.refill(opened.client, keys, "mine", "voided", ["42:1"]) == 1
    many = [value for entry in range(1, 1_501) for value in (entry, entry + 7)]
    steer.refill(opened.client, keys, "mine", "tally", many)
    assert opened.tally() == {entry: entry + 7 for entry in range(1, 1_501)}


def test_ballots_are_refilled_and_what_stands_in_their_place_gives_way(opened: Box) -> None:
    opened.cast((42, 1))
    opened.client.set(opened.keys().ballot + "43", "no set")
    steer.shut(opened.client, opened.keys(), "mine")
    assert steer.refill(opened.client, opened.keys(), "mine", "ballots", ["42", 1, "42", 2, "43", 3]) == 2
    assert (opened.ballot(42), opened.ballot(43)) == ({1, 2}, {3})


@pytest.mark.parametrize("ahead", [False, True], ids=["cursor behind the log", "cursor ahead of the log"])
def test_a_log_begins_anew_above_every_earlier_id(opened: Box, ahead: bool) -> None:
    opened.cast((42, 1))
    ms, seq = (int(part) for part in opened.client.xinfo_stream(opened.keys().log)["last-generated-id"].split(b"-"))
    least = (ms + 1_000_000, 3) if ahead else (ms, seq - 1) if seq else (ms - 1, 9)
    steer.shut(opened.client, opened.keys(), "mine")
    at, packed = steer.begin_log(opened.client, opened.keys(), "mine", least, 2)
    assert at == (least if ahead else (ms, seq))
    [event] = opened.events()
    assert (event.kind, event.account) == (Kind.OPENED, 2)
    assert opened.client.xrange(opened.keys().log)[0][1] == {b"e": packed}
    info = opened.client.xinfo_stream(opened.keys().log)
    assert (info["entries-added"], info["length"]) == (1, 1)


def test_a_repair_that_is_through_counts_on(opened: Box) -> None:
    opened.cast((42, 1))
    opened.epoch = 2
    opened.open()
    assert opened.cast((42, 1), (43, 1)) == [Outcome.ALREADY_VOTED, Outcome.COUNTED]
    assert opened.cast((44, 1), epoch=1) == [Outcome.NOT_READY]
    assert not opened.client.exists(opened.keys().shut)


def test_none_of_the_keys_expires(opened: Box) -> None:
    """After all that can be done to a box."""
    opened.cast((42, 1), (43, 2))
    steer.publish_site(opened.client, 12, "thu", b"{}")
    steer.void(opened.client, opened.keys(), 1, [(42, 1)], "")
    steer.stop(opened.client, opened.keys())
    steer.shut(opened.client, opened.keys(), "left open")
    steer.refill(opened.client, opened.keys(), "left open", "blocked", ["77"])
    shut = opened.everything()
    assert {opened.client.ttl(name) for name in shut} == {-1}
    opened.open()
    names = {name.decode() for name in shut.keys() | opened.everything().keys()}
    kinds = {name.split(":")[1] if ":" in name else name for name in names}
    assert kinds == {"contests", "site", "contest", "shut", "entries", "ballot", "tally", "voided", "blocked", "log"}
    assert {opened.client.ttl(name) for name in opened.everything()} == {-1}
    assert opened.client.info("keyspace")["db0"]["expires"] == 0
    assert opened.client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
