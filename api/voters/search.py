"""Search without diacritics: “may tinh” finds “máy tính”. What has the words in its title, spelled as they were typed,
comes first.
"""

import unicodedata
from typing import NamedTuple

LONGEST = 100  # letters of a question that are looked at


class Searchable(NamedTuple):
    """The texts of an entry that a search looks through, each spelled (small letters) and folded."""

    title: str
    all: str
    folded_title: str
    folded: str


def spelled(text: str) -> str:
    """`text` in small letters, its diacritics composed (NFC)."""
    return " ".join(unicodedata.normalize("NFC", text.casefold()).split())


def fold(text: str) -> str:
    """`text` in small letters without diacritics; đ is d."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("đ", "d"))
    return " ".join("".join(letter for letter in decomposed if not unicodedata.combining(letter)).split())


def searchable(titles: str, others: str) -> Searchable:
    both = f"{titles} {others}"
    return Searchable(spelled(titles), spelled(both), fold(titles), fold(both))


class Words:
    """What was asked for."""

    def __init__(self, question: str) -> None:
        text = question[:LONGEST]
        self._typed = spelled(text).split()
        self._folded = fold(text).split()
        # Whoever types no diacritics cannot mean them: then the spelling tells nothing.
        self._plain = self._typed == self._folded

    def rank(self, entry: Searchable) -> int | None:
        """How well an entry answers, 0 best; None where it lacks one of the words."""
        if not all(word in entry.folded for word in self._folded):
            return None
        if not self._plain and all(word in entry.title for word in self._typed):
            return 0
        if all(word in entry.folded_title for word in self._folded):
            return 1
        if not self._plain and all(word in entry.all for word in self._typed):
            return 2
        return 3
