"""File descriptors used up: no new connection can be taken."""

import resource
import socket
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.chaos.arena import Arena


def _exhaust(pid: int, spare: int) -> tuple[int, int]:
    """Leaves a process `spare` descriptors. Returns its limits of before."""
    used = max(int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir()) + 1
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + spare, before[1]))
    return before


@pytest.mark.parametrize("role", ["api", "box"])
def test_no_descriptor_left(arena: Arena, role: str) -> None:
    """The API, or the box, has no file descriptor left for a new connection, for 6 s"""
    arena.start()
    with arena.load():
        arena.some_moment()
        arena.mark_fault(f"no descriptor left: {role}")
        limits = {pid: _exhaust(pid, spare=2) for pid in arena.pids(role)}
        with ExitStack() as idle:
            if role == "api":
                for _ in range(50):
                    idle.enter_context(closing(socket.create_connection(("127.0.0.1", arena.stack.port))))
            else:
                arena.kill("api")  # so that it must connect anew
            arena.lasts(6)
        for pid, before in limits.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        arena.mark_heal()
        arena.goes_on()
    arena.verify()
