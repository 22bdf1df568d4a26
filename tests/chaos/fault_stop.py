"""SIGSTOP and SIGCONT: a process that stands still and goes on as if nothing had been."""

import pytest

from tests.chaos.arena import Arena
from tests.chaos.faults import standing_still


@pytest.mark.parametrize("role", ["box", "postgres", "worker", "api"])
def test_stand_still(arena: Arena, role: str) -> None:
    """SIGSTOP of every process of one role for 5 s (60 s in a soak), then SIGCONT"""
    arena.start()
    with arena.load() as voters:
        arena.some_moment()
        arena.mark_fault(f"SIGSTOP {role}")
        before = voters.counts.copy()
        with standing_still(arena.pids(role)):
            if role in {"postgres", "worker"}:  # nobody notices
                arena.goes_on()
            arena.lasts(60 if arena.soak else 5)
        assert role not in {"postgres", "worker"} or voters.counts["refused"] == before["refused"]
        arena.mark_heal()
        arena.goes_on()
    arena.verify()
