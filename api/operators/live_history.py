"""How the count went lately, from the readings of the box that this process makes anyway: ten minutes of totals, and a
few tallies by entry. It costs the box nothing, whoever looks.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from models.ballot_box.reading import Reading

SPAN_MS = 10 * 60_000
TALLIES_SPAN_MS = 330_000
TALLIES_EVERY_MS = 5_000
NOW_MS = 3_000
"""The stretch that “now” is: shorter ones jump with every batch."""


class Point(NamedTuple):
    at: int
    """ms since 1970, by the box's clock."""
    total: int


class Tallies(NamedTuple):
    at: int
    votes: Mapping[int, int]


@dataclass
class History:
    """Of one contest; another one begins a new history."""

    contest_id: int = 0
    points: deque[Point] = field(default_factory=deque)
    tallies: deque[Tallies] = field(default_factory=deque)

    def add(self, reading: Reading) -> None:
        """One reading. A second one of the same moment, or of an earlier one, is passed over."""
        if reading.contest_id != self.contest_id:
            self.contest_id = reading.contest_id
            self.points.clear()
            self.tallies.clear()
        if self.points and reading.box_ms <= self.points[-1].at:
            return
        self.points.append(Point(reading.box_ms, sum(reading.tallies.values())))
        while self.points[0].at < reading.box_ms - SPAN_MS:
            self.points.popleft()
        if not self.tallies or reading.box_ms - self.tallies[-1].at >= TALLIES_EVERY_MS:
            self.tallies.append(Tallies(reading.box_ms, reading.tallies))
        while self.tallies[0].at < reading.box_ms - TALLIES_SPAN_MS:
            self.tallies.popleft()

    def rate(self, stretch_ms: int) -> float | None:
        """Votes a second over the last `stretch_ms`; None where the history is not so long. What was taken out of the
        count meanwhile makes it less, and never less than 0.
        """
        if not self.points:
            return None
        last = self.points[-1]
        first = next((point for point in reversed(self.points) if point.at <= last.at - stretch_ms), None)
        return None if first is None else max(0.0, (last.total - first.total) * 1000 / (last.at - first.at))

    def tallies_before(self, ago_ms: int) -> Mapping[int, int] | None:
        """Entry → votes as they stood `ago_ms` before the last reading; None where the history is not so long."""
        if not self.points:
            return None
        wanted = self.points[-1].at - ago_ms
        return next((past.votes for past in reversed(self.tallies) if past.at <= wanted), None)

    def by_second(self) -> list[tuple[int, float]]:
        """(second since 1970, votes a second) of the last ten minutes, one for each second that was read in."""
        found: list[tuple[int, float]] = []
        before: Point | None = None
        for point in self.points:
            if before is None:
                before = point
            elif point.at // 1000 > before.at // 1000:
                rate = max(0, point.total - before.total) * 1000 / (point.at - before.at)
                found.append((point.at // 1000, round(rate, 1)))
                before = point
        return found
