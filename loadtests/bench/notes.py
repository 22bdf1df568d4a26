"""What is told beside the tables: the load generator, what the flush had left, and a province's minute."""

from statistics import median
from typing import Any

from loadtests.bench.contenders import VOTES
from loadtests.bench.measure import Measured, Plan
from loadtests.bench.province import ACKNOWLEDGED_S, LEDGER_S, verdict

BUSY = 0.8
"""Cores that the generator took: from here on its one thread had hardly any time left, and the rate is its own."""


def noted(measured: Measured, plan: Plan) -> dict[str, Any]:
    """`flushed_after_s`: median over the rounds. `province`: None when nobody asked for it."""
    loads = measured.loads[VOTES]
    return {
        "generator": loads[0].generator,
        "flushed_after_s": {name: median(seconds) for name, seconds in measured.flushed_after_s.items()},
        "province": verdict(measured.latencies[-1]) if plan.province else None,
    }


def as_lines(summary: dict[str, Any]) -> list[str]:
    """For people."""
    lines = [f"load generator: {summary['generator']}, one thread"]
    busy = [name for name, share in summary["generator_share"].items() if share * summary["machine"]["cores"] >= BUSY]
    if busy:
        lines.append(f"the generator itself was the limit (its thread was busy): at least so many of {', '.join(busy)}")
    left = ", ".join(f"{name} {seconds:.2f}" for name, seconds in summary["flushed_after_s"].items())
    lines.append(f"after a run's end all its votes were in the ledger within, s: {left}")
    if summary["province"]:
        lines.append(_province(summary["province"]))
    return lines


def _province(seen: dict[str, Any]) -> str:
    return (
        f"{'reached' if seen['reached'] else 'missed '} a province: {seen['acknowledged']:,} of {seen['votes']:,} votes"
        f" acknowledged after {seen['acknowledged_s']:.1f} s (≤ {ACKNOWLEDGED_S:.0f}), all in the ledger after"
        f" {seen['all_in_ledger_s']:.1f} s (≤ {ACKNOWLEDGED_S + LEDGER_S:.0f})"
    )
