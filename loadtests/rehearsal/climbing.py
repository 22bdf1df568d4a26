"""Load that rises step by step, from wrk: votes at a rate until the system falls behind, then as fast as they go."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from loadtests.bench.generator import CONNECTIONS, SCRIPT, BenchError, Load, run_script
from loadtests.bench.processor import machine, others_share
from loadtests.rehearsal.target import Target

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
_PACED = SCRIPT.with_name("paced.lua")
_PLAIN = SCRIPT.with_name("plain.lua")


@dataclass(frozen=True)
class Step:
    """One run. `offered` is None where wrk asked as fast as it could; `generator`: cores that wrk used; `idle` and
    `others`: shares of the machine that had nothing to do, and that went to other work.
    """

    offered: float | None
    answered: float
    p50_ms: float
    p99_ms: float
    generator: float
    idle: float
    others: float

    @property
    def at_least(self) -> bool:
        """The system could do more than wrk asked for, or than it was left to do."""
        return self.generator >= BUSY or self.idle >= IDLE or self.others >= DISTURBED

    @property
    def soon(self) -> bool:
        """Answers came in time."""
        return self.p99_ms <= KNEE_P99_MS

    @property
    def good(self) -> bool:
        """They came in time, and as many as were asked for."""
        return self.soon and (self.offered is None or self.answered >= KEPT * self.offered)


def climb(run: Callable[[float, float], Step | None], say: Callable[[str], None]) -> list[Step]:
    """Steps of a rising rate until one is not kept, twice over: the machine may have been busy for a moment. `run`:
    rate, and how long answers took so far (ms) → what was seen, None where votes were refused.
    """
    steps: list[Step] = []
    rate, failed = float(FIRST_RATE), 0
    while failed < 2:
        step = run(rate, steps[-1].p50_ms if steps else 0.0)
        if step is None:
            say(f"offered {rate:,.0f}/s: votes were refused")
            return steps
        tell(say, step)
        steps.append(step)
        if step.good:
            rate, failed = rate * RISE, 0
        else:
            failed += 1
    return steps


def paced_by(rate: float, answer_ms: float) -> float | None:
    """What wrk's script must be told so that its connections, which also wait for their answers, offer `rate`. None
    where there are too few of them.
    """
    wait_s = CONNECTIONS / rate - answer_ms / 1000
    return CONNECTIONS / wait_s if wait_s > 0.002 else None


class Votes:
    """Votes for wrk, none of which comes twice."""

    def __init__(self, target: Target, tokens: Path, seconds: int) -> None:
        """`seconds`: of each run."""
        self._seconds = seconds
        self.port = urlsplit(target.address).port or 80
        self._tokens = str(tokens)
        self._entries = [str(entry.id) for entry in target.entries]
        self._sent = 0

    def paced(self, rate: float, answer_ms: float) -> Step | None:
        """None where a vote was refused."""
        told = paced_by(rate, answer_ms)
        try:
            return self._run(rate, _PACED, f"{told:.0f}", str(CONNECTIONS)) if told else self._run(rate, SCRIPT)
        except BenchError:
            self._sent += math.ceil(rate * self._seconds) + CONNECTIONS + 1
            return None

    def full(self) -> Step:
        """As fast as it goes. Errors: BenchError."""
        return self._run(None, SCRIPT)

    def pages(self) -> Step:
        """The first page, as fast as it goes. Errors: BenchError."""
        step, _ = measured(None, lambda: run_script(_PLAIN, self.port, self._seconds, "/"))
        return step

    def _run(self, offered: float | None, script: Path, *words: str) -> Step:
        words = (*words, self._tokens, str(self._sent), *self._entries)
        step, requests = measured(offered, lambda: run_script(script, self.port, self._seconds, *words))
        self._sent += requests + CONNECTIONS + 1  # wrk asks its script for one request more, to look at it
        return step


def measured(offered: float | None, run: Callable[[], Load]) -> tuple[Step, int]:
    """The step, and how many answers there were."""
    before = machine()
    load = run()
    after = machine()
    idle = max(0.0, 1 - (after.busy - before.busy) / max(0.01, after.all - before.all))
    used = load.generator_us * load.per_s / 1e6
    return Step(offered, load.per_s, load.p50_ms, load.p99_ms, used, idle, others_share(before, after)), load.requests


def tell(say: Callable[[str], None], step: Step) -> None:
    offered = "as fast as wrk can" if step.offered is None else f"offered {step.offered:>7,.0f}/s"
    say(
        f"{offered}: {step.answered:>7,.0f}/s, p50 {step.p50_ms:,.1f} ms, p99 {step.p99_ms:,.1f} ms,"
        f" wrk used {step.generator:.2f} cores, {step.idle:.0%} of the machine idle, {step.others:.0%}"
        " with other work"
    )
