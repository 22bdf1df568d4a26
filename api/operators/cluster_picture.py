"""The picture of a cluster over time: bars of the entry's votes, in front of them those of the cluster, and a line of
its accounts' openings. Plain numbers for an SVG: the page's rules allow neither scripts nor styles in it.
"""

from dataclasses import dataclass
from typing import Any

WIDTH = 720
HEIGHT = 180


@dataclass(frozen=True)
class Bar:
    """In pixels from the top left."""

    x: float
    width: float
    entry_y: float
    entry_height: float
    cluster_y: float
    cluster_height: float


@dataclass(frozen=True)
class Picture:
    """`most`: what the full height stands for; `first`, `last`: ms since 1970; `openings`: points of a polyline."""

    bars: list[Bar]
    openings: str
    most: int
    first: int
    last: int


def picture_of(numbers: dict[str, Any]) -> Picture | None:
    """From `numbers["series"]` (models/signals/evidence.py); None where there is none."""
    series = numbers.get("series")
    if not series or not series["votes"]:
        return None
    votes, openings, entry = series["votes"], series["openings"], series["entry"]
    most = max(*votes, *openings, *entry, 1)
    step = WIDTH / len(votes)

    def tall(count: int) -> float:
        return float(round(HEIGHT * count / most, 1))

    bars = [
        Bar(
            round(at * step + 1, 1),
            round(step - 2, 1),
            HEIGHT - tall(entry[at]),
            tall(entry[at]),
            HEIGHT - tall(votes[at]),
            tall(votes[at]),
        )
        for at in range(len(votes))
    ]
    points = " ".join(f"{round((at + 0.5) * step, 1)},{HEIGHT - tall(count)}" for at, count in enumerate(openings))
    last = round(series["from"] + 1000 * series["step_s"] * len(votes))
    return Picture(bars, points, most, series["from"], last)
