"""`--capacity`: the load is raised step by step to the knee, with wrk; then what that means in voters a minute.

A stack of its own; each vote is another account's, so none is answered from a memory of earlier ones.
"""

import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadtests.bench import generator
from loadtests.bench.generator import CONNECTIONS, BenchError, Load, run_script
from loadtests.rehearsal.processes import RehearsalError, wait_for
from loadtests.rehearsal.stack import Stack, running_stack
from loadtests.rehearsal.target import Target, find_target

STEP_S = 4
FIRST_RATE, RISE = 1_000, 1.5
TOKENS = 300_000
"""More than any step can use once; after that the same accounts vote for other entries."""
KEPT = 0.75
"""Share of the offered rate that must be answered: each of wrk's connections also waits for its answers."""
KNEE_P99_MS = 500.0
BUSY = 0.9
"""Share of a core from which on wrk, which has one thread, is the limit itself."""
PAGES_EACH = 8
"""Pages and scripts of a voter with three votes; each vote one page."""
LOGINS_PER_S = 900
"""Of one API process, asking for the code and entering it: half of what docs/measurements.md has for entering alone."""
SPARE = 0.7
"""Of what the machine can carry, how much it should be asked for."""
_PACED = generator.SCRIPT.with_name("paced.lua")
_PLAIN = generator.SCRIPT.with_name("plain.lua")


@dataclass(frozen=True)
class Step:
    """One run. `offered` is None where wrk asked as fast as it could; `generator`: cores that wrk used."""

    offered: float | None
    answered: float
    p50_ms: float
    p99_ms: float
    generator: float

    @property
    def good(self) -> bool:
        kept = self.offered is None or self.answered >= KEPT * self.offered
        return kept and self.p99_ms <= KNEE_P99_MS


@dataclass(frozen=True)
class Capacity:
    """Rates are of all processes together, for each second. `at_least`: wrk was the limit, not the system."""

    steps: list[Step]
    votes_per_s: float
    pages_per_s: float
    at_least: bool
    processes: int
    cores: int

    def voters_per_minute(self, votes_each: float) -> float:
        """Each opens pages, logs in once, votes."""
        seconds = votes_each / self.votes_per_s + (PAGES_EACH - 3 + votes_each) / self.pages_per_s
        return 60 / (seconds + 1 / (LOGINS_PER_S * self.processes))


def measure(folder: Path, say: Callable[[str], None]) -> Capacity:
    """Errors: RehearsalError."""
    try:
        generator.find_wrk()
        with running_stack(folder) as stack:
            return _measure(stack, folder, say)
    except BenchError as error:
        raise RehearsalError(str(error)) from None


def _measure(stack: Stack, folder: Path, say: Callable[[str], None]) -> Capacity:
    target = find_target(stack.address)
    tokens = folder / "tokens"
    stack.command("mint-sessions", "--count", str(TOKENS), "--out", str(tokens))
    votes = Votes(target, tokens)
    steps = climb(votes.paced, say)
    steps.append(votes.full())
    _tell(say, steps[-1])
    pages = _step(None, run_script(_PLAIN, votes.port, STEP_S, "/"))
    say(f"pages: {pages.answered:,.0f}/s, p99 {pages.p99_ms:,.0f} ms")
    say("Waiting until every vote is in the ledger …")
    wait_for(lambda: _balanced(stack), 120, "the ledger to have every vote", every=1.0)
    tokens.unlink()
    best = max((step for step in steps if step.good), key=lambda step: step.answered, default=steps[0])
    return Capacity(
        steps,
        best.answered,
        pages.answered,
        best.generator >= BUSY or best is steps[-1],
        int(stack.variables.get("WEB_CONCURRENCY", 0)) or min(os.cpu_count() or 1, 16),
        os.cpu_count() or 1,
    )


def climb(run: Callable[[float], Step | None], say: Callable[[str], None]) -> list[Step]:
    """Steps of a rising rate until one is not kept. `run`: rate → what was seen, None where votes were refused."""
    steps: list[Step] = []
    rate = float(FIRST_RATE)
    while True:
        step = run(rate)
        if step is None:
            say(f"offered {rate:,.0f}/s: votes were refused")
            return steps
        steps.append(step)
        _tell(say, step)
        if not step.good:
            return steps
        rate *= RISE


class Votes:
    """Votes for wrk, none of which comes twice."""

    def __init__(self, target: Target, tokens: Path) -> None:
        self.port = urlsplit(target.address).port or 80
        self._tokens = str(tokens)
        self._entries = [str(entry.id) for entry in target.entries]
        self._sent = 0

    def paced(self, rate: float) -> Step | None:
        """None where a vote was refused."""
        words = [f"{rate:.0f}", str(CONNECTIONS), self._tokens, str(self._sent), *self._entries]
        try:
            load = run_script(_PACED, self.port, STEP_S, *words)
        except BenchError:
            self._sent += math.ceil(rate * STEP_S) + CONNECTIONS + 1
            return None
        self._sent += load.requests + CONNECTIONS + 1
        return _step(rate, load)

    def full(self) -> Step:
        """As fast as it goes. Errors: BenchError."""
        load = run_script(generator.SCRIPT, self.port, STEP_S, self._tokens, str(self._sent), *self._entries)
        self._sent += load.requests + CONNECTIONS + 1
        return _step(None, load)


def _step(offered: float | None, load: Load) -> Step:
    return Step(offered, load.per_s, load.p50_ms, load.p99_ms, load.generator_us * load.per_s / 1e6)


def _tell(say: Callable[[str], None], step: Step) -> None:
    offered = "as fast as wrk can" if step.offered is None else f"offered {step.offered:>7,.0f}/s"
    say(
        f"{offered}: {step.answered:>7,.0f}/s, p50 {step.p50_ms:,.1f} ms, p99 {step.p99_ms:,.1f} ms,"
        f" wrk used {step.generator:.2f} cores"
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
    return [sentence] if wanted is None else [sentence, _to_add(capacity, carried, wanted)]


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
