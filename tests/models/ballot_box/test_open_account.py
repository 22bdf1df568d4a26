"""`open_account`: logins into the log, whatever the window says, and none once the contest is final."""

import pytest

from models.ballot_box import steer
from models.ballot_box.connection import BoxFull, call
from models.event import AccountOpened, Kind, pack_account_opened, unpack_account_opened
from models.outcomes import Outcome
from tests.models.ballot_box.boxes import DAY_MS, FINGERPRINT, Box
from tests.models.ballot_box.test_steer import decisions

GREATEST = 2**63 - 1


def login(account: int) -> AccountOpened:
    return AccountOpened(account, 1, "a•••@example.vn", "example.vn", (1, 2), ((1, 1),))


def open_accounts(box: Box, *accounts: int, shards: object = 1, epoch: object = 1, key: str = FINGERPRINT) -> str:
    bodies = [pack_account_opened(login(account)) for account in accounts]
    letters: bytes = call(box.client, "open_account", box.keys(accounts[0]), shards, epoch, key, *bodies)
    return letters.decode()


def test_every_login_is_an_event_with_the_boxs_time(opened: Box) -> None:
    assert opened.cast((42, 1)) == [Outcome.COUNTED]
    before = {"tally": opened.tally(), "ballot": opened.ballot(42)}
    assert open_accounts(opened, GREATEST, 42) == "oo"
    *_, first, second = opened.events()
    assert [(event.kind, event.account) for event in (first, second)] == [
        (Kind.ACCOUNT_OPENED, GREATEST),
        (Kind.ACCOUNT_OPENED, 42),
    ]
    assert abs(first.at - opened.now()) < 60_000
    [(_, last)] = opened.client.xrevrange(opened.keys().log, count=1)
    assert unpack_account_opened(last[b"e"]) == login(42)
    assert {"tally": opened.tally(), "ballot": opened.ballot(42)} == before


@pytest.mark.parametrize(
    "change",
    [
        lambda box: box.change(state="paused"),
        lambda box: box.change(state="closed"),
        lambda box: box.change(opens_at=box.now() + DAY_MS),
        lambda box: box.change(closes_at=box.now()),
        lambda box: box.client.sadd(box.keys().blocked, 42),
    ],
    ids=["paused", "closed", "before the window", "after the window", "blocked"],
)
def test_who_may_not_vote_may_log_in(opened: Box, change) -> None:
    change(opened)
    assert open_accounts(opened, 42) == "o"
    assert opened.events()[-1].kind is Kind.ACCOUNT_OPENED


def test_what_is_final_takes_no_login(opened: Box) -> None:
    steer.apply(opened.client, opened.keys(), decisions(opened, state="final"))
    before = opened.everything()
    assert open_accounts(opened, 42, 43) == "ff"
    assert opened.everything() == before


@pytest.mark.parametrize("told", [{"shards": 2}, {"epoch": 2}, {"key": "1:ffffffffffffffff"}, {"epoch": ""}], ids=str)
def test_a_call_that_speaks_of_another_box_is_not_ready(opened: Box, told: dict) -> None:
    before = opened.everything()
    assert open_accounts(opened, 42, 43, **told) == "rr"
    assert opened.everything() == before


def test_without_the_contest_nothing_is_done(opened: Box) -> None:
    opened.client.delete(opened.keys().contest)
    before = opened.everything()
    assert open_accounts(opened, 42) == "r"
    assert opened.everything() == before


def test_a_log_that_takes_nothing_is_not_ready(opened: Box) -> None:
    opened.client.set(opened.keys().log, "no stream")
    before = opened.everything()
    assert open_accounts(opened, 42, 43) == "rr"
    assert opened.everything() == before


def test_a_full_box_takes_no_login(own: Box) -> None:
    own.client.config_set("maxmemory", 1)
    before = own.everything()
    with pytest.raises(BoxFull):
        open_accounts(own, 42)
    assert own.everything() == before
    own.client.config_set("maxmemory", "256mb")
    assert open_accounts(own, 42) == "o"
