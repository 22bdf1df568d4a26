"""`kill -9` of the processes of one role, at random moments of the load."""

import pytest

from tests.chaos.arena import Arena

ROUNDS = 2


@pytest.mark.parametrize("role", ["api", "box", "worker", "ticker", "scratch", "postgres"])
def test_kill_one_role(arena: Arena, role: str) -> None:
    """`kill -9` of every process of one role, twice"""
    arena.start()
    with arena.load():
        for _ in range(ROUNDS):
            arena.some_moment()
            arena.mark_fault(f"kill -9 {role}")
            arena.kill(role)
            arena.mark_heal()
            arena.goes_on()
    arena.verify()
