"""The ranking as a table: XLSX, CSV, JSON. Final where the contest is closed out, else provisional, and it says so."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from openpyxl import Workbook  # type: ignore[import-untyped]
from openpyxl.cell import WriteOnlyCell  # type: ignore[import-untyped]
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # type: ignore[import-untyped]
from openpyxl.styles import Font  # type: ignore[import-untyped]
from sqlalchemy import Connection, text

from models.contest import Contest
from models.export_cells import BOM, safe
from models.minutes import sha256
from models.ranking import ranking
from models.result import Result

FORMATS = ("xlsx", "csv", "json")
FINAL, PROVISIONAL = "chính thức", "tạm tính"

_ENTRIES = text(
    "SELECT e.id, e.title, e.author, e.unit, c.slug AS category, c.title AS category_title,"
    " coalesce((SELECT sum(votes) FROM tallies t WHERE t.contest_id = e.contest_id AND t.entry_id = e.id), 0) AS votes"
    " FROM entries e JOIN categories c ON c.id = e.category_id"
    " WHERE e.contest_id = :contest_id AND e.state = 'published' ORDER BY e.position, e.id"
)


@dataclass(frozen=True)
class Row:
    """One entry. `voided` is not known before the close-out."""

    place: int
    tied: bool
    place_in_category: int
    tied_in_category: bool
    entry_id: int
    title: str
    author: str
    unit: str
    category: str
    votes: int
    voided: int | None
    standing: str
    """FINAL or PROVISIONAL."""


_HEAD = {
    "place": "Hạng",
    "tied": "Đồng hạng",
    "place_in_category": "Hạng trong lĩnh vực",
    "tied_in_category": "Đồng hạng trong lĩnh vực",
    "entry_id": "Mã bài",
    "title": "Bài dự thi",
    "author": "Tác giả",
    "unit": "Đơn vị",
    "category": "Lĩnh vực",
    "votes": "Số phiếu",
    "voided": "Phiếu bị loại",
    "standing": "Tình trạng",
}


def rows_of(connection: Connection, contest: Contest, result: Result | None) -> list[Row]:
    """By place. Without a result: by the ledger's tallies of this moment."""
    if result is None:
        return _provisional(connection, contest.id)
    document = result.document
    titles = {category["slug"]: category["title"] for category in document["categories"]}
    inside = {one["entry_id"]: one for category in document["categories"] for one in category["ranking"]}
    return [
        Row(
            one["place"],
            one["tied"],
            inside[one["entry_id"]]["place"],
            inside[one["entry_id"]]["tied"],
            one["entry_id"],
            one["title"],
            one["author"],
            one["unit"],
            titles[one["category"]],
            one["votes"],
            one["voided"],
            FINAL,
        )
        for one in document["ranking"]
    ]


def _provisional(connection: Connection, contest_id: int) -> list[Row]:
    found = {row.id: row for row in connection.execute(_ENTRIES, {"contest_id": contest_id})}
    by_category: dict[str, dict[int, int]] = {}
    for row in found.values():
        by_category.setdefault(row.category, {})[row.id] = int(row.votes)
    inside = {one.entry_id: one for votes in by_category.values() for one in ranking(votes)}
    return [
        Row(
            one.place,
            one.tied,
            inside[one.entry_id].place,
            inside[one.entry_id].tied,
            one.entry_id,
            found[one.entry_id].title,
            found[one.entry_id].author,
            found[one.entry_id].unit,
            found[one.entry_id].category_title,
            one.votes,
            None,
            PROVISIONAL,
        )
        for one in ranking({row.id: int(row.votes) for row in found.values()})
    ]


def exported(kind: str, contest: Contest, rows: list[Row], result: Result | None) -> bytes:
    """The whole file. `kind`: one of FORMATS."""
    if kind == "xlsx":
        return _xlsx(rows)
    return _csv(rows) if kind == "csv" else _json(contest, rows, result)


def _cells(row: Row) -> list[str | int]:
    """As people read them."""
    words: dict[Any, str] = {True: "có", False: "", None: ""}
    return [words[value] if value is None or isinstance(value, bool) else value for value in asdict(row).values()]


def _csv(rows: Iterable[Row]) -> bytes:
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(_HEAD.values())
    for row in rows:
        writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in _cells(row)])
    return (BOM + written.getvalue()).encode()


def _json(contest: Contest, rows: Iterable[Row], result: Result | None) -> bytes:
    document: dict[str, Any] = {
        "contest": contest.slug,
        "title": contest.title,
        "final": result is not None,
        "minutes_sha256": sha256(result.minutes) if result else None,
        "entries": [asdict(row) for row in rows],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _xlsx(rows: list[Row]) -> bytes:
    book = Workbook(write_only=True)
    _sheet(book, "Xếp hạng chung", rows)
    _sheet(book, "Theo lĩnh vực", sorted(rows, key=lambda row: (row.category, row.place_in_category)))
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _sheet(book: Any, title: str, rows: Iterable[Row]) -> None:
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for letter, width in zip("ABCDEFGHIJKL", (8, 10, 12, 12, 8, 60, 28, 28, 24, 12, 12, 12), strict=True):
        sheet.column_dimensions[letter].width = width
    head = [_cell(sheet, name) for name in _HEAD.values()]
    for cell in head:
        cell.font = Font(bold=True)
    sheet.append(head)
    for row in rows:
        sheet.append([_cell(sheet, value) for value in _cells(row)])


def _cell(sheet: Any, value: str | int) -> Any:
    """A text stays text, whatever it begins with: openpyxl would take `=` for a formula."""
    if isinstance(value, int):
        return WriteOnlyCell(sheet, value)
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", value))
    cell.data_type = "s"
    return cell
