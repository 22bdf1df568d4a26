"""What can become of a vote: a closed set, returned and never raised."""

from enum import Enum


class Outcome(Enum):
    """Values are the contract's codes."""

    COUNTED = "counted"
    ALREADY_VOTED = "already_voted"
    NOT_OPEN_YET = "not_open_yet"
    CLOSED = "closed"
    PAUSED = "paused"
    UNKNOWN_ENTRY = "unknown_entry"
    BLOCKED = "blocked"
    NOT_READY = "not_ready"
    NOT_CONFIRMED = "not_confirmed"
    """Sent to the box, no answer: counted or not, only the repeat tells."""
    BUSY = "busy"
    """Not sent to the box: it waited too long or too many were waiting."""


BY_LETTER: dict[int, Outcome] = {
    ord("c"): Outcome.COUNTED,
    ord("a"): Outcome.ALREADY_VOTED,
    ord("n"): Outcome.NOT_OPEN_YET,
    ord("x"): Outcome.CLOSED,
    ord("p"): Outcome.PAUSED,
    ord("u"): Outcome.UNKNOWN_ENTRY,
    ord("b"): Outcome.BLOCKED,
    ord("r"): Outcome.NOT_READY,
}
"""A byte of the reply of `cast` (`ballot_box.lua`) → the outcome that it stands for."""
