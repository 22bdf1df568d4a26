"""One condition of a verdict, and everything that a verdict is about."""

from collections import Counter
from dataclasses import dataclass

from loadtests.rehearsal.books import Books
from loadtests.rehearsal.watching import Sample


@dataclass(frozen=True)
class Check:
    """`ok`: None where it could not be checked, which decides nothing and is said."""

    name: str
    ok: bool | None
    vi: str
    en: str
    seen: str
    allowed: str


@dataclass(frozen=True)
class Seen:
    """Everything that a verdict is about. `planned`: kind → people; `restarts`: None for an installation elsewhere;
    `others`: share of this machine that went to other work.
    """

    counts: Counter[str]
    samples: list[Sample]
    books: Books
    planned: dict[str, int]
    restarts: list[str] | None
    others: float = 0.0
