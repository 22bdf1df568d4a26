"""Whether a secret of the settings may be one: as long as 32 random bytes are, and not typed by somebody.

Nothing can prove that a text is random. What stands here refuses what people write where a secret is asked for: a word,
a sentence of the example, letters held down, the row of the keyboard, a short piece said again and again.
"""

import string
from enum import StrEnum
from itertools import pairwise

BITS = 256
_HEX = frozenset(string.hexdigits)
_DIGITS = frozenset(string.digits)
_PIECE = 3
"""Letters of the pieces whose repetition tells what was typed."""
_PLACEHOLDERS = ("changeme", "change-me", "change_me", "placeholder", "password", "example", "secret", "binhchon")
"""None is shorter than six letters: in 43 random letters one of them stands once in a thousand million."""


class Doubt(StrEnum):
    """Why a secret is refused."""

    SHORT = "short"
    PLACEHOLDER = "placeholder"


def doubt_of(secret: str) -> Doubt | None:
    """What is wrong with `secret`; None: nothing that can be seen."""
    if any(word in secret.casefold() for word in _PLACEHOLDERS) or _is_typed(secret):
        return Doubt.PLACEHOLDER
    return Doubt.SHORT if len(secret) * _bits_each(secret) < BITS else None


def _bits_each(secret: str) -> float:
    """Bits that a letter can hold: of hex digits 4, of others no more than base64's 6."""
    letters = set(secret)
    return 3.3 if letters <= _DIGITS else 4 if letters <= _HEX else 6


def _is_typed(secret: str) -> bool:
    """Whether pieces come again and again, or most letters follow their neighbour in the alphabet. Of 64 random hex
    digits nearly all 62 pieces differ, and a fifth of the letters stand beside one that is next to them.
    """
    if len(secret) <= _PIECE * 2:
        return False  # too short in any case, and said to be
    pieces = [secret[at : at + _PIECE] for at in range(len(secret) - _PIECE + 1)]
    near = sum(abs(ord(one) - ord(next_one)) <= 1 for one, next_one in pairwise(secret))
    return len(set(pieces)) < len(pieces) * 3 / 4 or near > (len(secret) - 1) / 2
