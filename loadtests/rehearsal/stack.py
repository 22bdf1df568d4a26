"""A stack of the rehearsal's own: `binhchon up` in a folder and on a port of its own, so that no vote of a rehearsal
comes near a real contest. It serves the demo contest, and goes when the rehearsal is over; its logs stay.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.ports import free_port
from loadtests.rehearsal.processes import RehearsalError, end, environment, start, wait_for

START_S, STOP_S, COMMAND_S = 120.0, 90.0, 120.0
SIZES = ("WEB_CONCURRENCY", "FLUSH_WORKERS", "BOX_MAXMEMORY", "SCRATCH_MAXMEMORY", "CODE_CONNECTIONS")
"""Settings of the installation that the rehearsal's stack takes over: how much of this machine it uses."""
_BINHCHON = [sys.executable, "-P", "-m", "scripts.cli"]


@dataclass(frozen=True)
class Stack:
    """`folder`: its DATA_DIR; `said`: what its supervisor says."""

    address: str
    folder: Path
    said: Path
    variables: dict[str, str]
    supervisor: subprocess.Popen[bytes]

    def command(self, *words: str, ok: tuple[int, ...] = (0,)) -> str:
        """The output of one of `binhchon`'s commands. Errors: RehearsalError with what it said."""
        try:
            done = subprocess.run(  # noqa: S603 - our own command
                [*_BINHCHON, *words],
                env=self.variables,
                capture_output=True,
                text=True,
                check=False,
                timeout=COMMAND_S,
            )
        except subprocess.TimeoutExpired:
            raise RehearsalError(f"binhchon {words[0]} does not end") from None
        if done.returncode not in ok:
            raise RehearsalError(f"binhchon {words[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def status(self) -> dict[str, Any]:
        """`binhchon status --json`; what is down is None."""
        status: dict[str, Any] = json.loads(self.command("status", "--json", ok=(0, 3)))
        return status

    def restarts(self) -> list[str]:
        """What its supervisor had to start again, in its words, and whether it ended itself."""
        lines = self.said.read_text(encoding="utf-8").splitlines()
        ended = [] if self.supervisor.poll() is None else ["the supervisor ended, and everything with it"]
        return [*(line for line in lines if "starting it again" in line), *ended]


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Starts a stack in `folder`/stack and stops it; of its data the logs alone are kept. Errors: RehearsalError."""
    data, said, port = folder / "stack", folder / "stack.log", free_port()
    sizes = {name: os.environ[name] for name in SIZES if os.environ.get(name)}
    variables = environment(DATA_DIR=str(data), PORT=str(port), **sizes)
    process = start([*_BINHCHON, "up"], variables, said)
    try:
        wait_for(lambda: _is_up(process, said), START_S, f"the stack to be ready (see {said})")
        yield Stack(f"http://127.0.0.1:{port}", data, said, variables, process)
    finally:
        end(process, STOP_S)
        if (data / "logs").is_dir():
            shutil.move(data / "logs", folder / "logs")
        shutil.rmtree(data, ignore_errors=True)


def _is_up(process: subprocess.Popen[bytes], said: Path) -> bool:
    text = said.read_text(encoding="utf-8")
    if process.poll() is not None:
        raise RehearsalError(f"the stack does not start: {text.strip()}")
    return "is ready" in text
