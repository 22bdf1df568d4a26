"""`binhchon close-out`: from the end of voting to signed minutes, as the console does it."""

import sys

from models.audit import Actor
from models.minutes import Asked, sha256
from models.settings import Settings
from scripts.contest_parts import contest_parts
from workers.close_out import STEPS, Stores, close_out
from workers.close_out_refusals import CloseOutRefusedError

ACTOR = Actor("binhchon close-out")
_STEPS = (
    "voting is over",
    "the log is in the ledger, the books agree",
    "rows and ballots agree",
    "final",
    "nothing came after",
    "counted",
    "minutes",
)


def run(settings: Settings, *, number: str, place: str, persons: list[str], early: str) -> int:
    """Prints the result. Returns 0, or 1 where a step refuses: the line on standard error says what to do."""

    def say(step: int) -> None:
        print(f"{step}/{STEPS} {_STEPS[step - 1]} …", file=sys.stderr)

    with contest_parts(settings) as parts:
        stores = Stores(parts.engine, parts.box, settings.keys())
        try:
            result = close_out(
                stores, parts.contest.id, Asked(number, place, tuple(persons)), ACTOR, early=early, step=say
            )
        except CloseOutRefusedError as error:
            print(f"binhchon: {error}", file=sys.stderr)
            return 1
    totals = result.document["totals"]
    print(f"{parts.contest.slug} is final: {totals['counted']} votes counted, {totals['voided']} voided")
    print(f"minutes: SHA-256 {sha256(result.minutes)}; an admin publishes them in the console")
    return 0
