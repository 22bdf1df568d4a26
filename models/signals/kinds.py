"""The signals, and which of them say nothing together."""

from enum import StrEnum


class Signal(StrEnum):
    """What an account can be noticed by. Never by an address alone."""

    BURST = "burst"
    """Opened with many others, whose votes go to one entry more than those of other times."""
    NAMES = "names"
    """Its name is like those of many others that voted for the entry."""
    DEVICE = "device"
    """Its device signature is much more frequent among the entry's votes than among others."""
    RHYTHM = "rhythm"
    """Its group votes in steps as even, or after login as fast, as no hands do."""
    NETWORK = "network"
    """Its network's share for the entry is improbable beside the entry's share elsewhere."""
    DOMAIN = "domain"
    """Its address is throw-away mail."""


CROWD = frozenset({Signal.BURST, Signal.NETWORK})
"""What every class that votes together for its own entry shows, as does a device that is found in one network for the
most part: an office or a school has computers of one kind. These together never make a cluster.
"""

ONE_PLACE = 0.5
"""A device with so much of its votes from one network is of that place."""

LINKS = frozenset({Signal.NAMES, Signal.DEVICE, Signal.NETWORK})
"""Groups that say which accounts belong together; the others only say something of each account."""

SURE_OF_RHYTHM = 0.9
SURE_OF_HASTE = 0.8
SURE_OF_DOMAIN = 0.9
"""How sure one of these is of an account, 0 to 1. The others say it by themselves: 1 − expected / observed."""

SURE_AT_MOST = 0.99
WEAK = 0.3
"""What the strength of a cluster is multiplied with that only one signal speaks for."""
