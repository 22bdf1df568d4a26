"""What a voter agrees to at login: each purpose on its own, with the version of the text that was shown.

The texts stand in the templates of the login page and in docs/privacy.md; whoever changes one of them in substance
raises its version here.
"""

from collections.abc import Iterable
from enum import IntEnum


class Purpose(IntEnum):
    """What is agreed to, and the one statement. The values are kept with the account: none is ever used again."""

    COUNTING = 1
    """The keyed hash of the identity and the votes are kept, so that each is counted once."""
    PROTECTION = 2
    """A masked hint, keyed fragments of it and network evidence are kept for a time, to find fraud."""
    RESIDENCE = 3
    """A statement: I live, study or work in the province."""


VERSIONS: dict[Purpose, int] = {Purpose.COUNTING: 1, Purpose.PROTECTION: 1, Purpose.RESIDENCE: 1}

Agreed = tuple[tuple[Purpose, int], ...]
"""(purpose, version of its text) of each that was agreed to, by purpose."""


def agreed_to(names: Iterable[str]) -> Agreed:
    """What the ticked boxes mean, by the purposes' names in small letters; other words mean nothing."""
    ticked = set(names)
    return tuple((purpose, version) for purpose, version in VERSIONS.items() if purpose.name.lower() in ticked)
