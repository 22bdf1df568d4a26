"""Search without diacritics: “may tinh” finds “máy tính”."""

import unicodedata

LONGEST = 100  # letters of a question that are looked at


def fold(text: str) -> str:
    """`text` in small letters without diacritics; đ is d."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("đ", "d"))
    return " ".join("".join(letter for letter in decomposed if not unicodedata.combining(letter)).split())


def matches(question: str, folded: str) -> bool:
    """Whether every word of `question` stands in the folded text."""
    return all(word in folded for word in fold(question[:LONGEST]).split())
