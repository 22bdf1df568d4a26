"""Search without diacritics: “may tinh” finds “máy tính”."""

import unicodedata

LONGEST = 100  # letters of a question that are looked at


def fold(text: str) -> str:
    """`text` in small letters without diacritics; đ is d."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("đ", "d"))
    return " ".join("".join(letter for letter in decomposed if not unicodedata.combining(letter)).split())


def words_of(question: str) -> list[str]:
    """The folded words that an entry must have all of."""
    return fold(question[:LONGEST]).split()


def matches(words: list[str], folded: str) -> bool:
    """Whether every one of `words` stands in the folded text."""
    return all(word in folded for word in words)
