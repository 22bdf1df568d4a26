"""CSV as spreadsheet programs write it: separated by commas, semicolons or tabs, in one of a few encodings."""

import csv
import unicodedata
from collections.abc import Iterator
from io import StringIO

from models.sheet import MAX_CELL, MAX_COLUMNS, MAX_ROW_NUMBER, MAX_ROWS, Cell, Row, Sheet, SheetError, Tick, no_tick
from models.sheet_headings import folded

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SEPARATORS = ",;\t"
_TICK_ROWS = 500


def read_csv(content: bytes, headings: frozenset[str], tick: Tick = no_tick) -> Sheet:
    """Errors: SheetError (`encoding`, `not_a_sheet`, `csv`, `too_many_rows`, `too_many_columns`, `too_long`)."""
    text, separator = _text(content, headings)
    rows: list[Row] = []
    for number, values in _records(text, separator):
        if number > MAX_ROW_NUMBER or len(rows) > MAX_ROWS:
            raise SheetError("too_many_rows", most=MAX_ROWS)
        if len(values) > MAX_COLUMNS and any(values[MAX_COLUMNS:]):
            raise SheetError("too_many_columns", most=MAX_COLUMNS)
        if any(len(value) > MAX_CELL for value in values):
            raise SheetError("too_long", row=number)
        cells = {at: _cell(value) for at, value in enumerate(values[:MAX_COLUMNS]) if value.strip()}
        if cells:
            rows.append(Row(number, cells))
        if number % _TICK_ROWS == 0:
            tick()
    return Sheet(rows)


def _cell(value: str) -> Cell:
    """A spreadsheet program would compute what begins with `=`, so it is no text; nothing else is."""
    return Cell(value, "formula" if value.lstrip().startswith("=") else "text")


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from enumerate(csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True), start=1)
    except csv.Error:
        raise SheetError("csv") from None


def _text(content: bytes, headings: frozenset[str]) -> tuple[str, str]:
    """The text and its separator: the reading with the most known headings. Errors: SheetError."""
    best = (0, "", "")
    for encoding in _encodings(content):
        try:
            text = unicodedata.normalize("NFC", content.decode(encoding))
        except UnicodeDecodeError:
            continue
        for separator, body in _separated(text):
            found = _known(body, separator, headings)
            if found > best[0]:
                best = (found, body, separator)
        if best[0]:
            return best[1], best[2]
    raise SheetError("encoding")


def _encodings(content: bytes) -> list[str]:
    """Those that it may be in, the likeliest first. What says its own is in no other. Errors: SheetError."""
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return [encoding]
    if b"\0" in content[:1000]:
        return ["utf-16-le", "utf-16-be"]
    if b"\0" in content:
        raise SheetError("not_a_sheet")
    return ["utf-8", "cp1258"]


def _separated(text: str) -> Iterator[tuple[str, str]]:
    """Each separator, and the text without a first line that names it (`sep=;`, as Excel writes it)."""
    first, _, rest = text.partition("\n")
    named = first.strip().strip('"').removeprefix("sep=")
    if first.strip().startswith(("sep=", '"sep=')) and len(named) == 1 and named in _SEPARATORS:
        yield named, "\n" + rest  # the line stays, empty: rows keep their numbers
        return
    for separator in _SEPARATORS:
        yield separator, text


def _known(text: str, separator: str, headings: frozenset[str]) -> int:
    """How many known headings the first line with something in it has."""
    start = text.lstrip("\r\n\ufeff")[:20_000]
    try:
        first = next(csv.reader(StringIO(start, newline=""), delimiter=separator), [])
    except csv.Error:
        return 0
    return len({folded(value) for value in first} & headings)
