"""The tables of docs/measurements.md, from what the bench wrote.

`.venv/bin/python -m loadtests.bench.page --from bench.json` prints them; `--into docs/measurements.md` puts them into
that page, between its two marks. Exit status 1 for a file that is not the bench's.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from loadtests.bench.capacity_costs import CapacityError
from loadtests.bench.capacity_model import put_into
from loadtests.bench.contenders import VOTES
from loadtests.bench.report import RATES

_WEIGHTS = (
    *("box_bytes_per_account", "box_bytes_per_vote", "log_bytes_per_vote", "aof_bytes_per_vote"),
    *("ledger_bytes_per_vote", "wal_bytes_per_vote", "box_bytes_per_login", "ledger_bytes_per_login"),
)


def tables(summary: dict[str, Any]) -> str:
    """All of them, as Markdown."""
    return "\n".join(line for part in (_run, _rates, _open_loop, _costs, _rows, _aims) for line in (*part(summary), ""))


def _run(summary: dict[str, Any]) -> Iterator[str]:
    audits = summary["audits"]
    acknowledged = sum(audit["answers"].get("counted", 0) for audit in audits)
    directly, rows = (sum(audit[name] for audit in audits) for name in ("cast_directly", "rows"))
    drift = sum(abs(audit["drift"]) for audit in audits)
    yield (
        f"One run of {summary['took_s']} s, load by {summary['generator']}: {acknowledged:,} votes acknowledged and"
        f" {directly:,} cast directly into the boxes, {rows:,} rows in the ledgers, drift {drift}."
    )


def _rates(summary: dict[str, Any]) -> Iterator[str]:
    yield "| | each second | votes for each of its answers | p50 | p99 | generator | other work |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for name, rate in RATES.items():
        waits, share = summary["closed_loop_latency_ms"][name], summary["generator_share"][name]
        ratio = summary["ratios"].get(f"{RATES[VOTES]} / {rate}", 1.0)
        yield (
            f"| `{rate}` | {summary[rate]:,.0f} | {ratio:.2f} | {waits['p50']:.0f} ms | {waits['p99']:.0f} ms"
            f" | {share:.0%} | {median(summary['others_share'][name]):.0%} |"
        )


def _open_loop(summary: dict[str, Any]) -> Iterator[str]:
    yield "| open loop | offered each second | p50 | p99 | p99.9 | generator late, p99 | to the ledger, p50 | p99 |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    rows = {f"{share} % of capacity": seen for share, seen in summary["latency_ms"].items()}
    if summary["province_ms"]:
        rows["a province's minute"] = summary["province_ms"]
    for name, seen in rows.items():
        yield (
            f"| {name} | {seen['offered_per_s']:,.0f} | {seen['p50']:.1f} ms | {seen['p99']:.1f} ms"
            f" | {seen['p99.9']:.1f} ms | {seen['generator_late_p99']:.1f} ms"
            f" | {seen['ledger_p50_s']:.2f} s | {seen['ledger_p99_s']:.2f} s |"
        )
    if summary["province"]:
        seen = summary["province"]
        yield ""
        yield (
            f"The province's minute: {seen['acknowledged']:,} of {seen['votes']:,} votes acknowledged"
            f" {seen['acknowledged_s']:.1f} s after the first came, all in the ledger after"
            f" {seen['all_in_ledger_s']:.1f} s."
        )


def _costs(summary: dict[str, Any]) -> Iterator[str]:
    yield "| processor time of a vote, µs | API | box | flush | PostgreSQL | generator | all, to that beside none |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for cost in summary["cost_by_stored_votes"]:
        spent = " | ".join(
            f"{cost['cpu_us_per_vote'][role]:.1f}" for role in ("api", "box", "flush", "postgres", "generator")
        )
        yield f"| beside {cost['stored']:,} stored votes | {spent} | {cost['ratio']:.2f} |"
    for cost in summary["cost_by_stored_votes"]:
        if seen := cost.get("checkpoint"):
            yield ""
            yield (
                f"A checkpoint beside {cost['stored']:,} votes takes {seen['own_s']:.2f} s of processor time, and then"
                f" PostgreSQL {seen['next_us']:.1f} µs for each of the next {seen['votes']:,} votes."
            )


def _rows(summary: dict[str, Any]) -> Iterator[str]:
    yield "| rows each second | | weights, bytes | |"
    yield "|---|---:|---|---:|"
    rates = [
        f"`{name}` | {summary[name]:,.0f}" for name in ("flush_rows_per_s", "copy_rows_per_s", "flush_rows_per_s_cpu")
    ]
    weights = [f"`{name}` | {summary[name]:,.0f}" for name in _WEIGHTS if name in summary]
    for place in range(max(len(rates), len(weights))):
        left, right = (side[place] if place < len(side) else " | " for side in (rates, weights))
        yield f"| {left} | {right} |"


def _aims(summary: dict[str, Any]) -> Iterator[str]:
    yield "| aim | | measured | |"
    yield "|---|---:|---:|---|"
    for aim in summary["aims"]:
        bound = f"≥ {aim['least']:,.6g}" if aim["least"] is not None else f"≤ {aim['greatest']:,.6g}"
        yield f"| {aim['name']} | {bound} | {aim['value']:,.4g} | {'reached' if aim['reached'] else '**missed**'} |"


def main() -> int:
    """Prints or writes. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.page", description="The measurements as Markdown.")
    parser.add_argument("--from", dest="bench", type=Path, default=Path("bench.json"), help="what `make bench` wrote")
    parser.add_argument("--into", type=Path, help="a page to put the tables into, instead of printing them")
    arguments = parser.parse_args()
    try:
        text = tables(json.loads(arguments.bench.read_bytes()))
        if arguments.into is None:
            sys.stdout.write(text)
        else:
            put_into(arguments.into, text)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, CapacityError) as error:
        sys.stderr.write(f"page: {arguments.bench} is not what `make bench` writes today: {error!r}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
