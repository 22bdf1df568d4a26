"""Restarts that are meant: one process after the other, and everything in order."""

import os
import signal

import pytest

from tests.chaos.arena import Arena
from tests.servers import is_alive, wait_for


def test_rolling_restart(arena: Arena) -> None:
    """SIGTERM to one process after the other under load, until each has been started anew"""
    arena.start()
    with arena.load() as voters:
        arena.mark_fault("rolling restart")
        refused = voters.counts["refused"]
        roles = [one for one in arena.processes() if one.name.split(".")[0] in {"api", "worker", "ticker"}]
        for one in arena.chance.sample(roles, len(roles)):
            arena.stopped[one.name] += 1
            before = len(arena.pids(one.name))
            one_pid = one.pid
            os.kill(one_pid, signal.SIGTERM)
            wait_for(lambda pid=one_pid: not is_alive(pid), 30, f"{one.name} has ended")
            wait_for(lambda name=one.name, least=before: len(arena.pids(name)) >= least, 30, f"{one.name} is back")
            arena.goes_on(50)
        arena.mark_heal()
        arena.goes_on()
        arena.notes["refused_while_rolling"] = voters.counts["refused"] - refused
    arena.verify()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_stop_at_full_load(arena: Arena, how: signal.Signals) -> None:
    """A stop of the whole stack at full load: everything is flushed before it ends, and goes on when it is started"""
    arena.start()
    with arena.load(connections=64, pause_s=0.0):
        arena.some_moment()
        arena.mark_fault("stop")
        process = arena.stack.process
        assert process is not None
        process.send_signal(how)
        assert process.wait(60) == 0
        said = (arena.data / "logs" / "supervisor.log").read_text()
        assert "Not every vote is in the ledger yet" not in said
        arena.stack.start()
        arena.mark_heal()
        arena.goes_on()
    arena.verify()
