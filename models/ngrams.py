"""Keyed fragments of a name: whether two accounts have similar names can be told without keeping either name.

A gram is three letters that follow each other in the lower-case name, as a keyed 32-bit hash. What they allow, and
what not:
- Two accounts share the more grams, the more alike their names are: `nguyenvana1` and `nguyenvana2` share 8 of 9.
- Without the identity key nobody can try names on them. Order and number of the letters are not kept, but grams that
  are frequent among all accounts can be guessed to be frequent ones of the language: they are personal data all the
  same, and are erased with the other evidence.
- Whoever has the identity key can find the letters of each gram by trying all of them. It is then a bag of fragments,
  often enough to guess the name. The key must not lie beside the ledger.
- Two different grams have the same hash once in four thousand million: of no weight beside names alike by chance.
"""

import hashlib

from models.event import MAX_GRAMS

LETTERS = 3


def grams_of(key: bytes, name: str) -> tuple[int, ...]:
    """The grams of `name`, rising, each once, as signed 32-bit numbers. `key`: `KeyRing.derived("ngrams")`.

    Of a long name the MAX_GRAMS least are kept: the same choice for every name, so that what two names share is still
    seen (bottom-k sketch, Cohen and Kaplan 2007). A name of less than three letters has none.
    """
    text = name.lower()
    fragments = {text[at : at + LETTERS] for at in range(len(text) - LETTERS + 1)}
    return tuple(sorted({_hash(key, fragment) for fragment in fragments})[:MAX_GRAMS])


def _hash(key: bytes, fragment: str) -> int:
    digest = hashlib.blake2b(fragment.encode(errors="replace"), key=key, digest_size=4).digest()
    return int.from_bytes(digest, "big", signed=True)
