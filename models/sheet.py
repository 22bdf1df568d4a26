"""A sheet of cells, as an operator's file has it: what XLSX and CSV have in common, and what is refused of both.

Nothing is computed and nothing is guessed: a cell is text, or it says what it is instead (`Cell.kind`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MAX_BYTES = 10 * 1024**2
MAX_ROWS = 2_000  # with something in them, without the row of headings
MAX_ROW_NUMBER = 20_000  # empty rows between them included
MAX_COLUMNS = 100
MAX_CELL = 60_000  # characters; the longest field takes 50,000

Tick = Callable[[], None]
"""Called now and then while a file is read; what it raises ends the reading."""


class SheetError(Exception):
    """A file cannot be read as a sheet. `code` says why; the console puts it into words
    (`api/operators/import_words.py`), with `values` filled in.

    `empty`, `too_large`, `too_many_rows`, `too_many_columns`, `too_long`, `not_a_sheet`, `old_xls`, `xlsb`, `ods`,
    `encrypted`, `bomb`, `hostile`, `broken`, `no_sheet`, `encoding`, `csv`, `merged`, `formulas`.
    """

    def __init__(self, code: str, **values: str | int) -> None:
        super().__init__(f"{code} {values}" if values else code)
        self.code = code
        self.values_: dict[str, Any] = dict(values)


class Cell(NamedTuple):
    """`kind`: `text`; or `formula`, `number` (a date is one too), `boolean`, `error`: no text may be taken from it."""

    text: str
    kind: str = "text"


@dataclass
class Row:
    """`number`: as the spreadsheet counts, from 1. `cells`: column (from 0) → cell; empty ones are left out."""

    number: int
    cells: dict[int, Cell] = field(default_factory=dict)
    hidden: bool = False


@dataclass
class Sheet:
    """The rows that have something in them. `hidden_columns`: from 0."""

    rows: list[Row]
    hidden_columns: frozenset[int] = frozenset()


def column_name(column: int) -> str:
    """`A` for 0, `AA` for 26: as the spreadsheet calls it."""
    name, left = "", column + 1
    while left:
        left, letter = divmod(left - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def no_tick() -> None:
    """Nobody waits."""
