"""The books after a rehearsal: what the clients' journals say against what the system says."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from loadtests.rehearsal.journal import Votes, read_votes
from loadtests.rehearsal.processes import RehearsalError
from loadtests.rehearsal.stack import Stack
from loadtests.rehearsal.target import Target, gauges, tallies

DRAIN_S = 90.0
SAMPLE = 1_000
IN_LEDGER, AWAY = "in_ledger", "away"
_AT_ONCE = 8
_FRESH_S = 10.0
"""Within which the public count shows the last vote."""


@dataclass(frozen=True)
class Books:
    """Numbers of votes. None: the system does not tell it over HTTP, or it is away."""

    acknowledged: int
    """Of this rehearsal, each account and entry once."""
    unknown: int
    """Unclear to the end: may be counted or not."""
    gave_up: int
    earlier: int
    """Acknowledged as votes from before the rehearsal: tokens that were used already."""
    twice: int
    changed_receipts: int
    refused: dict[str, int]
    intrusions: dict[str, int]
    by_entry: dict[int, tuple[int, int, int | None]]
    """Entry → acknowledged, unknown, counted by the system (None: hidden)."""
    box: int | None = None
    ledger: int | None = None
    pending: int | None = None
    parked: int | None = None
    drift: int | None = None
    memory_left: float | None = None
    """Share of the box's memory."""
    proof: str | None = None
    """Why the proof by rows and ballots failed; empty: it holds; None: it cannot be asked for over HTTP."""
    shown: bool = True
    """Whether the contest shows its counts: if not, there is nothing to compare with."""
    receipts: dict[str, int] = field(default_factory=dict)
    drained_s: float | None = None
    """From the end of the load until all was in the ledger; None: not within 90 s, or not told."""

    @property
    def counted(self) -> int | None:
        """Votes of this rehearsal as the system has them."""
        seen = [counted for _, _, counted in self.by_entry.values()]
        return None if None in seen else sum(one for one in seen if one is not None)


def check_books(target: Target, folder: Path, before: dict[int, int] | None, stack: Stack | None) -> Books:
    """Waits until the log is empty, then counts. `before`: the tallies before the load."""
    votes = read_votes(folder)
    drained_s = _wait_until_empty(target, votes, stack)
    after = _settled_tallies(target)
    inside = _inside(stack) if stack else {}
    earlier = votes.earlier()
    return Books(
        acknowledged=len(votes.receipts) - len(earlier),
        unknown=len(votes.unclear()),
        gave_up=len(votes.gave_up - votes.receipts.keys()),
        earlier=len(earlier),
        twice=sum(times > 1 for times in votes.created.values()),
        changed_receipts=len(votes.changed_receipts),
        refused=dict(votes.refused),
        intrusions=dict(votes.intrusions),
        by_entry=_by_entry(target, votes, before, after),
        receipts=_look_up(target, _sample(votes)),
        drained_s=drained_s,
        shown=before is not None,
        **inside,
    )


def _by_entry(
    target: Target, votes: Votes, before: dict[int, int] | None, after: dict[int, int] | None
) -> dict[int, tuple[int, int, int | None]]:
    earlier = votes.earlier()
    known = Counter(entry for pair in votes.receipts if pair not in earlier for entry in [pair[1]])
    unknown = Counter(entry for _, entry in votes.unclear())
    shown = before is not None and after is not None
    return {
        entry.id: (
            known[entry.id],
            unknown[entry.id],
            after.get(entry.id, 0) - before.get(entry.id, 0) if shown and after and before is not None else None,
        )
        for entry in target.entries
    }


def _inside(stack: Stack) -> dict[str, Any]:
    """What only the machine itself tells."""
    try:
        status = stack.status()
        proof = _proof(stack)
    except RehearsalError as error:
        return {"proof": str(error)}
    box, log = status["box"] or {}, status["log"] or {}
    memory = box.get("memory")
    return {
        "box": box.get("votes"),
        "ledger": (status["ledger"] or {}).get("votes"),
        "pending": log.get("pending"),
        "parked": log.get("parked"),
        "drift": status["drift"],
        "memory_left": 1 - memory["used"] / memory["limit"] if memory else None,
        "proof": proof,
    }


def _proof(stack: Stack) -> str:
    said = stack.command("reconcile", "--rows")
    holds = ": missing in ledger 0, missing in box 0, tallies off 0, misfits 0"
    lines = [line for line in said.splitlines() if "by rows and ballots" in line]
    return "" if lines and all(line.endswith(holds) for line in lines) else said.strip() or "no proof"


def _is_empty(target: Target, some: list[str], stack: Stack | None) -> bool:
    if stack is None:
        return gauges(target).get("pending", 0) == 0 and set(_look_up(target, some)) <= {IN_LEDGER}
    try:
        status = stack.status()
    except RehearsalError:
        return False
    return (status["log"] or {}).get("pending") == 0 and status["drift"] == 0


def _wait_until_empty(target: Target, votes: Votes, stack: Stack | None) -> float | None:
    """Seconds until all is in the ledger; None where that is not seen."""
    began = time.monotonic()
    some = _sample(votes)[:50]
    while time.monotonic() - began < DRAIN_S:
        if _is_empty(target, some, stack):
            return time.monotonic() - began
        time.sleep(0.5)
    return None


def _settled_tallies(target: Target) -> dict[int, int] | None:
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


def _sample(votes: Votes) -> list[str]:
    receipts = list(votes.receipts.values())
    return random.SystemRandom().sample(receipts, min(SAMPLE, len(receipts)))


def _look_up(target: Target, receipts: list[str]) -> dict[str, int]:
    """What `/api/receipts/…` says → how often. `away`: no answer, tried three times; else the status of a refusal."""

    def one(receipt: str) -> str:
        for _ in range(3):
            try:
                answer = target.client.get(f"/api/receipts/{receipt}")
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                return str(answer.json()["status"])
            if answer.status_code != 503:
                return str(answer.status_code)
            time.sleep(1)
        return AWAY

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(Counter(pool.map(one, receipts)))
