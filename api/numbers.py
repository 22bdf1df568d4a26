"""Whole numbers as they come in forms and addresses, typed by anybody."""

LARGEST_ID = 2**31 - 1
"""Ids of the ledger's rows stay below it."""


def whole(text: str, most: int = LARGEST_ID) -> int | None:
    """The number that `text` is, in digits 0 to 9 alone; None for any other text, and for a number above `most`."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(most)):
        return None
    number = int(text)
    return number if number <= most else None
