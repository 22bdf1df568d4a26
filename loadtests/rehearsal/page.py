"""The page of a report: what it begins with, its charts, its numbers. One look for a rehearsal and for a capacity."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from loadtests.rehearsal.notes import Note

_STYLE = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
_HEADINGS = {
    "turnout": "Lượng người dự kiến · Expected turnout",
    "profile": "Tải · Load",
    "books": "Sổ sách · Books",
    "limits": "Ngưỡng · Limits",
    "machine": "Máy · Machine",
    "counted": "Đã đếm · Counted",
}
_OWN_TABLE = "by_entry"
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


@dataclass(frozen=True)
class Box:
    """What the page begins with. `style`: `go`, `no` or `plain`; `head` and `body` are HTML."""

    style: str
    head: str
    body: str


def write_page(
    path: Path,
    title: Note,
    box: Box,
    notes: Sequence[Note],
    sections: Sequence[str],
    drawn: Sequence[str],
    facts: Mapping[str, Any],
) -> None:
    """`sections` and `drawn` are HTML; `facts`: heading → name → value."""
    vi, en = (escape(text) for text in title)
    said = "".join(f'<p>{escape(one)}<span class="en" lang="en">{escape(other)}</span></p>' for one, other in notes)
    tables = "".join(_facts(heading, values) for heading, values in facts.items())
    body = (
        f'<section><h1>{vi}</h1><p class="quiet" lang="en">{en}</p>'
        f'<div class="verdict {box.style}"><strong>{box.head}</strong>{box.body}</div>{said}</section>'
        f"{''.join(f'<section>{section}</section>' for section in sections if section)}"
        f'<section class="charts">{"".join(drawn)}</section>{tables}'
    )
    path.write_text(
        '<!doctype html><html lang="vi"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{vi}</title>'
        f"<style>{_STYLE}</style></head><body><main>{_spaced(body)}</main></body></html>\n",
        encoding="utf-8",
    )


def _spaced(text: str) -> str:
    """Thousands set apart by a narrow space: a comma there is a decimal comma to Vietnamese readers."""
    return _THOUSANDS.sub("\N{NARROW NO-BREAK SPACE}", text)


def _facts(heading: str, values: Any) -> str:
    pairs = values.items() if isinstance(values, Mapping) else [("", values)]
    rows = "".join(
        f'<tr><th scope="row">{escape(str(name))}</th><td>{escape(_shown(value))}</td></tr>'
        for name, value in pairs
        if name != _OWN_TABLE
    )
    return f'<section class="facts"><h2>{escape(_HEADINGS.get(heading, heading))}</h2><table>{rows}</table></section>'


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_shown(one)}" for name, one in value.items()) or "0"
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "—" if value is None else str(value)
