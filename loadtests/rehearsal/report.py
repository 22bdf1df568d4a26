"""The report: one HTML file that needs nothing else, in light and dark, for screen and paper; and `verdict.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from loadtests.rehearsal.check import Check
from loadtests.rehearsal.notes import Note
from loadtests.rehearsal.page import Box, write_page
from loadtests.rehearsal.verdict import GO, NO_GO, passed

TITLE: Note = ("Diễn tập bỏ phiếu", "Rehearsal of the vote")
_MARK = {
    True: ("ok", "✓", "đạt · holds"),
    False: ("bad", "✗", "không đạt · fails"),
    None: ("open", "–", "không kiểm tra"),
}
_HEADS = ("Bài · Entry", "Phải được đếm · Must be counted", "Chưa rõ · Unclear", "Được đếm · Counted")


def write_report(
    folder: Path,
    checks: Sequence[Check],
    facts: Mapping[str, Any],
    notes: Sequence[Note],
    drawn: Sequence[str],
) -> None:
    """`facts`: heading → name → value, as they stand in `verdict.json` too; `notes`: what must be known to read it, in
    Vietnamese and English.
    """
    go = passed(list(checks))
    document = {"go": go, "verdict": GO if go else NO_GO, "checks": [asdict(check) for check in checks], **facts}
    text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
    (folder / "verdict.json").write_text(text + "\n", encoding="utf-8")
    more = [*drawn, _entries(facts.get("books", {}).get("by_entry", {}))]
    write_page(folder / "report.html", TITLE, _verdict(checks, go=go), notes, [checks_table(checks)], more, facts)


def checks_table(checks: Sequence[Check]) -> str:
    """Every condition, those that fail first, then those that could not be checked."""
    rows = "".join(_row(check) for check in sorted(checks, key=lambda check: (check.ok is not False, check.ok is True)))
    return (
        '<table class="checks"><thead><tr><th></th><th>Điều kiện · Condition</th><th>Đã thấy · Seen</th>'
        f"<th>Cho phép · Allowed</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def reasons(checks: Sequence[Check], *, seen: bool = True) -> str:
    """Conditions as a list; `seen`: with what was seen."""
    items = (
        f"<li>{escape(check.vi)}{escape(': ' + check.seen) if seen else ''}"
        f'<span class="en" lang="en">{escape(check.en)}</span></li>'
        for check in checks
    )
    return f"<ul>{''.join(items)}</ul>"


def _verdict(checks: Sequence[Check], *, go: bool) -> Box:
    failed = [check for check in checks if check.ok is False]
    blind = [check for check in checks if check.ok is None]
    why = reasons(failed)
    if go and blind:
        why = (
            '<p>Mọi điều kiện kiểm tra được đều đạt. <span class="en" lang="en">All conditions that could be checked'
            " hold.</span></p>"
        )
    elif go:
        why = '<p>Mọi điều kiện đều đạt. <span class="en" lang="en">All conditions hold.</span></p>'
    if blind:
        why += (
            "<p>Chưa kiểm tra được, phải tự xem trước khi quyết định:"
            '<span class="en" lang="en">Not checked; look at these yourself before you decide:</span></p>'
            + reasons(blind, seen=False)
        )
    word, english, style = (GO, "GO", "go") if go else (NO_GO, "NO-GO", "no")
    return Box(style, f'{word} <span lang="en">({english})</span>', why)


def _row(check: Check) -> str:
    style, mark, word = _MARK[check.ok]
    seen = check.seen if check.ok is not None else f"{check.seen} (không kiểm tra được · not checked)"
    return (
        f'<tr><td class="{style}" aria-label="{word}">{mark}</td><td>{escape(check.vi)}<span class="en" lang="en">'
        f'{escape(check.en)}</span></td><td data-head="Đã thấy · Seen">{escape(seen)}</td>'
        f'<td data-head="Cho phép · Allowed">{escape(check.allowed)}</td></tr>'
    )


def _entries(by_entry: Mapping[int, tuple[int, int, int | None]]) -> str:
    """What must be counted for each entry, and what is."""
    if not by_entry:
        return ""
    rows = []
    for entry, (known, unknown, counted) in by_entry.items():
        off = counted is None or not known <= counted <= known + unknown
        cells = (
            f"<td>{value}</td>" for value in (f"{known:,}", f"{unknown:,}", "—" if counted is None else f"{counted:,}")
        )
        rows.append(f'<tr{" class=bad" if off else ""}><th scope="row">#{entry}</th>{"".join(cells)}</tr>')
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    return (
        f"<h2>Từng bài dự thi · Entry by entry</h2><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
