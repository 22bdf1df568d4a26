"""The XML of a sheet and of the texts that its cells share, as SAX handlers: nothing is kept but what is asked for.

ECMA-376, part 1: 18.3.1.4 (cells), 18.4.8 (shared strings), 22.9.2.19 (`_x000D_` for what XML cannot hold).
"""

import re
from typing import Any
from xml.sax.handler import ContentHandler

from models.sheet import (
    MAX_CELL,
    MAX_COLUMNS,
    MAX_ROW_NUMBER,
    MAX_ROWS,
    Cell,
    Row,
    Sheet,
    SheetError,
    Tick,
    column_name,
)

MAX_STRINGS = 200_000
MAX_ELEMENTS = 3_000_000  # some seconds
MAX_MERGED = 10  # that are named
_TICK_ELEMENTS = 50_000
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})", re.ASCII)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_KINDS = {"s": "text", "inlineStr": "text", "str": "text", "b": "boolean", "e": "error", "d": "number", "n": "number"}
_YES = {"1", "true"}


def local(name: str) -> str:
    """The name of an element or attribute without its prefix."""
    return name.rpartition(":")[2]


def _unescaped(text: str) -> str:
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return plain.replace("\r\n", "\n").replace("\r", "\n")


def _place(reference: str) -> tuple[int, int]:
    """(row from 1, column from 0) of `B7`. Errors: SheetError."""
    found = _REFERENCE.fullmatch(reference)
    if not found:
        raise SheetError("broken")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]), column - 1


class _Texts(ContentHandler):
    """Collects the text of elements, and counts them."""

    def __init__(self, tick: Tick) -> None:
        super().__init__()
        self._tick = tick
        self._elements = 0
        self._text: list[str] | None = None
        self._length = 0

    def _counted(self) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise SheetError("too_many_rows", most=MAX_ROWS)
        if self._elements % _TICK_ELEMENTS == 0:
            self._tick()

    def _begin(self) -> None:
        self._text, self._length = [], 0

    def _end(self) -> str:
        text, self._text = "".join(self._text or ()), None
        return text

    def characters(self, content: str) -> None:
        if self._text is not None:
            self._length += len(content)
            if self._length > MAX_CELL:
                raise SheetError("too_long", row=self.row_number())
            self._text.append(content)

    def row_number(self) -> int:
        return 0


class StringReader(_Texts):
    """`strings`: the texts that cells share. How they are spoken (`rPh`) is left out."""

    def __init__(self, tick: Tick) -> None:
        super().__init__(tick)
        self.strings: list[str] = []
        self._parts: list[str] = []
        self._spoken = False

    def startElement(self, name: str, _attributes: Any) -> None:  # noqa: N802 - SAX's name
        self._counted()
        match local(name):
            case "si":
                self._parts = []
            case "rPh":
                self._spoken = True
            case "t" if not self._spoken:
                self._begin()

    def endElement(self, name: str) -> None:  # noqa: N802 - SAX's name
        match local(name):
            case "t" if not self._spoken:
                self._parts.append(self._end())
            case "rPh":
                self._spoken = False
            case "si":
                self.strings.append(_unescaped("".join(self._parts)))
                if len(self.strings) > MAX_STRINGS:
                    raise SheetError("too_many_rows", most=MAX_ROWS)


class CellReader(_Texts):
    """The rows of a sheet. Errors: SheetError, as soon as there is too much of anything."""

    def __init__(self, strings: list[str], tick: Tick) -> None:
        super().__init__(tick)
        self._strings = strings
        self._rows: list[Row] = []
        self._row = Row(0)
        self._column = -1
        self._kind = "n"
        self._formula = False
        self._values: list[str] = []
        self._hidden: set[int] = set()
        self._merged: list[str] = []

    def sheet(self) -> Sheet:
        """What was read. Errors: SheetError for merged cells: which of the rows they belong to is anybody's guess."""
        if self._merged:
            raise SheetError("merged", cells=", ".join(self._merged))
        return Sheet(self._rows, frozenset(self._hidden))

    def row_number(self) -> int:
        return self._row.number

    def startElement(self, name: str, attributes: Any) -> None:  # noqa: N802 - SAX's name
        self._counted()
        match local(name):
            case "row":
                self._begin_row(attributes)
            case "c":
                self._begin_cell(attributes)
            case "f":
                self._formula = True
                if attributes.get("t", "") in {"array", "dataTable"} and ":" in attributes.get("ref", ""):
                    # Its other cells have nothing but the value that was kept.
                    raise SheetError("formulas", cells=attributes["ref"][:20])
            case "v" | "t":
                self._begin()
            case "col" if attributes.get("hidden", "") in _YES:
                first, last = int(attributes["min"]), int(attributes["max"])
                self._hidden |= set(range(first - 1, min(last, MAX_COLUMNS)))
            case "mergeCell" if len(self._merged) < MAX_MERGED:
                self._merged.append(str(attributes.get("ref", ""))[:20])

    def endElement(self, name: str) -> None:  # noqa: N802 - SAX's name
        match local(name):
            case "v" | "t":
                self._values.append(self._end())
            case "c":
                self._end_cell()
            case "row" if self._row.cells:
                self._rows.append(self._row)
                if len(self._rows) > MAX_ROWS + 1:
                    raise SheetError("too_many_rows", most=MAX_ROWS)

    def _begin_row(self, attributes: Any) -> None:
        number = int(attributes.get("r", self._row.number + 1))
        if number <= self._row.number:
            raise SheetError("broken")
        self._row = Row(number, hidden=attributes.get("hidden", "") in _YES)
        self._column = -1

    def _begin_cell(self, attributes: Any) -> None:
        row, column = self._row.number, self._column + 1
        if "r" in attributes:
            row, column = _place(attributes["r"])
        if row != self._row.number or column <= self._column:
            raise SheetError("broken")
        self._column, self._kind = column, attributes.get("t", "n")
        self._formula, self._values = False, []

    def _end_cell(self) -> None:
        cell = self._cell()
        if not cell.text.strip() and cell.kind == "text":
            return
        if self._column >= MAX_COLUMNS:
            raise SheetError("too_many_columns", most=MAX_COLUMNS, column=column_name(self._column))
        if self._row.number > MAX_ROW_NUMBER:
            raise SheetError("too_many_rows", most=MAX_ROWS)
        self._row.cells[self._column] = cell

    def _cell(self) -> Cell:
        """A formula is one whatever value was kept with it; what was kept may be anything."""
        value = "".join(self._values)
        if self._formula:
            return Cell("", "formula")
        kind = _KINDS.get(self._kind, "error")
        if kind == "number" and not value:
            return Cell("")
        if self._kind == "s" and value:
            number = int(value)
            if not 0 <= number < len(self._strings):
                raise SheetError("broken")
            return Cell(self._strings[number])
        return Cell(_unescaped(value), kind)
