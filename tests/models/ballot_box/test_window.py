"""Voting opens and closes to the millisecond, by the box's own clock."""

import itertools

from models.ballot_box import library
from models.event import Kind
from models.outcomes import BY_LETTER, Outcome
from tests.models.ballot_box.boxes import Box, cast_args

CROSSINGS = 20  # rounds that saw the window closed, open and closed again
CALLS = 150  # sent at once, about 20 µs each


def _ms(time: tuple[int, int]) -> int:
    return time[0] * 1000 + time[1] // 1000


def _cross(box: Box, accounts: itertools.count, opens_at: int, closes_at: int) -> list[tuple[int, Outcome, int, int]]:
    """Casts one vote after the other while a window opens and closes, until it is over.

    Returns (account, outcome, TIME before, TIME after) of each.
    """
    keys, name = box.keys(), library.function("cast")
    box.change(opens_at=opens_at, closes_at=closes_at)
    seen: list[tuple[int, Outcome, int, int]] = []
    while not seen or seen[-1][1] is not Outcome.CLOSED:
        pipe = box.client.pipeline(transaction=False)
        sent = list(itertools.islice(accounts, CALLS))
        pipe.time()
        for account in sent:
            pipe.fcall(name, len(keys.all()), *keys.all(), *cast_args((account, 1)))
            pipe.time()
        times_and_replies = pipe.execute()
        times, replies = times_and_replies[::2], times_and_replies[1::2]
        for at, account in enumerate(sent):
            outcome = BY_LETTER[replies[at][0][0]]
            seen.append((account, outcome, _ms(times[at]), _ms(times[at + 1])))
    return seen


def test_no_vote_counts_a_millisecond_outside_the_window(opened: Box) -> None:
    accounts = itertools.count(1000)
    opened.cast((1, 1))  # the library is there
    opens_in, open_for, crossed, seen = 2, 3, 0, []
    while crossed < CROSSINGS:
        opens_at = opened.now() + opens_in
        closes_at = opens_at + open_for
        votes = _cross(opened, accounts, opens_at, closes_at)
        seen += [(*vote, opens_at, closes_at) for vote in votes]
        outcomes = {vote[1] for vote in votes}
        if Outcome.NOT_OPEN_YET not in outcomes:  # a slow machine came too late: give it more time
            opens_in *= 2
        elif Outcome.COUNTED not in outcomes:
            open_for *= 2
        else:
            crossed += 1
        assert opens_in < 1_000 > open_for
    judged_at = {event.account: event.at for event in opened.events() if event.kind == Kind.CAST}
    assert len(seen) >= CROSSINGS * CALLS
    for account, outcome, before, after, opens_at, closes_at in seen:
        assert (outcome is Outcome.COUNTED) == (account in judged_at)
        if outcome is Outcome.COUNTED:
            assert opens_at <= judged_at[account] < closes_at
            assert before <= judged_at[account] <= after
        if after < opens_at:
            assert outcome is Outcome.NOT_OPEN_YET
        if opens_at <= before and after < closes_at:
            assert outcome is Outcome.COUNTED
        if before >= closes_at:
            assert outcome is Outcome.CLOSED
