"""Charts as inline SVG: lines over the seconds of a rehearsal, or over steps. Colours: the page's style sheet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 10, 14, 26
_MOST_POINTS = 360


@dataclass(frozen=True)
class Line:
    """`values`: one for each second or step; None: nothing is known of it. `style`: 1 to 4, a colour and a dash."""

    name: str
    values: Sequence[float | None]
    style: int


def chart(title: str, unit: str, lines: Sequence[Line], ticks: Sequence[str] = ()) -> str:
    """An SVG with a legend that names the greatest values. `ticks`: what stands below, evenly; without, seconds."""
    drawn = [Line(line.name, _thinned(line.values), line.style) for line in lines]
    seconds = max((len(line.values) for line in lines), default=0)
    top = _round_up(max((value for line in lines for value in line.values if value is not None), default=1.0))
    below = ticks or [f"{seconds * quarter / 4:.0f} s" for quarter in range(5)]
    parts = [_grid(top, below), *(_path(line, top) for line in drawn)]
    legend = "".join(f'<li class="l{line.style}">{escape(line.name)}: {_most(line)}</li>' for line in lines)
    return (
        f"<figure><figcaption>{escape(title)} ({escape(unit)})</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
        f"<ul>{legend}</ul></figure>"
    )


def _most(line: Line) -> str:
    known = [value for value in line.values if value is not None]
    return f"max {_number(max(known))}" if known else "—"


def _grid(top: float, below: Sequence[str]) -> str:
    rows = []
    for quarter in range(5):
        y = _y(top * quarter / 4, top)
        rows.append(
            f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_number(top * quarter / 4)}</text>'
        )
    last = max(1, len(below) - 1)
    for number, text in enumerate(below):
        x = _LEFT + (WIDTH - _LEFT - _RIGHT) * number / last
        anchor = "end" if number == last else "middle"
        rows.append(f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{escape(text)}</text>')
    return "".join(rows)


def _path(line: Line, top: float) -> str:
    steps, pen, width = [], "M", (WIDTH - _LEFT - _RIGHT) / max(1, len(line.values) - 1)
    for number, value in enumerate(line.values):
        if value is None:
            pen = "M"
            continue
        steps.append(f"{pen}{_LEFT + number * width:.1f} {_y(value, top):.1f}")
        pen = "L"
    return f'<path class="line l{line.style}" d="{"".join(steps)}"/>'


def _y(value: float, top: float) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - value / top)


def _thinned(values: Sequence[float | None]) -> list[float | None]:
    """At most so many points; of those that share one, the greatest: a peak must stay visible."""
    size = max(1, math.ceil(len(values) / _MOST_POINTS))
    groups = [[value for value in values[at : at + size] if value is not None] for at in range(0, len(values), size)]
    return [max(group, default=None) for group in groups]


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 5 or 10 times a power of ten: a scale with even quarters."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value * 0.9999)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
