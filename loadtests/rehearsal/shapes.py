"""How voters come, over time: the shape of a rehearsal, a line of (second, relative rate) points, straight in between.

A shape says when, never how many: `when` spreads a number of arrivals over it so that each has its own moment, known
beforehand. Voters come whether the system answers or not; a load that waits for its answers would spare a slow system.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

PUSH_RISE_S = 20.0
"""A push message reaches everybody within seconds; who looks at once is there within this time."""
_STEPS = 60


@dataclass(frozen=True)
class Shape:
    """`points`: (second, relative rate), the seconds rising from 0."""

    points: tuple[tuple[float, float], ...]

    @property
    def seconds(self) -> float:
        return self.points[-1][0]

    def _sums(self) -> list[float]:
        """Relative arrivals until each of the points."""
        sums = [0.0]
        for (t0, r0), (t1, r1) in zip(self.points, self.points[1:], strict=False):
            sums.append(sums[-1] + (r0 + r1) / 2 * (t1 - t0))
        return sums

    def rate(self, second: float) -> float:
        """Share of all arrivals that come in a second, at `second`."""
        total = self._sums()[-1]
        for (t0, r0), (t1, r1) in zip(self.points, self.points[1:], strict=False):
            if t0 <= second <= t1:
                return (r0 + (r1 - r0) * (second - t0) / (t1 - t0)) / total
        return 0.0

    def peak(self) -> float:
        """The greatest `rate`."""
        return max(rate for _, rate in self.points) / self._sums()[-1]

    def moments(self) -> Callable[[float], float]:
        """A function: share of all arrivals (0 to 1) → the second by which they have come."""
        sums, points = self._sums(), self.points

        def when(share: float) -> float:
            wanted = min(max(share, 0.0), 1.0) * sums[-1]
            part = max(1, min(bisect_left(sums, wanted), len(sums) - 1))
            (t0, r0), (t1, r1) = points[part - 1], points[part]
            rest, slope = wanted - sums[part - 1], (r1 - r0) / (t1 - t0)
            if abs(slope) < 1e-12:
                return t0 + (rest / r0 if r0 else 0.0)
            # r0·x + slope/2·x² = rest; the root that lies in the part
            return t0 + (math.sqrt(max(0.0, r0 * r0 + 2 * slope * rest)) - r0) / slope

        return when


def push(seconds: float) -> Shape:
    """A push message to everybody: from nothing to the peak in 20 s (a third of a shorter run), then a long tail."""
    rise = min(PUSH_RISE_S, seconds / 3)
    tail = [(rise + (seconds - rise) * step / _STEPS) for step in range(_STEPS + 1)]
    fall = (seconds - rise) / 3
    return Shape(((0.0, 0.0), *((at, 0.03 + 0.97 * math.exp((rise - at) / fall)) for at in tail)))


def news(seconds: float) -> Shape:
    """The news at 19:00 show the contest: a few before it, a rise within a tenth of the time, a plateau while they are
    on, a slow fall.
    """
    parts = ((0.0, 0.1), (0.2, 0.15), (0.3, 1.0), (0.6, 0.85), (0.8, 0.35), (1.0, 0.15))
    return Shape(tuple((share * seconds, rate) for share, rate in parts))


def last_hour(seconds: float) -> Shape:
    """Before the end: more and more come, most of them at the last moment."""
    steps = [step / _STEPS for step in range(_STEPS + 1)]
    return Shape(tuple((step * seconds, 0.12 + 0.88 * step**4) for step in steps))


def soak(seconds: float) -> Shape:
    """The same load all the time: what grows, leaks or falls behind shows in the end."""
    rise = min(10.0, seconds / 4)
    return Shape(((0.0, 0.0), (rise, 1.0), (seconds, 1.0)))


SHAPES: dict[str, Callable[[float], Shape]] = {"push": push, "news": news, "last-hour": last_hour, "soak": soak}
