"""The report of a capacity: `report.html`, with the looks of a rehearsal's, and `capacity.json`."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from loadtests.rehearsal.advice import advice, enough
from loadtests.rehearsal.capacity import Capacity, Ledger
from loadtests.rehearsal.charts import Line, chart
from loadtests.rehearsal.check import Check
from loadtests.rehearsal.climbing import Step
from loadtests.rehearsal.notes import OWN_STACK, Note
from loadtests.rehearsal.page import Box, write_page
from loadtests.rehearsal.report import checks_table, reasons
from loadtests.rehearsal.verdict import NO_GO, passed

TITLE: Note = ("Hệ thống mang được bao nhiêu", "How much the installation carries")
_MOST_TICKS = 5
_HEADS = (
    *("Đưa vào mỗi giây · Offered/s", "Trả lời mỗi giây · Answered/s", "p50", "p99", "Từ chối, đứt · Refused, broken"),
    *("wrk (nhân · cores)", "Máy này rảnh · Idle here"),
)


def checks_of(books: Ledger, *, elsewhere: bool) -> list[Check]:
    """Whether what was acknowledged is counted: a rate of votes that are lost is none."""
    counted, agree = books.counted, books.box is not None and books.box == books.ledger
    most = books.acknowledged + books.unanswered
    return [
        Check(
            "acknowledged_is_counted",
            ok=counted is not None and books.acknowledged <= counted <= most,
            vi="Mọi phiếu đã báo nhận đều được đếm; ít hơn là mất phiếu, hoặc mã đăng nhập đã dùng từ trước",
            en="Every acknowledged vote is counted; fewer were lost, or their tokens had voted before",
            seen=f"{books.acknowledged:,} → {'—' if counted is None else f'{counted:,}'}",
            allowed=f"{books.acknowledged:,} … {most:,}",
        ),
        Check(
            "box_is_ledger",
            ok=None if elsewhere else agree and [books.pending, books.drift] == [0, 0],
            vi="Hòm phiếu khớp sổ phiếu",
            en="Box and ledger agree",
            seen=f"{_told(books.box)} / {_told(books.ledger)}, pending {_told(books.pending)},"
            f" drift {_told(books.drift)}",
            allowed="=, 0, 0",
        ),
        Check(
            "drained",
            ok=None if elsewhere and books.drained_s is None else books.drained_s is not None,
            vi="Sau khi hết tải, mọi phiếu vào sổ",
            en="After the load all votes reached the ledger",
            seen="—" if books.drained_s is None else f"{books.drained_s:.0f} s",
            allowed="≤ 120 s",
        ),
    ]


def write_capacity(folder: Path, capacity: Capacity, votes_each: float, wanted: float | None, began: datetime) -> bool:
    """Writes both files. `wanted`: voters a minute. Returns whether the books hold."""
    checks = checks_of(capacity.books, elsewhere=capacity.url is not None)
    told = advice(capacity, votes_each, wanted)
    document = as_document(capacity, votes_each, told) | {
        "began": began.isoformat(timespec="seconds"),
        "checks": [asdict(check) for check in checks],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    (folder / "capacity.json").write_text(text + "\n", encoding="utf-8")
    write_page(
        folder / "report.html",
        TITLE,
        _box(capacity, checks, votes_each, wanted),
        [_held(capacity, began), *told],
        [checks_table(checks), _table(capacity.steps)],
        _charts(capacity.steps),
        {},
    )
    return passed(checks)


def as_document(capacity: Capacity, votes_each: float, told: Sequence[Note]) -> dict[str, Any]:
    """What programs read."""
    return {
        **asdict(capacity),
        "votes_each": votes_each,
        "voters_per_minute": round(capacity.voters_per_minute(votes_each)),
        "advice": [en for _, en in told],
        "advice_vi": [vi for vi, _ in told],
    }


def _box(capacity: Capacity, checks: Sequence[Check], votes_each: float, wanted: float | None) -> Box:
    failed = [check for check in checks if check.ok is False]
    if failed:
        return Box("no", f'{NO_GO} <span lang="en">(NO-GO)</span>', reasons(failed))
    least = ("≥ " if capacity.at_least else "") + f"{capacity.voters_per_minute(votes_each):,.0f}"
    head = f'{least} người mỗi phút <span class="en" lang="en">voters a minute</span>'
    if wanted is None:
        return Box("plain", head, "")
    if enough(capacity, votes_each, wanted):
        return Box("go", head, _said(f"Đủ cho {wanted:,.0f} người mỗi phút.", f"Enough for {wanted:,.0f} a minute."))
    said = _said(f"Chưa đủ cho {wanted:,.0f} người mỗi phút.", f"Not enough for {wanted:,.0f} a minute.")
    return Box("no", head, said)


def _held(capacity: Capacity, began: datetime) -> Note:
    vi, en = ((capacity.url or own) for own in OWN_STACK)
    return f"{began:%Y-%m-%d %H:%M} (giờ UTC), {vi}.", f"{began:%Y-%m-%d %H:%M} (UTC), {en}."


def _said(vi: str, en: str) -> str:
    return f'<p>{escape(vi)}<span class="en" lang="en">{escape(en)}</span></p>'


def _table(steps: Sequence[Step]) -> str:
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    rows = "".join(f"<tr{'' if step.good else ' class=bad'}>{_cells(step)}</tr>" for step in steps)
    return (
        "<h2>Từng bước · Step by step</h2>"
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _cells(step: Step) -> str:
    cells = (
        *(_offered(step), f"{step.answered:,.0f}", f"{step.p50_ms:,.1f} ms", f"{step.p99_ms:,.1f} ms"),
        *(f"{step.refused:,}", f"{step.generator:.2f}", f"{step.idle:.0%}"),
    )
    return "".join(f"<td>{cell}</td>" for cell in cells)


def _offered(step: Step) -> str:
    return "tối đa · all" if step.offered is None else f"{step.offered:,.0f}"


def _charts(steps: Sequence[Step]) -> list[str]:
    every = math.ceil(len(steps) / _MOST_TICKS)
    last = len(steps) - 1
    # What stands beside the last one would touch it.
    shown = {0, last, *range(0, last - every + 1, every)}
    ticks = [
        ("max" if step.offered is None else _offered(step)) if at in shown else "" for at, step in enumerate(steps)
    ]
    return [
        chart(
            "Phiếu trả lời mỗi giây, theo số phiếu đưa vào · Votes answered, by what was offered",
            "1/s",
            [
                Line("đưa vào · offered", [step.offered for step in steps], 2),
                Line("trả lời · answered", [step.answered for step in steps], 1),
            ],
            ticks,
        ),
        chart(
            "Thời gian trả lời · Time to answer",
            "ms",
            [Line("p50", [step.p50_ms for step in steps], 1), Line("p99", [step.p99_ms for step in steps], 2)],
            ticks,
        ),
    ]


def _told(value: int | None) -> str:
    return "—" if value is None else f"{value:,}"
