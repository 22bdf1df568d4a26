"""The books after a rehearsal: what the clients' journals say against what the system says."""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtests.rehearsal.journal import Pair, Votes, read_votes
from loadtests.rehearsal.processes import RehearsalError
from loadtests.rehearsal.receipts import IN_LEDGER, look_up, sample
from loadtests.rehearsal.stack import Stack
from loadtests.rehearsal.target import Target, gauges, tallies
from loadtests.rehearsal.unclear import Settled, settle

DRAIN_S = 90.0
LATEST = 25
_FRESH_S = 10.0
"""Within which the public count shows the last vote."""


@dataclass(frozen=True)
class Books:
    """Numbers of votes. None: the system does not tell it over HTTP, or it is away."""

    acknowledged: int
    """Of this rehearsal, each account and entry once."""
    found: int
    """Not acknowledged, but in their account's ballot afterwards."""
    unknown: int
    """Unclear to the end: may be counted or not."""
    gave_up: int
    """Went without a receipt and without a clear no."""
    earlier: int
    """Acknowledged as votes from before the rehearsal: tokens that were used already."""
    twice: int
    changed_receipts: int
    shared_receipts: int
    """Votes that were given a receipt which another vote has too."""
    mixed: int
    """Answers with a receipt for another entry than was asked for."""
    refused: dict[str, int]
    intrusions: dict[str, int]
    by_entry: dict[int, tuple[int, int, int | None]]
    """Entry → acknowledged or found, unknown, counted by the system (None: it does not tell)."""
    box: int | None = None
    ledger: int | None = None
    pending: int | None = None
    parked: int | None = None
    conflicts: int | None = None
    drift: int | None = None
    memory_left: float | None = None
    """Share of the box's memory."""
    proof: str | None = None
    """Why the proof by rows and ballots failed; empty: it holds; None: it cannot be asked for over HTTP."""
    receipts: dict[str, int] = field(default_factory=dict)
    drained_s: float | None = None
    """From the end of the load until all was in the ledger; None: not within 90 s, or not told."""

    @property
    def counted(self) -> int | None:
        """Votes of this rehearsal as the system has them."""
        seen = [counted for _, _, counted in self.by_entry.values()]
        return None if None in seen else sum(one for one in seen if one is not None)


def check_books(
    target: Target, folder: Path, tokens: Path, before: dict[int, int], stack: Stack | None, drain_s: float = DRAIN_S
) -> Books:
    """Waits until the log is empty, for `drain_s` seconds at most, then counts. `before`: tallies before the load."""
    votes = read_votes(folder)
    drained_s = _wait_until_empty(target, votes, stack, drain_s)
    settled = settle(target, tokens, votes.unclear())
    after = settled_tallies(target)
    inside = _inside(stack) if stack else {}
    earlier = votes.earlier()
    return Books(
        acknowledged=len(votes.receipts) - len(earlier),
        found=len(settled.found),
        unknown=len(settled.left),
        gave_up=len(votes.left()),
        earlier=len(earlier),
        twice=sum(times > 1 for times in votes.created.values()),
        changed_receipts=len(votes.changed_receipts),
        shared_receipts=votes.shared(),
        mixed=sum(votes.mixed.values()),
        refused=dict(votes.refused),
        intrusions=dict(votes.intrusions),
        by_entry=_by_entry(target, votes, settled, before, after),
        receipts=look_up(target, votes, sample(votes)),
        drained_s=drained_s,
        **inside,
    )


def _by_entry(
    target: Target, votes: Votes, settled: Settled, before: dict[int, int], after: dict[int, int] | None
) -> dict[int, tuple[int, int, int | None]]:
    known = Counter(entry for _, entry in votes.receipts.keys() - votes.earlier())
    known.update(entry for _, entry in settled.found)
    unknown = Counter(entry for _, entry in settled.left)
    everything = {entry.id for entry in target.entries} | before.keys() | (after or {}).keys() | known.keys()
    return {
        entry: (known[entry], unknown[entry], None if after is None else after.get(entry, 0) - before.get(entry, 0))
        for entry in sorted(everything)
    }


def _inside(stack: Stack) -> dict[str, Any]:
    """What only the machine itself tells."""
    try:
        status = stack.status()
    except RehearsalError as error:
        return {"proof": str(error)}
    box, log = status["box"] or {}, status["log"] or {}
    proof = "no proof by rows while votes wait for the ledger" if log.get("pending") else _proof(stack)
    memory = box.get("memory")
    return {
        "box": box.get("votes"),
        "ledger": (status["ledger"] or {}).get("votes"),
        "pending": log.get("pending"),
        "parked": log.get("parked"),
        "conflicts": status["conflicts"],
        "drift": status["drift"],
        "memory_left": 1 - memory["used"] / memory["limit"] if memory else None,
        "proof": proof,
    }


def _proof(stack: Stack) -> str:
    """Why the proof by rows and ballots fails; empty where it holds."""
    try:
        said = stack.command("reconcile", "--rows", ok=(0, 1))
    except RehearsalError as error:
        return str(error)
    holds = ": missing in ledger 0, missing in box 0, tallies off 0, misfits 0"
    lines = [line for line in said.splitlines() if "by rows and ballots" in line]
    off = [line.strip() for line in lines if not line.endswith(holds)]
    return "; ".join(off) if lines else said.strip() or "no proof"


def _is_empty(target: Target, votes: Votes, some: list[Pair], stack: Stack | None, began_ms: float) -> bool:
    if stack is None:
        told = gauges(target)
        fresh = told.get("told_at_ms", began_ms) >= began_ms  # while the ledger is away an older word stands
        return fresh and told.get("pending", 0) == 0 and set(look_up(target, votes, some)) <= {IN_LEDGER}
    try:
        status = stack.status()
    except RehearsalError:
        return False
    return (status["log"] or {}).get("pending") == 0 and status["drift"] == 0


def _wait_until_empty(target: Target, votes: Votes, stack: Stack | None, seconds: float) -> float | None:
    """Seconds until all is in the ledger; None where that is not seen within `seconds`."""
    began, told_ms = time.monotonic(), gauges(target).get("told_at_ms", 0.0) + 1
    some = [*votes.latest(LATEST), *sample(votes)[:LATEST]]
    while time.monotonic() - began < seconds:
        if _is_empty(target, votes, some, stack, told_ms):
            return time.monotonic() - began
        time.sleep(0.5)
    return None


def settled_tallies(target: Target) -> dict[int, int] | None:
    """The public count, once two looks a second apart agree."""
    found = tallies(target)
    until = time.monotonic() + _FRESH_S
    while time.monotonic() < until:
        time.sleep(1.5)
        latest = tallies(target)
        if latest is not None and latest == found:
            break
        found = latest
    return found
