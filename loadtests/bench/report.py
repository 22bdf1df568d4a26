"""What was measured, as numbers for a file."""

from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from loadtests.bench.aims import against_aims
from loadtests.bench.contenders import VOTES
from loadtests.bench.generator import CONNECTIONS, Load
from loadtests.bench.growth import Growth
from loadtests.bench.latency import SHARES
from loadtests.bench.machine import describe
from loadtests.bench.measure import Measured, Plan
from loadtests.bench.processor import ROLES, TICK_S

RATES = {
    VOTES: "durable_votes_per_s",
    "durable_votes_asgi": "durable_votes_per_s_asgi",
    "durable_votes_all_cores": "durable_votes_per_s_all_cores",
    "empty_asgi": "empty_asgi_per_s",
    "empty_fastapi": "empty_fastapi_per_s",
    "insert_per_vote": "insert_per_vote_per_s",
    "insert_per_vote_all_cores": "insert_per_vote_per_s_all_cores",
    "job_per_vote": "job_per_vote_per_s",
    "repeat_votes": "repeat_votes_per_s",
    "empty_asgi_get": "empty_asgi_get_per_s",
    "page": "page_per_s",
    "tallies": "tallies_per_s",
    "logins": "logins_per_s",
}
"""Contender → the name of its rate."""
LEDGER_SHARE = 0.75
"""At which share of the capacity `ack_to_ledger_s` is taken."""


def summarise(measured: Measured, plan: Plan, folder: Path) -> dict[str, Any]:
    """Medians over the rounds: rates for each second, latencies in ms, processor time in µs for each vote."""
    summary: dict[str, Any] = {
        **{RATES[name]: median(load.per_s for load in loads) for name, loads in measured.loads.items()},
        "jobs_done_per_s": median(measured.jobs_per_s),
        "flush_rows_per_s": median(run.per_s for run in measured.flushes),
        "flush_rows_per_s_cpu": median(run.rows / max(run.cpu_s, TICK_S) for run in measured.flushes),
        "copy_rows_per_s": plan.rows / median(measured.copies_s),
        "ratios": _ratios(measured, plan),
        "latency_ms": {f"{share * 100:.0f}": _latency(measured, share) for share in SHARES},
        "province_ms": _latency(measured, None) if plan.province else None,
        "ack_to_ledger_s": _ledger_waits(measured, LEDGER_SHARE),
        "closed_loop_latency_ms": {
            name: {"p50": median(load.p50_ms for load in loads), "p99": median(load.p99_ms for load in loads)}
            for name, loads in measured.loads.items()
        },
        "cpu_us_per_vote": _cpu(measured.cpu_us, measured.loads[VOTES]),
        "generator_share": {
            name: median(load.generator_share for load in loads) for name, loads in measured.loads.items()
        },
        **_weights(measured.growth),
        "cost_by_stored_votes": _costs(measured.growth),
        "others_share": measured.others,
        "audits": [asdict(audit) for audit in measured.audits],
        "problems": [problem for audit in measured.audits for problem in audit.problems()],
        "plan": asdict(plan) | {"connections": CONNECTIONS},
        "machine": describe(folder),
        "rounds": {name: [asdict(load) for load in loads] for name, loads in measured.loads.items()},
    }
    return summary | {"aims": against_aims(summary)}


def _ratios(measured: Measured, plan: Plan) -> dict[str, float]:
    """Taken round by round: what else the machine does changes within minutes."""
    pairs = {f"{RATES[VOTES]} / {rate}": (VOTES, name) for name, rate in RATES.items() if name != VOTES}
    pairs |= {f"{RATES[name]} / {RATES['empty_asgi_get']}": (name, "empty_asgi_get") for name in ("page", "tallies")}
    both = ("durable_votes_all_cores", "insert_per_vote_all_cores")
    pairs[" / ".join(RATES[name] for name in both)] = both
    loads = measured.loads
    found = {
        words: median(a.per_s / b.per_s for a, b in zip(loads[one], loads[other], strict=True))
        for words, (one, other) in pairs.items()
    }
    flushes = zip(measured.flushes, measured.copies_s, strict=True)
    return found | {"flush_rows_per_s / copy_rows_per_s": median(run.per_s * s / plan.rows for run, s in flushes)}


def _latency(measured: Measured, share: float | None) -> dict[str, float]:
    runs = [run for run in measured.latencies if run.share == share]
    seen = [run.arrivals for run in runs]
    return {
        "offered_per_s": median(run.rate for run in runs),
        "p50": median(one.p50_ms for one in seen),
        "p99": median(one.p99_ms for one in seen),
        "p99.9": median(one.p999_ms for one in seen),
        "greatest": median(one.greatest_ms for one in seen),
        "generator_late_p50": median(one.late_p50_ms for one in seen),
        "generator_late_p99": median(one.late_p99_ms for one in seen),
        "generator_us": median(one.generator_s / one.sent * 1e6 for one in seen),
        "refused": sum(one.refused for one in seen),
        "unanswered": sum(one.planned - one.answered for one in seen),
        "others_share": median(run.others for run in runs),
        **{f"ledger_{name}_s": seconds for name, seconds in _ledger_waits(measured, share).items()},
    }


def _ledger_waits(measured: Measured, share: float | None) -> dict[str, float]:
    runs = [run for run in measured.latencies if run.share == share]
    return {"p50": median(run.ledger_p50_s for run in runs), "p99": median(run.ledger_p99_s for run in runs)}


def _cpu(spent: list[dict[str, float]], loads: list[Load]) -> dict[str, float]:
    return {role: median(one[role] for one in spent) for role in ROLES} | {
        "generator": median(load.generator_us for load in loads)
    }


def _weights(growth: Growth) -> dict[str, Any]:
    """Of the first stack that was filled: every number of stored votes gives the same, or nearly so."""
    weight, login = growth.weights[0], growth.logins[0]
    return {
        "box_bytes_per_account": weight.account,
        "box_bytes_per_vote": weight.box,
        "log_bytes_per_vote": weight.log,
        "ledger_bytes_per_vote": weight.ledger,
        "wal_bytes_per_vote": weight.wal,
        "aof_bytes_per_vote": weight.aof,
        "log_bytes_per_login": login.log,
        "aof_bytes_per_login": login.aof,
        "ledger_bytes_per_login": login.ledger,
        "wal_bytes_per_login": login.wal,
        "scratch_bytes_per_login": login.scratch,
        "cpu_us_per_login": login.cpu_us,
        "postgres_us_per_login_fresh": login.fresh_us,
    }


def _costs(growth: Growth) -> list[dict[str, Any]]:
    """Processor time of the whole system for a vote, and its ratio to that beside no votes, round by round."""
    totals = [[sum(spent.values()) for spent in level.cpu_us] for level in growth.levels]
    return [
        {
            "stored": level.stored,
            "votes_per_s": median(load.per_s for load in level.loads),
            "cpu_us_per_vote": _cpu(level.cpu_us, level.loads),
            "cpu_us": median(own),
            "ratio": median(mine / none for mine, none in zip(own, totals[0], strict=True)),
            "checkpoint": asdict(level.checkpoint) if level.checkpoint else None,
        }
        for level, own in zip(growth.levels, totals, strict=True)
    ]
