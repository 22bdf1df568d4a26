"""`--capacity`: the load is raised step by step to the knee, with wrk; then what that means in voters a minute.

On a stack of its own, or on an installation whose contest was made for rehearsal. No account votes twice for an entry:
no vote is answered from a memory of earlier ones; and what was acknowledged must be counted afterwards.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loadtests.rehearsal.books import settled_tallies
from loadtests.rehearsal.climbing import Step, UsedUpError, Votes, climb, tell
from loadtests.rehearsal.processes import RehearsalError
from loadtests.rehearsal.stack import Stack, running_stack
from loadtests.rehearsal.target import Target, find_target, gauges
from loadtests.rehearsal.wrk import find_wrk

TOKENS = 300_000
"""More than any step can use once; after that the same accounts vote for other entries."""
PAGES_EACH = 8
"""Pages and scripts of a voter with three votes; each vote one page."""
LOGINS_PER_S = 900
"""Of one API process, asking for the code and entering it: half of what docs/measurements.md has for entering alone."""
DRAIN_S = 120.0


@dataclass(frozen=True)
class Place:
    """Where the capacity is measured. `url` and `tokens`: an installation elsewhere, None for a stack of our own;
    `processes` and `cores`: of its API and of its machine; ours are known.
    """

    url: str | None = None
    tokens: Path | None = None
    processes: int = 1
    cores: int = 1


@dataclass(frozen=True)
class Ledger:
    """What became of the votes. `counted`: None where the public counts do not come; the others where only the machine
    itself tells them.
    """

    acknowledged: int
    unanswered: int
    """Of so many more, at most, nobody knows whether they are counted."""
    counted: int | None
    box: int | None = None
    ledger: int | None = None
    pending: int | None = None
    drift: int | None = None
    drained_s: float | None = None


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
    books: Ledger
    url: str | None = None

    def voters_per_minute(self, votes_each: float) -> float:
        """Each opens pages, logs in once, votes."""
        seconds = votes_each / self.votes_per_s + (PAGES_EACH - 3 + votes_each) / self.pages_per_s
        return 60 / (seconds + 1 / (LOGINS_PER_S * self.processes))


def measure(place: Place, folder: Path, seconds: int, say: Callable[[str], None]) -> Capacity:
    """`seconds`: of each step. Errors: RehearsalError."""
    find_wrk()
    if place.url and place.tokens:
        say("Every step is real load: the whole installation feels it.")
        return _measure(find_target(place.url), place.tokens, None, place, seconds, say)
    say("Starting a stack of its own …")
    tokens = folder / "tokens"
    with running_stack(folder) as stack:
        try:
            stack.command("mint-sessions", "--count", str(TOKENS), "--out", str(tokens))
            cores = os.cpu_count() or 1
            processes = int(stack.variables.get("WEB_CONCURRENCY", 0)) or min(cores, 16)
            own = Place(processes=processes, cores=cores)
            return _measure(find_target(stack.address), tokens, stack, own, seconds, say)
        finally:
            tokens.unlink(missing_ok=True)


def _measure(
    target: Target, tokens: Path, stack: Stack | None, place: Place, seconds: int, say: Callable[[str], None]
) -> Capacity:
    votes = Votes(target, tokens, seconds)
    before = settled_tallies(target)
    if before is None:
        raise RehearsalError(f"{target.address} does not tell its counts (/api/tallies)")
    steps = climb(votes.paced, say)
    if not steps:
        raise RehearsalError(f"{tokens} is good for {votes.most:,} votes, too few for a single step")
    used_up = steps[-1].good
    try:
        steps.append(votes.full())
        tell(say, steps[-1])
    except UsedUpError:
        used_up = True
        say("as fast as wrk can: there are no more tokens for it")
    pages = votes.pages()
    say(f"pages: {pages.answered:,.0f}/s, p99 {pages.p99_ms:,.0f} ms")
    say("Waiting until every vote is in the ledger …")
    books = _books(target, votes, before, stack)
    best = max((step for step in steps if step.soon), key=lambda step: step.answered, default=steps[0])
    at_least = used_up or best.at_least(None if stack else steps[0])
    others = max(step.others for step in steps) if stack else 0.0
    return Capacity(
        steps, best.answered, pages.answered, at_least, others, place.processes, place.cores, books, place.url
    )


def _books(target: Target, votes: Votes, before: dict[int, int], stack: Stack | None) -> Ledger:
    drained_s = _wait_until_empty(target, stack)
    after = settled_tallies(target)
    counted = None if after is None else sum(after.values()) - sum(before.values())
    if stack is None:
        return Ledger(votes.answered, votes.unanswered, counted, drained_s=drained_s)
    status = stack.status()
    box, ledger, log = (status[name] or {} for name in ("box", "ledger", "log"))
    return Ledger(
        votes.answered,
        votes.unanswered,
        counted,
        box.get("votes"),
        ledger.get("votes"),
        log.get("pending"),
        status["drift"],
        drained_s,
    )


def _wait_until_empty(target: Target, stack: Stack | None) -> float | None:
    """Seconds until the log is empty; None where that is not seen within two minutes, or not told."""
    began, told_ms = time.monotonic(), gauges(target).get("told_at_ms")
    if stack is None and told_ms is None:
        return None
    while time.monotonic() - began < DRAIN_S:
        if stack:
            status = stack.status()
            if (status["log"] or {}).get("pending") == 0 and status["drift"] == 0:
                return time.monotonic() - began
        else:
            told = gauges(target)
            if told.get("told_at_ms") != told_ms and told.get("pending") == 0:
                return time.monotonic() - began
        time.sleep(1.0)
    return None
