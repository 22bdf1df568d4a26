"""wrk, and what it saw: many requests from one thread, for `--capacity`."""

import json
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from loadtests.rehearsal.processes import RehearsalError

CONNECTIONS = 512
_SCRIPT = Path(__file__).with_name("climb.lua")
_SLACK_S = 30.0


@dataclass(frozen=True)
class Run:
    """One run. Latencies are wrk's own: a connection waits for its answer before it asks again."""

    requests: int
    """Answers that were read to their end."""
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    """Answers of status 400 and above."""
    broken: int
    """Errors of connections, and time-outs."""
    cores: float
    """Of this machine, that wrk used."""

    @property
    def per_s(self) -> float:
        """Answers that were no refusals, for each second."""
        return (self.requests - self.refused) / self.seconds

    @property
    def made(self) -> int:
        """Requests at most; wrk asks its script for one more, to look at it."""
        return self.requests + self.unanswered + 1

    @property
    def unanswered(self) -> int:
        """Requests, at most, of which nobody knows what became of them: one on each connection at the end."""
        return self.broken + CONNECTIONS


def find_wrk() -> str:
    """The path of wrk. Errors: RehearsalError."""
    path = shutil.which("wrk")
    if path is None:
        raise RehearsalError("--capacity needs wrk. On Debian and Ubuntu: apt install wrk")
    return path


def run(address: str, seconds: int, wait_ms: float, *words: str) -> Run:
    """`words`: as climb.lua has them. Errors: RehearsalError where there was no answer at all."""
    before = _cpu_s()
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours
            [
                *(find_wrk(), "--threads=1", f"--connections={CONNECTIONS}", f"--duration={seconds}s", "--timeout=5s"),
                *(f"--script={_SCRIPT}", address, "--", urlsplit(address).netloc, f"{wait_ms:.3f}", *words),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + _SLACK_S,
        )
    except subprocess.TimeoutExpired:
        raise RehearsalError(f"wrk does not end; is {address} still there?") from None
    if done.returncode:
        raise RehearsalError(f"wrk ended with status {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    seen = json.loads(done.stdout.splitlines()[-1])
    if not seen["requests"]:
        raise RehearsalError(f"{address} did not answer wrk: {seen}")
    return Run(**seen, cores=(_cpu_s() - before) / seen["seconds"])


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
