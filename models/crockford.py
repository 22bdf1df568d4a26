"""Crockford's base 32: what people read out and type again. No I, L, O or U, and what looks alike is read as one."""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("OIL", "011", "- \u2013\u2014")


def random_letters(length: int) -> str:
    """Five bits each, for secrets too."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def read(text: str, length: int) -> str | None:
    """The letters in `text`, None if they are not so many. Case, spaces, dashes mean nothing; O, I, L are 0, 1, 1."""
    if len(text) > 4 * length:
        return None
    letters = text.upper().translate(_READ_AS)
    return letters if len(letters) == length and set(letters) <= set(ALPHABET) else None
