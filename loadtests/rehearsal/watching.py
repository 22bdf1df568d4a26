"""The watch over a rehearsal: a look at the system each second, a line for people every few."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from loadtests.rehearsal.board import Board
from loadtests.rehearsal.counts import merged, percentile, total
from loadtests.rehearsal.generators import Generators
from loadtests.rehearsal.journal import Seconds
from loadtests.rehearsal.plan import Plan
from loadtests.rehearsal.target import Target, gauges, ready

LOOK_S, TELL_S = 1.0, 3
PATIENCE_S = 60.0
"""After the last arrival: then whoever is still pressing gives up."""
LEAVE_S = 20.0
SILENT_S = 3.0
"""Without news of the log: from then on the silence is added to the age of its oldest vote. While the ledger is away
the system's own numbers stand still, and look as if nothing waited.
"""


@dataclass(frozen=True)
class Sample:
    """The system at one second of the rehearsal; None: it did not tell. `lag_s`: how long the oldest vote may have
    waited for the ledger.
    """

    s: int
    ready: bool
    pending: float | None
    lag_s: float | None
    generator: float = 0.0
    """Share of a core that the busiest process of Locust took."""


def watch(
    target: Target, folder: Path, plan: Plan, board: Board, generators: Generators, say: Callable[[str], None]
) -> list[Sample]:
    """Until everybody has gone. Samples also go to `samples.jsonl`."""
    samples: list[Sample] = []
    log = LogWatch()
    seconds = Seconds(folder)
    told = 0
    starts_at = board.get("starts_at_ms") / 1000
    locusts = [psutil.Process(process.pid) for process in generators.processes]
    with (folder / "samples.jsonl").open("a", encoding="ascii") as file:
        while not _all_gone(plan, board):
            if not generators.complete():
                say(f"A process of Locust has ended, and the load with it; see {generators.log}")
                break
            now = time.time() - starts_at
            if now > plan.shape.seconds + PATIENCE_S:
                board.set("stop", 1)
            if now > plan.shape.seconds + PATIENCE_S + LEAVE_S:
                say("Some users do not end; they are left behind, and their votes count as unknown.")
                break
            if now >= 0:
                pending, lag_s = log.look(gauges(target), time.monotonic())
                busiest = max(one.cpu_percent() for one in locusts) / 100
                samples.append(Sample(int(now), ready(target), pending, lag_s, busiest))
                file.write(json.dumps(asdict(samples[-1])) + "\n")
                file.flush()
            if now - told >= TELL_S:
                told = int(now)
                say(line(seconds.read(), told, samples[-1] if samples else None))
            time.sleep(max(0.0, LOOK_S - (time.time() - starts_at - now)))
    return samples


def line(counts: dict[int, Counter[str]], second: int, sample: Sample | None) -> str:
    """Progress, of the last seconds that are known in full."""
    latest = merged(counts.get(one, Counter()) for one in range(max(0, second - TELL_S - 1), second - 1))
    ever = merged(counts.values())
    p95 = percentile(latest, "ms.vote.", 0.95)
    refused = total(ever, "code.") + total(ever, "status.vote.0")
    return (
        f"{second:>5} s  sent {total(latest, 'sent.') / TELL_S:>6,.0f}/s  acknowledged {ever['ack']:>9,}"
        f" ({latest['ack'] / TELL_S:>5,.0f}/s)  p95 {'—' if p95 is None else f'{p95:,.0f} ms':>8}"
        f"  refused {refused:,}  pending {_shown(sample.pending if sample else None)}"
    )


class LogWatch:
    """What the system says of its log, and for how long it has said nothing new."""

    def __init__(self) -> None:
        self._told_at_ms: float | None = None
        self._heard_s = 0.0
        self._lag_s: float | None = None

    def look(self, found: dict[str, float], now: float) -> tuple[float | None, float | None]:
        """`found`: gauges; `now`: seconds of any clock. Returns events that wait, and for how long the oldest one may
        have waited, in seconds; None: not told.
        """
        told_at_ms = found.get("told_at_ms")
        if told_at_ms is not None and told_at_ms != self._told_at_ms:
            self._told_at_ms, self._heard_s, self._lag_s = told_at_ms, now, found.get("lag_s")
        silent = now - self._heard_s
        if self._lag_s is None or silent <= SILENT_S:
            return found.get("pending"), self._lag_s
        return None, self._lag_s + silent


def _all_gone(plan: Plan, board: Board) -> bool:
    return all(board.get(f"finished.{kind}") >= number for kind, number in plan.people.items())


def _shown(value: float | None) -> str:
    return "—" if value is None else f"{value:,.0f}"
