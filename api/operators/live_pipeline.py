"""The part of the live view's document that tells how the system itself does: stores, books, processes, disks."""

import time
from collections import Counter
from typing import Any

from api.latency import percentile
from api.operators.live_facts import Facts, LedgerFacts, ScratchFacts
from api.operators.live_moment import Moment
from models.scratch.beats import Beat

ACCOUNT_BYTES = 80
PENDING_BYTES = 100
"""Of the box's memory: an account with a few votes, and a vote that is not in the ledger yet (docs/operations.md)."""


def pipeline(moment: Moment) -> dict[str, Any]:
    """`box`, `ledger`, `scratch`: `{"problem", "age_s"}` and what each has; `books`: the workers' status, or null;
    `api`, `workers`, `ticker`, `disks`: what processes say of themselves, null where it cannot be told; `votes`:
    `{"answers": outcome → a second, "p50" … "p99" (ms)}` of all API processes together; `late`: claims and requests
    whose term is over; `wrong_tries`: at the console's login within the last hour.
    """
    facts = moment.facts
    scratch = facts.scratch.value
    beats = scratch.beats if scratch and facts.scratch.problem is None else None
    apis = [beat for beat in beats or [] if beat.role == "api"]
    return {
        "box": _store(moment.reading_age_s, moment.box_problem) | _memory(facts),
        "ledger": _store(facts.ledger.age_s(), facts.ledger.problem),
        "scratch": _store(facts.scratch.age_s(), facts.scratch.problem) | _room(scratch),
        "known_for_s": _capped(time.monotonic() - facts.scratch.well_since),
        "books": _books(facts),
        "queues": list(moment.queues),
        "votes": _votes(apis) if beats is not None else None,
        "api": [_api(beat) for beat in apis] if beats is not None else None,
        "workers": _named(beats, "worker"),
        "ticker": _named(beats, "ticker"),
        "disks": _disks(beats),
        "late": _late(facts.ledger.value),
        "wrong_tries": scratch.wrong_tries if scratch else None,
    }


def _late(ledger: LedgerFacts | None) -> dict[str, int] | None:
    return {"claims": ledger.late_claims, "requests": ledger.late_requests} if ledger else None


def _store(age_s: float | None, problem: str | None) -> dict[str, Any]:
    return {"problem": problem, "age_s": None if age_s is None else round(age_s, 1)}


def _capped(seconds: float) -> float:
    return round(min(seconds, 86_400.0), 1)


def _memory(facts: Facts) -> dict[str, Any]:
    memory = facts.memory.value
    if memory is None:
        return {"used": None, "limit": None, "votes_left": None}
    left = max(0, memory.limit - memory.used) // (ACCOUNT_BYTES + PENDING_BYTES)
    return {"used": memory.used, "limit": memory.limit, "votes_left": left}


def _room(scratch: ScratchFacts | None) -> dict[str, Any]:
    """Bytes of scratch's memory."""
    room = scratch.room if scratch else None
    return {"used": room.used, "limit": room.limit} if room else {"used": None, "limit": None}


def _books(facts: Facts) -> dict[str, Any] | None:
    if facts.scratch.value is None:
        return None
    names = ("pending", "parked", "conflicts", "drift", "flush_lag_s", "fault", "proof", "claims", "failed_jobs")
    status = facts.scratch.value.status
    ticked = status.get("ticked_at")
    age = max(0.0, time.time() - ticked / 1000) if isinstance(ticked, int) else None
    return {name: status.get(name) for name in names} | {
        "age_s": None if age is None else _capped(age),
        "claims_for_s": round(facts.scratch.value.claims_for_s, 1),
    }


def _named(beats: list[Beat] | None, role: str) -> list[list[Any]] | None:
    """`[queue, host, pid]` of each process of the role."""
    return None if beats is None else [[beat.part, beat.host, beat.pid] for beat in beats if beat.role == role]


def _disks(beats: list[Beat] | None) -> list[list[Any]] | None:
    """`[host, bytes free, bytes in all]` of each host's data."""
    if beats is None:
        return None
    found = {beat.host: [beat.host, beat.disk_free, beat.disk_total] for beat in beats if beat.disk_total}
    return [found[host] for host in sorted(found)]


def _api(beat: Beat) -> dict[str, Any]:
    about, window = beat.about, max(beat.about["window_s"], 1.0)
    return {
        "host": beat.host,
        "pid": beat.pid,
        "unready": about["unready"],
        "votes_s": round(sum(about["answers"].values()) / window, 1),
        "requests_s": round(about["requests"] / window, 1),
        "connections": about["connections"],
        "waiting": about["waiting"],
        "late_ms": about["late_ms"],
        "p99": _ms(percentile(about["times"], 0.99)),
    }


def _votes(apis: list[Beat]) -> dict[str, Any]:
    answers: Counter[str] = Counter()
    times: list[int] = []
    for beat in apis:
        window = max(beat.about["window_s"], 1.0)
        for outcome, number in beat.about["answers"].items():
            answers[outcome] += number / window
        counts = beat.about["times"]
        times = [a + b for a, b in zip(times, counts, strict=True)] if len(times) == len(counts) else counts
    percentiles = {f"p{share}": _ms(percentile(times, share / 100)) for share in (50, 95, 99)}
    return {"answers": {outcome: round(rate, 1) for outcome, rate in answers.most_common()}} | percentiles


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
