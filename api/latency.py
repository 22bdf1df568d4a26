"""How long answers take, as counts in fixed bounds: cheap to count, and counts of many processes simply add up."""

from bisect import bisect_left
from collections.abc import Sequence

BOUNDS_S = tuple(0.0005 * 1.2**step for step in range(50))
"""0.5 ms to 3.8 s, each a fifth more than the one before: so exact is a percentile."""
SLICES = 4


class Times:
    """Counts of answers by how long they took."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)

    def spread(self, number: int, shortest_s: float, longest_s: float) -> None:
        """Counts `number` answers that took evenly from `shortest_s` to `longest_s`: the votes of a batch, which came
        one after another and are answered at once. In parts, so that a large batch costs no more than a small one.
        """
        step = (longest_s - shortest_s) / SLICES
        for place in range(SLICES):
            share = number * (place + 1) // SLICES - number * place // SLICES
            if share:
                self.counts[bisect_left(BOUNDS_S, shortest_s + step * (place + 0.5))] += share


def percentile(counts: Sequence[int], share: float) -> float | None:
    """Seconds within which that share of the answers came: the bound that they kept to. None without answers."""
    wanted = share * sum(counts)
    if not wanted:
        return None
    reached = 0
    for place, number in enumerate(counts):
        reached += number
        if reached >= wanted:
            return BOUNDS_S[min(place, len(BOUNDS_S) - 1)]
    return BOUNDS_S[-1]
