"""The climb to the knee, and what is made of it."""

from itertools import pairwise

import pytest

from loadtests.rehearsal.capacity import FIRST_RATE, RISE, Capacity, Step, advice, climb

GOOD = Step(1000, 980, 5, 20, 0.2)


def step(rate, answered=None, p99=20.0):
    return Step(rate, rate if answered is None else answered, 5.0, p99, 0.3)


def test_the_climb_ends_behind_the_knee():
    steps = climb(lambda rate: step(rate, min(rate, 6_000)), lambda _said: None)
    assert steps[0].offered == FIRST_RATE
    assert all(later.offered == pytest.approx(RISE * before.offered) for before, later in pairwise(steps))
    assert [one.good for one in steps] == [*[True] * (len(steps) - 1), False]


def test_late_answers_and_refusals_end_the_climb_too():
    assert len(climb(lambda rate: step(rate, p99=600.0 if rate > 2_000 else 20.0), lambda _said: None)) == 3
    assert len(climb(lambda rate: step(rate) if rate < 2_000 else None, lambda _said: None)) == 2


def made(**more):
    values = {"steps": [GOOD], "votes_per_s": 20_000, "pages_per_s": 30_000, "at_least": False} | more
    return Capacity(**values, processes=2, cores=2)


def test_voters_a_minute_pay_for_votes_pages_and_login():
    carried = made().voters_per_minute(3)
    assert carried == pytest.approx(60 / (3 / 20_000 + 8 / 30_000 + 1 / 1_800))
    assert made().voters_per_minute(1) > carried > made(votes_per_s=10_000).voters_per_minute(3)


def test_the_advice():
    [said] = advice(made(), 3, None)
    assert "carries 61," in said
    assert "at least" not in said
    assert advice(made(at_least=True), 3, None)[0].count("at least") >= 1
    assert "nothing more" in advice(made(), 3, 30_000)[1]
    more = advice(made(), 3, 600_000)[1]
    assert "28 cores" in more
    assert "WEB_CONCURRENCY=26" in more
