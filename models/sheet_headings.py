"""How headings are compared."""

import unicodedata


def folded(heading: str) -> str:
    """Without regard to capitals, blanks, a mark of what is needed and how letters are composed."""
    return " ".join(unicodedata.normalize("NFC", heading).replace("*", " ").replace("\ufeff", "").casefold().split())
