"""Locust's processes: one that serves its web page, and one for each core that sends the load.

Locust is under our control: it starts by itself, nobody has to press a button, and it ends when we end it. Users take
their turns from the board and not from Locust's ramp: when a voter comes must not depend on how fast the others were
answered.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtests.ports import free_port
from loadtests.rehearsal.board import Board
from loadtests.rehearsal.plan import PLAN, PLAN_ENV, WORKER_ENV, Plan
from loadtests.rehearsal.processes import RehearsalError, end, environment, start, wait_for

READY_S = 90.0
STOP_S = 15.0
LEAD_S = 1.0
_LOCUST = [sys.executable, "-P", "-m", "locust", "-f", str(Path(__file__).with_name("locustfile.py"))]


@dataclass(frozen=True)
class Generators:
    """`page`: address of Locust's own page."""

    page: str
    processes: list[subprocess.Popen[bytes]]
    log: Path

    def complete(self) -> bool:
        """Whether all of them run."""
        return all(process.poll() is None for process in self.processes)


@contextmanager
def running_generators(folder: Path, plan: Plan, board: Board, workers: int) -> Iterator[Generators]:
    """Starts `workers` processes with everybody in place, and the clock; ends them. Errors: RehearsalError."""
    port, web, log = free_port(), free_port(), folder / "locust.log"
    places = sum(plan.slots.values())
    variables = environment(**{PLAN_ENV: str(folder / PLAN)})
    master = [
        *("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", str(port)),
        *("--web-host", "127.0.0.1", "--web-port", str(web), "--autostart", "--expect-workers", str(workers)),
        *("--users", str(places), "--spawn-rate", str(places)),
    ]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes.append(start([*_LOCUST, *master], variables, log))
        for number in range(workers):
            worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", str(port)]
            processes.append(start([*_LOCUST, *worker], variables | {WORKER_ENV: str(number)}, log))
        running = Generators(f"http://127.0.0.1:{web}", processes, log)
        wait_for(lambda: _all_here(running, board, places), READY_S, f"Locust's users (see {log})")
        board.set("starts_at_ms", round((time.time() + LEAD_S) * 1000))
        yield running
    finally:
        for process in reversed(processes):  # workers first: they write down what they have counted
            if process.poll() is None:
                process.terminate()
        for process in processes:
            end(process, STOP_S)


def _all_here(running: Generators, board: Board, places: int) -> bool:
    if not running.complete():
        raise RehearsalError(f"Locust does not start; see {running.log}")
    return board.get("here") >= places
