"""The processes beside a stack: the apps of `apps.py`, and the workers of the one that queues jobs."""

import signal
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from loadtests.bench import jobs
from loadtests.bench.apps import APPS
from loadtests.bench.generator import BenchError
from loadtests.bench.stack import START_S, Stack, wait_for
from scripts.embedded.process import end, spawn

STOP_S = 10.0
_BACKLOG = 4096


@contextmanager
def running_apps(folder: Path, stack: Stack, names: Collection[str] = APPS) -> Iterator[dict[str, int]]:
    """Starts the apps, all processes of one on one socket. Yields name → port. Errors: BenchError."""
    ports: dict[str, int] = {}
    started: list[tuple[subprocess.Popen[bytes], Path]] = []
    with ExitStack() as cleanup:
        for name in names:
            ports[name], processes = _start(folder, stack, name)
            for process, _ready in processes:
                cleanup.callback(end, process, signal.SIGTERM, STOP_S)
            started += processes
        wait_for(lambda: all(_serves(*one) for one in started), START_S, f"the apps (see the logs in {folder})")
        for name in {"durable_votes_asgi", "durable_votes_all_cores"} & set(names):
            wait_for(lambda: _takes_votes(ports[name]), START_S, f"{name} to take votes")  # noqa: B023 - called at once
        yield ports


@contextmanager
def running_job_workers(folder: Path, stack: Stack) -> Iterator[None]:
    """Starts the workers of `job_per_vote`."""
    command = [sys.executable, "-m", jobs.__name__]
    with ExitStack() as cleanup:
        for _ in range(jobs.WORKERS):
            process = spawn(
                command, death_signal=signal.SIGKILL, log=folder / "jobs.log", environment=stack.environment
            )
            cleanup.callback(end, process, signal.SIGTERM, STOP_S)
        yield


def _start(folder: Path, stack: Stack, name: str) -> tuple[int, list[tuple[subprocess.Popen[bytes], Path]]]:
    """The port, and each process with the file that says that it serves."""
    counts = folder / f"{name}.counts"
    counts.mkdir()
    started = []
    with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as listener:
        for number in range(APPS[name].processes):
            ready = folder / f"{name}.{number}.ready"
            process = spawn(
                [sys.executable, "-m", "loadtests.bench.apps", name, str(listener.fileno()), str(ready)],
                death_signal=signal.SIGKILL,
                log=folder / f"{name}.log",
                environment={**stack.environment, "PROMETHEUS_MULTIPROC_DIR": str(counts)},
                pass_fds=(listener.fileno(),),
            )
            started.append((process, ready))
        port: int = listener.getsockname()[1]
    return port, started


def _serves(process: subprocess.Popen[bytes], ready: Path) -> bool:
    if process.poll() is not None:
        raise BenchError(f"{process.args!r} ended with status {process.returncode}")
    return ready.exists()


def _takes_votes(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
