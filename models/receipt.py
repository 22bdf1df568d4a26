"""Receipts: 20 Crockford characters in groups of four, known without asking any store.

60 bits are a keyed hash of (contest, account, entry): the receipt's *number*, the same for every repeat of a vote.
40 bits are a keyed hash over those: a forged or mistyped code is known at once.
"""

import hashlib
import hmac

from models.crockford import ALPHABET, read
from models.secrets import KeyRing

_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
_PAIRS = tuple(a + b for a in ALPHABET for b in ALPHABET)
_LETTERS = 20
_MASK_60 = 2**60 - 1


class Receipts:
    """Makes and checks the receipts of one contest."""

    def __init__(self, keys: KeyRing, contest_id: int) -> None:
        self._number_key = keys.derived(f"receipt number {contest_id}")
        self._check_key = keys.derived(f"receipt check {contest_id}")

    def number(self, account: int, entry: int) -> int:
        """The 60-bit number of the receipt of this account's vote for this entry."""
        digest = hashlib.blake2b(b"%d:%d" % (account, entry), key=self._number_key, digest_size=8).digest()
        return int.from_bytes(digest, "big") >> 4

    def code(self, number: int) -> str:
        """`7F3K-92QD-…`: what the voter keeps."""
        check = self._check(number)
        return (  # spelled out: on the way of every vote, and twice as fast as a loop
            f"{_PAIRS[number >> 50]}{_PAIRS[number >> 40 & 1023]}"
            f"-{_PAIRS[number >> 30 & 1023]}{_PAIRS[number >> 20 & 1023]}"
            f"-{_PAIRS[number >> 10 & 1023]}{_PAIRS[number & 1023]}"
            f"-{_PAIRS[check >> 30]}{_PAIRS[check >> 20 & 1023]}"
            f"-{_PAIRS[check >> 10 & 1023]}{_PAIRS[check & 1023]}"
        )

    def parse(self, code: str) -> int | None:
        """The number of a genuine code, None for any other text. Read as `models.crockford.read` does."""
        letters = read(code, _LETTERS)
        if letters is None:
            return None
        whole = 0
        for letter in letters:
            whole = (whole << 5) | _VALUES[letter]
        number, check = whole >> 40, whole & (2**40 - 1)
        genuine = hmac.compare_digest(check.to_bytes(5, "big"), self._check(number).to_bytes(5, "big"))
        return number & _MASK_60 if genuine else None

    def _check(self, number: int) -> int:
        digest = hashlib.blake2b(number.to_bytes(8, "big"), key=self._check_key, digest_size=5).digest()
        return int.from_bytes(digest, "big")
