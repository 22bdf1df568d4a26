"""`--capacity`: the load is raised step by step to the knee, with wrk; then what that means in voters a minute.

A stack of its own; each vote is another account's, so none is answered from a memory of earlier ones.
"""

import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadtests.bench.generator import BenchError, find_wrk
from loadtests.rehearsal.climbing import DISTURBED, Step, Votes, climb, tell
from loadtests.rehearsal.processes import RehearsalError, wait_for
from loadtests.rehearsal.stack import Stack, running_stack
from loadtests.rehearsal.target import find_target

TOKENS = 300_000
"""More than any step can use once; after that the same accounts vote for other entries."""
PAGES_EACH = 8
"""Pages and scripts of a voter with three votes; each vote one page."""
LOGINS_PER_S = 900
"""Of one API process, asking for the code and entering it: half of what docs/measurements.md has for entering alone."""
SPARE = 0.7
"""Of what the machine can carry, how much it should be asked for."""


@dataclass(frozen=True)
class Capacity:
    """Rates are of all processes together, for each second. `at_least`: not the system itself was the limit."""

    steps: list[Step]
    votes_per_s: float
    pages_per_s: float
    at_least: bool
    others: float
    """Share of the machine that went to other work, in the worst step."""
    processes: int
    cores: int

    def voters_per_minute(self, votes_each: float) -> float:
        """Each opens pages, logs in once, votes."""
        seconds = votes_each / self.votes_per_s + (PAGES_EACH - 3 + votes_each) / self.pages_per_s
        return 60 / (seconds + 1 / (LOGINS_PER_S * self.processes))


def measure(folder: Path, seconds: int, say: Callable[[str], None]) -> Capacity:
    """`seconds`: of each step. Errors: RehearsalError."""
    try:
        find_wrk()
        with running_stack(folder) as stack:
            return _measure(stack, folder, seconds, say)
    except BenchError as error:
        raise RehearsalError(str(error)) from None


def _measure(stack: Stack, folder: Path, seconds: int, say: Callable[[str], None]) -> Capacity:
    target = find_target(stack.address)
    tokens = folder / "tokens"
    stack.command("mint-sessions", "--count", str(TOKENS), "--out", str(tokens))
    votes = Votes(target, tokens, seconds)
    steps = climb(votes.paced, say)
    steps.append(votes.full())
    tell(say, steps[-1])
    pages = votes.pages()
    say(f"pages: {pages.answered:,.0f}/s, p99 {pages.p99_ms:,.0f} ms")
    say("Waiting until every vote is in the ledger …")
    wait_for(lambda: _balanced(stack), 120, "the ledger to have every vote", every=1.0)
    tokens.unlink()
    best = max((step for step in steps if step.soon), key=lambda step: step.answered, default=steps[0])
    return Capacity(
        steps,
        best.answered,
        pages.answered,
        best.at_least,
        max(step.others for step in steps),
        int(stack.variables.get("WEB_CONCURRENCY", 0)) or min(os.cpu_count() or 1, 16),
        os.cpu_count() or 1,
    )


def _balanced(stack: Stack) -> bool:
    status = stack.status()
    box, ledger, log = (status[name] or {} for name in ("box", "ledger", "log"))
    return log.get("pending") == 0 and status["drift"] == 0 and box.get("votes") == ledger.get("votes")


def advice(capacity: Capacity, votes_each: float, wanted: float | None) -> list[str]:
    """What it means, in sentences. `wanted`: voters a minute."""
    carried = capacity.voters_per_minute(votes_each)
    at_least = "at least " if capacity.at_least else ""
    sentence = (
        f"This installation carries {at_least}{carried:,.0f} voters a minute with {votes_each:g} votes each"
        f" ({at_least}{capacity.votes_per_s:,.0f} votes/s, {capacity.pages_per_s:,.0f} pages/s; wrk ran on the same"
        f" {capacity.cores} cores)."
    )
    found = [sentence]
    if capacity.others >= DISTURBED:
        found.append(f"Other work took up to {capacity.others:.0%} of this machine: measure again when it is quiet.")
    return found if wanted is None else [*found, _to_add(capacity, carried, wanted)]


def _to_add(capacity: Capacity, carried: float, wanted: float) -> str:
    share = wanted / (carried * SPARE)
    if share <= 1:
        return f"{wanted:,.0f} a minute need nothing more, with {1 - SPARE:.0%} to spare."
    cores = math.ceil(capacity.cores * share)
    return (
        f"{wanted:,.0f} a minute, with {1 - SPARE:.0%} to spare, are {share:.1f} times as many: {cores} cores of this"
        f" kind, WEB_CONCURRENCY={max(capacity.processes + 1, cores - 2)}, which leaves a core each for the box and for"
        " the flush with its database. Measure again there."
    )


def as_document(capacity: Capacity, votes_each: float, wanted: float | None) -> dict[str, Any]:
    return {
        **asdict(capacity),
        "votes_each": votes_each,
        "voters_per_minute": round(capacity.voters_per_minute(votes_each)),
        "advice": advice(capacity, votes_each, wanted),
    }
