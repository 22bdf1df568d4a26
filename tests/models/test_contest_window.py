"""What moving the voting time does, in every case, before it is done."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from models.contest import Contest
from models.contest_window import WindowRefusedError, consequences
from tests.workers.contests import Stage

H = timedelta(hours=1)


@pytest.fixture
def contest(open_contest: Stage) -> Contest:
    return open_contest.contest


def told(contest: Contest, opens: timedelta, closes: timedelta, now: datetime) -> list[str]:
    return list(consequences(contest, contest.opens_at + opens, contest.closes_at + closes, now))


def test_every_way_to_move(contest: Contest) -> None:
    begun, before = contest.opens_at + H, contest.opens_at - H
    zero, length = 0 * H, contest.closes_at - contest.opens_at
    for opens, closes, now, expected in (
        (zero, H, begun, ["closes_later"]),
        (zero, -H, begun, ["closes_earlier"]),
        (zero, -length + H / 2, begun, ["closes_now"]),
        (2 * H, zero, begun, ["stops_until"]),
        (H / 2, zero, begun, []),
        (-H, H, begun, ["closes_later"]),
        (H, zero, before, ["opens_later"]),
        (-H / 2, zero, before, ["opens_earlier"]),
        (-2 * H, zero, before, ["opens_now"]),
        (-2 * H, -length - H / 2 - H, before + H / 4, ["opens_now", "closes_now"]),
    ):
        assert told(contest, opens, closes, now) == expected, (opens, closes, now)


def test_what_is_over_stays_over(contest: Contest) -> None:
    for late in (contest.closes_at, contest.closes_at + H, contest.closes_at - timedelta(seconds=9)):
        with pytest.raises(WindowRefusedError, match="over"):
            told(contest, 0 * H, 24 * H, late)
    for state in ("closed", "final"):
        with pytest.raises(WindowRefusedError, match="over"):
            told(replace(contest, state=state), 0 * H, 24 * H, contest.opens_at)


def test_what_is_no_window(contest: Contest) -> None:
    now = contest.opens_at + H
    for opens, closes, code in (
        (0 * H, 0 * H, "same"),
        (48 * H, 0 * H, "order"),
        (2 * H, -23.5 * H, "order"),
    ):
        with pytest.raises(WindowRefusedError, match=code):
            told(contest, opens, closes, now)
    with pytest.raises(WindowRefusedError, match="draft"):
        told(replace(contest, draft=True), 0 * H, H, now)
