"""What organisers expect, and the load that it becomes."""

import pytest

from loadtests.rehearsal.shapes import SHAPES, Shape
from loadtests.rehearsal.turnout import ARRIVING, BOT, DOUBLE, SHARED, VOTER, Turnout, TurnoutError, profile


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("seconds", [6, 120, 3600])
def test_everybody_comes_within_the_time_and_in_order(name, seconds):
    shape = SHAPES[name](seconds)
    when = shape.moments()
    moments = [when(number / 500) for number in range(501)]
    assert moments == sorted(moments)
    assert moments[0] == pytest.approx(0, abs=1e-6)
    assert moments[-1] == pytest.approx(seconds, rel=1e-6)
    assert shape.seconds == seconds


@pytest.mark.parametrize("name", SHAPES)
def test_as_many_come_in_each_second_as_the_rate_says(name):
    shape = SHAPES[name](120)
    when = shape.moments()
    moments = [when((number + 0.5) / 20_000) for number in range(20_000)]
    for second in (0, 5, 19, 30, 60, 90, 119):
        came = sum(second <= moment < second + 1 for moment in moments)
        assert came == pytest.approx(20_000 * shape.rate(second + 0.5), rel=0.06, abs=4)
    assert max(shape.rate(second) for second in range(121)) <= shape.peak() * 1.0001


def test_a_push_is_at_its_peak_after_20_seconds_and_has_a_long_tail():
    shape = SHAPES["push"](600)
    assert max(range(600), key=shape.rate) == 20
    assert shape.rate(1) < shape.peak() / 10
    assert 0 < shape.rate(590) < shape.peak() / 10


def test_the_last_hour_is_fullest_at_its_end_and_a_soak_never_changes():
    assert SHAPES["last-hour"](600).rate(599) > 5 * SHAPES["last-hour"](600).rate(60)
    soak = SHAPES["soak"](600)
    assert soak.rate(60) == pytest.approx(soak.rate(599))


def test_a_flat_start_of_zero_is_no_division_by_zero():
    assert Shape(((0.0, 0.0), (5.0, 0.0), (10.0, 1.0))).moments()(0.0) == pytest.approx(0, abs=5)


def test_a_province_as_a_profile():
    load = profile(Turnout(1_800_000, 0.1, 10, 3), first_view=4)
    assert load.voters == 180_000
    assert load.people[VOTER] + load.people[DOUBLE] == 180_000
    assert load.people[SHARED] == 45_000
    assert load.votes == 180_000 * 3 + 45_000 * 0.4
    assert load.peak_arrivals_per_s == pytest.approx(load.shape.peak() * 225_000)
    assert load.peak_votes_per_s > load.votes / 600
    assert load.tokens == sum(load.people[kind] for kind in (*ARRIVING, BOT))
    assert load.logins == 12


def test_the_load_grows_with_each_number_of_the_turnout():
    small = profile(Turnout(100_000, 0.05, 5, 2))
    assert profile(Turnout(200_000, 0.05, 5, 2)).requests > 1.9 * small.requests
    assert profile(Turnout(100_000, 0.1, 5, 2)).peak_votes_per_s == pytest.approx(2 * small.peak_votes_per_s, rel=0.01)
    assert profile(Turnout(100_000, 0.05, 5, 4)).votes > 1.8 * small.votes
    assert profile(Turnout(100_000, 0.05, 2.5, 2)).peak_arrivals_per_s > 1.5 * small.peak_arrivals_per_s


def test_the_smallest_turnout_still_has_everybody():
    load = profile(Turnout(1, 1.0, 0.1, 1), logins=False)
    assert all(load.people.values())
    assert all(1 <= load.slots[kind] <= load.people[kind] for kind in load.people)
    assert load.logins == 0


@pytest.mark.parametrize("wrong", [(0, 0.1, 1, 3), (9, 0, 1, 3), (9, 1.1, 1, 3), (9, 0.1, 0, 3), (9, 0.1, 1, 6)])
def test_a_turnout_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(TurnoutError):
        Turnout(*wrong)
    with pytest.raises(TurnoutError):
        Turnout(9, 0.1, 1, 3, "storm")
