"""Go or no-go: every condition with what was seen, what is allowed, and what it means, in Vietnamese and English."""

from loadtests.rehearsal.check import Check, Seen
from loadtests.rehearsal.checks_of_answers import of_answers, of_system
from loadtests.rehearsal.checks_of_books import of_books
from loadtests.rehearsal.checks_of_load import of_load
from loadtests.rehearsal.limits import Limits

GO, NO_GO = "ĐẠT", "KHÔNG ĐẠT"


def judge(seen: Seen, limits: Limits) -> list[Check]:
    """All conditions, the books first."""
    return [
        *of_books(seen.books, limits),
        *of_answers(seen.counts, limits),
        *of_system(seen, limits),
        *of_load(seen, limits),
    ]


def passed(checks: list[Check]) -> bool:
    """A condition that could not be checked decides nothing."""
    return all(check.ok is not False for check in checks)
