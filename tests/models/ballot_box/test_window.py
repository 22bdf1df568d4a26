"""Voting opens and closes to the millisecond, by the box's own clock."""

import itertools

from models.ballot_box import library
from models.event import Kind
from models.outcomes import BY_LETTER, Outcome
from tests.models.ballot_box.boxes import Box, cast_args

ROUNDS = 30
CALLS = 150  # a round's, about 20 µs each
OPENS_IN_MS, OPEN_FOR_MS = 2, 3


def _ms(time: tuple[int, int]) -> int:
    return time[0] * 1000 + time[1] // 1000


def _cross(box: Box, accounts: itertools.count) -> list[tuple[int, Outcome, int, int, int]]:
    """Casts one vote after the other while a window opens and closes, until it is over.

    Returns (account, outcome, TIME before, TIME after, opens_at) of each.
    """
    keys, name = box.keys(), library.function("cast")
    opens_at = box.now() + OPENS_IN_MS
    box.change(opens_at=opens_at, closes_at=opens_at + OPEN_FOR_MS)
    seen: list[tuple[int, Outcome, int, int, int]] = []
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
            seen.append((account, outcome, _ms(times[at]), _ms(times[at + 1]), opens_at))
    return seen


def test_no_vote_counts_a_millisecond_outside_the_window(opened: Box) -> None:
    accounts = itertools.count(1000)
    opened.cast((1, 1))  # the library is there
    seen = [one for _ in range(ROUNDS) for one in _cross(opened, accounts)]
    judged_at = {event.account: event.at for event in opened.events() if event.kind == Kind.CAST}
    outcomes = dict.fromkeys(Outcome, 0)
    for account, outcome, before, after, opens_at in seen:
        outcomes[outcome] += 1
        closes_at = opens_at + OPEN_FOR_MS
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
    assert sum(outcomes.values()) >= ROUNDS * CALLS
    assert outcomes[Outcome.CLOSED] >= ROUNDS
    assert outcomes[Outcome.COUNTED]
    assert outcomes[Outcome.NOT_OPEN_YET]
