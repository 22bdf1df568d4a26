"""The report: one HTML file that needs nothing else, in light and dark, for screen and paper; and `verdict.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from loadtests.rehearsal.check import Check
from loadtests.rehearsal.notes import Note
from loadtests.rehearsal.verdict import GO, NO_GO, passed

_MARK = {True: ("ok", "✓"), False: ("bad", "✗"), None: ("open", "–")}
_STYLE = Path(__file__).with_name("report.css").read_text(encoding="utf-8")


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
    (folder / "report.html").write_text(_page(checks, facts, notes, drawn), encoding="utf-8")


def _page(checks: Sequence[Check], facts: Mapping[str, Any], notes: Sequence[Note], drawn: Sequence[str]) -> str:
    go = passed(list(checks))
    rows = "".join(_row(check) for check in sorted(checks, key=lambda check: check.ok is not False))
    said = "".join(f'<p>{escape(vi)}<span class="en" lang="en">{escape(en)}</span></p>' for vi, en in notes)
    tables = "".join(_facts(heading, values) for heading, values in facts.items())
    return (
        '<!doctype html><html lang="vi"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Diễn tập bỏ phiếu</title>'
        f"<style>{_STYLE}</style></head><body><main><section><h1>Diễn tập bỏ phiếu</h1>"
        f'<p class="quiet" lang="en">Rehearsal of the vote</p>{_verdict(checks, go=go)}{said}'
        '<table class="checks"><thead><tr><th></th><th>Điều kiện · Condition</th><th>Đã thấy · Seen</th>'
        f"<th>Cho phép · Allowed</th></tr></thead><tbody>{rows}</tbody></table></section>"
        f'<section class="charts">{"".join(drawn)}</section>'
        f"{tables}</main></body></html>\n"
    )


def _verdict(checks: Sequence[Check], *, go: bool) -> str:
    failed = [check for check in checks if check.ok is False]
    reasons = "".join(
        f'<li>{escape(check.vi)}: {escape(check.seen)}<span class="en" lang="en">{escape(check.en)}</span></li>'
        for check in failed
    )
    word, english, style = (GO, "GO", "go") if go else (NO_GO, "NO-GO", "no")
    why = (
        f"<ul>{reasons}</ul>"
        if reasons
        else '<p>Mọi điều kiện đều đạt. <span lang="en">All conditions hold.</span></p>'
    )
    return f'<div class="verdict {style}"><strong>{word} <span lang="en">({english})</span></strong>{why}</div>'


def _row(check: Check) -> str:
    style, mark = _MARK[check.ok]
    seen = check.seen if check.ok is not None else f"{check.seen} (không kiểm tra được · not checked)"
    return (
        f'<tr><td class="{style}">{mark}</td><td>{escape(check.vi)}<span class="en" lang="en">{escape(check.en)}</span>'
        f"</td><td>{escape(seen)}</td><td>{escape(check.allowed)}</td></tr>"
    )


def _facts(heading: str, values: Any) -> str:
    pairs = values.items() if isinstance(values, Mapping) else [("", values)]
    rows = "".join(f"<tr><th>{escape(str(name))}</th><td>{escape(str(value))}</td></tr>" for name, value in pairs)
    return f"<section><h2>{escape(heading)}</h2><table>{rows}</table></section>"
