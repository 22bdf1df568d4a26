"""Processor time of processes, from /proc/PID/stat (ticks of 10 ms)."""

from contextlib import suppress

import psutil  # type: ignore[import-untyped]

TICK_S = 0.01
ROLES = ("api", "box", "flush", "postgres")


def cpu_seconds(pids: dict[str, int]) -> dict[str, float]:
    """Role → seconds of processor time so far, user and system; PostgreSQL's with its backends, past and present."""
    spent = {role: _own(psutil.Process(pids[role])) for role in ROLES}
    postmaster = psutil.Process(pids["postgres"])
    past = postmaster.cpu_times()
    spent["postgres"] += past.children_user + past.children_system
    for backend in postmaster.children():
        with suppress(psutil.NoSuchProcess):  # it has just ended
            spent["postgres"] += _own(backend)
    return spent


def spent_between(before: dict[str, float], after: dict[str, float], count: int) -> dict[str, float]:
    """Role → µs of processor time for each of `count` votes."""
    return {role: (after[role] - before[role]) / count * 1e6 for role in before}


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
