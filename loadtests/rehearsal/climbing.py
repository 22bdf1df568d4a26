"""Load that rises step by step, from wrk: votes at a rate until the system falls behind, then as fast as they go."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.processor import machine, others_share
from loadtests.rehearsal import wrk
from loadtests.rehearsal.processes import RehearsalError
from loadtests.rehearsal.target import Target
from loadtests.rehearsal.wrk import CONNECTIONS, Run

FIRST_RATE, RISE = 1_000, 1.5
KEPT = 0.85
"""Share of the offered rate that must be answered."""
KNEE_P99_MS = 500.0
DISTURBED = 0.1
"""Share of the machine that other work may take before it is said that there would be more."""
BUSY = 0.9
"""Share of a core from which on wrk, which has one thread, is the limit itself."""
IDLE = 0.2
"""Share of the machine: where so much of it has nothing to do, wrk's connections are the limit, not the system."""
MOST_PER_S = 60_000
"""What wrk's one thread asks for at most."""
QUEUED = 2.0
"""Answers that take so many times as long as in the first step stand in a queue: the system, seen from elsewhere, is
the limit. Where they take less, wrk's connections are.
"""


class UsedUpError(Exception):
    """Every account has voted for every entry."""


@dataclass(frozen=True)
class Step:
    """One run. `offered` is None where wrk asked as fast as it could; `generator`: cores that wrk used; `idle` and
    `others`: shares of the machine that had nothing to do, and that went to other work; `refused`: answers of status
    400 and above, and connections that broke.
    """

    offered: float | None
    answered: float
    p50_ms: float
    p99_ms: float
    generator: float
    idle: float
    others: float
    refused: int = 0

    @property
    def soon(self) -> bool:
        """Answers came in time, and none was a refusal."""
        return self.p99_ms <= KNEE_P99_MS and not self.refused

    @property
    def good(self) -> bool:
        """They came in time, and as many as were asked for."""
        return self.soon and (self.offered is None or self.answered >= KEPT * self.offered)

    def at_least(self, first: "Step | None" = None) -> bool:
        """The system could do more than wrk asked for, or than it was left to do. `first`: the first step, for a system
        elsewhere, of whose machine nothing is known.
        """
        if first is not None:
            return self.generator >= BUSY or self.p50_ms < QUEUED * first.p50_ms
        return self.generator >= BUSY or self.idle >= IDLE or self.others >= DISTURBED


def climb(run: Callable[[float, float], Step], say: Callable[[str], None]) -> list[Step]:
    """Steps of a rising rate until one is not kept, twice over: the machine may have been busy for a moment. `run`:
    rate, and how long answers took so far (ms) → what was seen. It also ends where there are no more tokens.
    """
    steps: list[Step] = []
    rate, failed = float(FIRST_RATE), 0
    while failed < 2:
        try:
            step = run(rate, steps[-1].p50_ms if steps else 0.0)
        except UsedUpError:
            say(f"offered {rate:,.0f}/s: there are no more tokens for it")
            return steps
        tell(say, step)
        steps.append(step)
        rate, failed = (rate * RISE, 0) if step.good else (rate, failed + 1)
    return steps


def wait_ms(rate: float, answer_ms: float) -> float | None:
    """How long each of wrk's connections must wait between answer and request to offer `rate`. None where there are too
    few of them.
    """
    wait = CONNECTIONS / rate * 1000 - answer_ms
    return wait if wait > 2 else None


class Votes:
    """Votes for wrk, none of which comes twice. `answered`: of those that were no refusals; `unanswered`: at most so
    many more may be counted.
    """

    def __init__(self, target: Target, tokens: Path, seconds: int) -> None:
        """`seconds`: of each run."""
        self._address, self._seconds = target.address, seconds
        self._tokens = str(tokens)
        self._entries = [str(entry.id) for entry in target.entries]
        self._sent = self.answered = self.unanswered = 0
        with tokens.open("rb") as file:
            self.most = tokens.stat().st_size // len(file.readline()) * len(self._entries)

    def paced(self, rate: float, answer_ms: float) -> Step:
        """Errors: UsedUpError, RehearsalError."""
        return self._run(rate, rate, wait_ms(rate, answer_ms) or 0.0)

    def full(self) -> Step:
        """As fast as it goes. Errors: UsedUpError, RehearsalError."""
        return self._run(None, MOST_PER_S, 0.0)

    def pages(self) -> Step:
        """The first page, as fast as it goes. Errors: RehearsalError."""
        step, _ = measured(None, lambda: wrk.run(self._address, self._seconds, 0.0, "page", "/"))
        return step

    def _run(self, offered: float | None, most: float, wait: float) -> Step:
        if self._sent + most * self._seconds + CONNECTIONS > self.most:
            raise UsedUpError
        words = ("vote", self._tokens, str(self._sent), *self._entries)
        step, run = measured(offered, lambda: wrk.run(self._address, self._seconds, wait, *words))
        self._sent += run.made
        self.answered += run.requests - run.refused
        self.unanswered += run.unanswered + run.refused  # `not_confirmed` may be counted
        if self._sent > self.most:
            raise RehearsalError(
                "every account has voted for every entry in the middle of a step: more tokens are needed"
            )
        return step


def measured(offered: float | None, run: Callable[[], Run]) -> tuple[Step, Run]:
    """The step, and what wrk saw."""
    before = machine()
    load = run()
    after = machine()
    idle = max(0.0, 1 - (after.busy - before.busy) / max(0.01, after.all - before.all))
    others = others_share(before, after)
    wrong = load.refused + load.broken
    return Step(offered, load.per_s, load.p50_ms, load.p99_ms, load.cores, idle, others, wrong), load


def tell(say: Callable[[str], None], step: Step) -> None:
    offered = "as fast as wrk can" if step.offered is None else f"offered {step.offered:>7,.0f}/s"
    refused = f", {step.refused:,} refused or broken" if step.refused else ""
    say(
        f"{offered}: {step.answered:>7,.0f}/s, p50 {step.p50_ms:,.1f} ms, p99 {step.p99_ms:,.1f} ms{refused},"
        f" wrk used {step.generator:.2f} cores, {step.idle:.0%} of this machine idle, {step.others:.0%}"
        " with other work"
    )
