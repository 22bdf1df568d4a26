"""Spreadsheets for tests: good ones, odd ones, hostile ones."""

import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

from openpyxl import Workbook

from models.entry_sheet import COLUMNS

HEADINGS = [column.heading for column in COLUMNS]
SHEET = "xl/worksheets/sheet1.xml"


def xlsx(*rows: Sequence[Any], title: str = "Bài dự thi", change: Callable[[Any], None] | None = None) -> bytes:
    """A workbook with one sheet of these rows; `change(workbook)` may do more to it."""
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    if change is not None:
        change(workbook)
    written = BytesIO()
    workbook.save(written)
    return written.getvalue()


def entries(*rows: dict[str, Any], columns: Sequence[str] = ("title", "category", "author", "state")) -> bytes:
    """A workbook of entries, a dictionary each."""
    headings = {column.name: column.heading for column in COLUMNS}
    return xlsx([headings[name] for name in columns], *([row.get(name) for name in columns] for row in rows))


def with_part(content: bytes, name: str, part: bytes | Callable[[bytes], bytes], **options: Any) -> bytes:
    """The archive with one part replaced, changed or added."""
    written = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            if info.filename != name:
                new.writestr(info.filename, old.read(info))
        body = part if isinstance(part, bytes) else part(old.read(name))
        new.writestr(name, body, **options)
    return written.getvalue()


def with_strings(content: bytes, strings: bytes) -> bytes:
    """The workbook with texts that its cells share, as Excel writes them (openpyxl does not)."""
    relation = b'<Relationship Id="rIdS" Type="http://x/relationships/sharedStrings" Target="sharedStrings.xml"/>'
    end = b"</Relationships>"
    related = with_part(content, "xl/_rels/workbook.xml.rels", lambda part: part.replace(end, relation + end))
    return with_part(related, "xl/sharedStrings.xml", strings)


def sheet_xml(rows: bytes) -> bytes:
    """A sheet whose `sheetData` has these bytes."""
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return b'<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (space, rows)
