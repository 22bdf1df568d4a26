"""Percentiles from counts: never more wrong than the bounds are wide."""

import pytest

from api.latency import BOUNDS_S, Times, percentile


def test_votes_of_a_batch_are_spread_over_the_time_in_which_they_came() -> None:
    times = Times()
    times.spread(1000, 0.010, 0.050)
    assert sum(times.counts) == 1000
    assert percentile(times.counts, 0.5) == pytest.approx(0.030, rel=0.25)
    assert percentile(times.counts, 0.99) == pytest.approx(0.045, rel=0.25)


@pytest.mark.parametrize("number", [1, 2, 3, 5, 7])
def test_small_batches_lose_nobody(number: int) -> None:
    times = Times()
    times.spread(number, 0.001, 0.002)
    assert sum(times.counts) == number


def test_percentiles_of_several_processes_are_those_of_their_sums() -> None:
    quick, slow = Times(), Times()
    quick.spread(900, 0.002, 0.002)
    slow.spread(100, 1.0, 1.0)
    both = [a + b for a, b in zip(quick.counts, slow.counts, strict=True)]
    assert percentile(both, 0.5) == pytest.approx(0.002, rel=0.21)
    assert percentile(both, 0.95) == pytest.approx(1.0, rel=0.21)
    assert percentile(both, 0.9) == pytest.approx(0.002, rel=0.21)


def test_nothing_is_told_of_nothing_and_the_slowest_stand_at_the_last_bound() -> None:
    assert percentile(Times().counts, 0.5) is None
    times = Times()
    times.spread(1, 99.0, 99.0)
    assert percentile(times.counts, 0.5) == BOUNDS_S[-1]
