"""Processor time of processes, from /proc/PID/stat (ticks of 10 ms)."""

from contextlib import suppress
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Machine:
    """Processor seconds so far: of all cores, the busy ones of them, and what this process and its children took."""

    all: float
    busy: float
    ours: float


def machine() -> Machine:
    """The machine as it stands now."""
    times = psutil.cpu_times()
    busy = times.user + times.nice + times.system + times.irq + times.softirq + times.steal
    me = psutil.Process()
    past = me.cpu_times()
    ours = _own(me) + past.children_user + past.children_system
    for child in me.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            ours += _own(child)
    return Machine(busy + times.idle + times.iowait, busy, ours)


def others_share(before: Machine, after: Machine) -> float:
    """Which share of all cores went to processes that are not the bench's, and to the kernel on nobody's account."""
    others = (after.busy - before.busy) - (after.ours - before.ours)
    return max(0.0, others / (after.all - before.all))


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
