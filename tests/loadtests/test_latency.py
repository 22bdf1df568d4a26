"""How long votes wait for the ledger, from looks at its cursor."""

import pytest

from loadtests.bench.generator import BenchError
from loadtests.bench.latency import until_committed, weighted


def test_a_vote_waits_until_the_first_look_that_finds_the_cursor_behind_it() -> None:
    looks = [((1000, 3), 1010.0), ((2000, 0), 2100.0), ((2600, 9), 2700.0)]
    decided = [(1000, 5), (1500, 2), (2000, 1), (2100, 4)]
    assert until_committed(decided, looks) == [
        (0.01, 5),
        (0.1, 1),
        (0.6, 2),
        (0.6, 4),
    ]


def test_a_vote_that_no_look_has_found_is_no_measurement() -> None:
    with pytest.raises(BenchError):
        until_committed([(3000, 1)], [((2000, 0), 2100.0)])


@pytest.mark.parametrize(("share", "seconds"), [(0.1, 0.1), (0.5, 0.1), (0.51, 0.2), (0.99, 0.9), (1.0, 0.9)])
def test_percentiles_of_votes_and_not_of_moments(share, seconds) -> None:
    assert weighted([(0.1, 50), (0.2, 40), (0.9, 10)], share) == seconds
