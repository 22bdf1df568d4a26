"""Entries in a spreadsheet: which columns there are, and what each row says. Nothing here knows the ledger.

A row that begins with EXAMPLE is the template's own and is passed over. A column that is missing leaves entries that
are there already as they are; a cell that is empty empties the field, but for the state and the address.
"""

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from pydantic import ValidationError

from models.entry_fields import EntryFields, Fault, faults_of, slug_of
from models.sheet import Cell, Row, Sheet, column_name
from models.sheet_headings import folded

EXAMPLE = "VÍ DỤ"
MAX_FAULTS = 200  # that are told; more help nobody


class Column(NamedTuple):
    """`name`: the field; `heading`: as the template has it; `needed`: neither the column nor a cell may be missing."""

    name: str
    heading: str
    needed: bool = False


COLUMNS = (
    Column("title", "Tên bài dự thi", needed=True),
    Column("category", "Lĩnh vực", needed=True),
    Column("author", "Tác giả"),
    Column("unit", "Đơn vị"),
    Column("summary", "Tóm tắt"),
    Column("text", "Nội dung"),
    Column("video", "Đường dẫn video"),
    Column("title_en", "Tên bài (tiếng Anh)"),
    Column("summary_en", "Tóm tắt (tiếng Anh)"),
    Column("text_en", "Nội dung (tiếng Anh)"),
    Column("slug", "Tên trong địa chỉ"),
    Column("state", "Trạng thái"),
)
PUBLISHED, DRAFT = "Công bố", "Nháp"
_STATES = {folded(PUBLISHED): "published", "published": "published", folded(DRAFT): "draft", "draft": "draft", "": ""}
_BY_HEADING = {folded(name): column for column in COLUMNS for name in (column.heading, column.name)}
HEADINGS = frozenset(_BY_HEADING)
_TITLE = COLUMNS[0]


@dataclass
class RowFault:
    """What is wrong in the sheet. `row` is 0 where it concerns no one row, `column` the name of a Column, or ""."""

    row: int
    column: str
    code: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class Line:
    """One row as an entry. `columns`: what the sheet has; `state`: `published`, `draft`, or "" for no word."""

    row: int
    fields: EntryFields
    columns: frozenset[str]
    state: str


@dataclass
class EntrySheet:
    """What a sheet says. With any fault nothing of it is imported. `examples`: rows passed over."""

    lines: list[Line] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    examples: int = 0

    def told(self) -> list[dict[str, Any]]:
        """The first faults, as JSON, in the order of the rows."""
        return [asdict(fault) for fault in sorted(self.faults, key=lambda fault: fault.row)[:MAX_FAULTS]]


class Category(NamedTuple):
    slug: str
    title: str


def read_entries(sheet: Sheet, categories: Iterable[Category]) -> EntrySheet:
    """The entries of a sheet, and everything that is wrong with it."""
    found = EntrySheet()
    if not sheet.rows:
        found.faults.append(RowFault(0, "", "no_rows"))
        return found
    columns = _columns(sheet, found)
    if found.faults:
        return found
    known = {folded(name): category.slug for category in categories for name in category}
    for row in sheet.rows[1:]:
        if _is_example(row, columns):
            found.examples += 1
        else:
            _read_row(row, columns, known, found)
    if not found.lines and not found.faults:
        found.faults.append(RowFault(0, "", "no_rows"))
    _refuse_repeated(found)
    return found


def _columns(sheet: Sheet, found: EntrySheet) -> dict[int, Column]:
    """Place → column, from the row of headings; what is wrong with them goes into `found`."""
    top = sheet.rows[0]
    columns: dict[int, Column] = {}
    for at, cell in top.cells.items():
        column = _BY_HEADING.get(folded(cell.text)) if cell.kind == "text" else None
        if column is None:
            near = difflib.get_close_matches(folded(cell.text)[:80], [folded(one.heading) for one in COLUMNS], n=1)
            meant = _BY_HEADING[near[0]].heading if near else ""
            values = {"place": column_name(at), "heading": cell.text[:80], "meant": meant}
            found.faults.append(RowFault(top.number, "", "unknown_column", values))
        elif column in columns.values():
            found.faults.append(RowFault(top.number, column.name, "repeated_column", {"place": column_name(at)}))
        else:
            columns[at] = column
            if at in sheet.hidden_columns:
                found.faults.append(RowFault(top.number, column.name, "hidden_column", {"place": column_name(at)}))
    for column in COLUMNS:
        if column.needed and column not in columns.values():
            found.faults.append(RowFault(top.number, column.name, "missing_column"))
    return columns


def _is_example(row: Row, columns: dict[int, Column]) -> bool:
    title = next((row.cells.get(at, Cell("")).text for at, column in columns.items() if column is _TITLE), "")
    return unicodedata.normalize("NFC", title).strip().startswith(EXAMPLE)


def _read_row(row: Row, columns: dict[int, Column], known: dict[str, str], found: EntrySheet) -> None:
    faults = [RowFault(row.number, "", "hidden_row")] if row.hidden else []
    strays = sorted(row.cells.keys() - columns.keys())
    faults += [RowFault(row.number, "", "no_heading", {"place": column_name(at)}) for at in strays]
    values: dict[str, str] = {}
    for at, column in columns.items():
        cell = row.cells.get(at, Cell(""))
        if cell.kind == "text":
            values[column.name] = cell.text
        else:
            faults.append(
                RowFault(row.number, column.name, f"cell_{cell.kind}", {"cell": f"{column_name(at)}{row.number}"})
            )
    told = {fault.column for fault in faults}
    state = _STATES.get(folded(values.pop("state", "")))
    if state is None:
        faults.append(RowFault(row.number, "state", "unknown_state"))
    category = folded(values.get("category", ""))
    if category and category not in known:
        faults.append(
            RowFault(row.number, "category", "no_such_category", {"category": values["category"].strip()[:80]})
        )
        told.add("category")
    values["category"] = known.get(category, "khong-ro" if category else "")
    if not values.get("slug", "").strip():
        values["slug"] = slug_of(values.get("title", ""))
    try:
        fields = EntryFields.model_validate(values)
    except ValidationError as error:
        faults += [_fault(row.number, one) for one in faults_of(error) if one.field not in told]
    else:
        if not faults and state is not None:
            names = frozenset(column.name for column in columns.values())
            found.lines.append(Line(row.number, fields, names, state))
    found.faults += faults


def _fault(row: int, fault: Fault) -> RowFault:
    empty = {"string_too_short", "missing"} if fault.field != "category" else {"string_too_short", "missing", "slug"}
    return RowFault(row, fault.field, "empty_cell" if fault.code in empty else fault.code, fault.values)


def _refuse_repeated(found: EntrySheet) -> None:
    """The same address twice: which of them is meant?"""
    first: dict[str, int] = {}
    for line in found.lines:
        if first.setdefault(line.fields.slug, line.row) != line.row:
            values = {"slug": line.fields.slug, "first": first[line.fields.slug]}
            found.faults.append(
                RowFault(line.row, "slug" if "slug" in line.columns else "title", "repeated_row", values)
            )
