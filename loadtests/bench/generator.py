"""wrk, and what it saw."""

import json
import os
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 512
SCRIPT = Path(__file__).with_name("vote.lua")
PLAIN = Path(__file__).with_name("plain.lua")
TOKEN_LINE = 57
"""Letters of a token and its newline, as vote.lua has them."""
_SLACK_S = 15.0


class BenchError(Exception):
    """The measurement cannot be made, or what it measured is not right; the text is for people."""


@dataclass(frozen=True)
class Requests:
    """Which requests are sent: the token file, the entries, and the number of the first vote (see vote.lua)."""

    tokens: Path
    entries: list[int]
    first: int


@dataclass(frozen=True)
class Load:
    """One run of wrk. Latencies are wrk's own: a connection waits for its answer before it asks again, so requests that
    a slow server kept from being sent are missing from them (coordinated omission).
    """

    requests: int
    """Answers that were read to their end; up to CONNECTIONS more were sent."""
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    """Answers of status 400 and above."""
    broken: int
    """Errors of connections, and time-outs."""
    generator_us: float
    """Processor time of wrk for each answer, in µs."""

    @property
    def per_s(self) -> float:
        return self.requests / self.seconds

    @property
    def generator_share(self) -> float:
        """Share of all cores that wrk took."""
        return self.generator_us / 1e6 * self.per_s / (os.cpu_count() or 1)


@dataclass
class Votes:
    """Votes none of which comes twice. `first`: number of the next one; as many have been sent at most."""

    tokens: Path
    entries: list[int]
    first: int = 0
    answered: int = 0

    def run(self, port: int, seconds: int) -> Load:
        """So many `seconds` of them. Errors: BenchError, also when there are no more."""
        load = run_wrk(port, seconds, Requests(self.tokens, self.entries, self.first))
        self.sent(load.requests + CONNECTIONS + 1, load.requests)  # wrk asks its script for one more, to look at it
        return load

    def sent(self, most: int, answered: int) -> None:
        """So many were sent at most, and answered."""
        self.first += most
        self.answered += answered
        if self.first > self.tokens.stat().st_size // TOKEN_LINE * len(self.entries):
            raise BenchError("every account has voted for every entry: more accounts are needed (--accounts)")


def find_wrk() -> str:
    """The path of wrk. Errors: BenchError."""
    path = shutil.which("wrk")
    if path is None:
        raise BenchError("wrk is not installed. On Debian and Ubuntu: apt install wrk")
    return path


def run_wrk(port: int, seconds: int, requests: Requests) -> Load:
    """`seconds` of votes on 127.0.0.1:`port`, from one thread. Errors: BenchError for an answer that is no success."""
    words = [str(requests.tokens), str(requests.first), *(str(entry) for entry in requests.entries)]
    return run_script(SCRIPT, port, seconds, *words)


def run_script(script: Path, port: int, seconds: int, *words: str) -> Load:
    """`seconds` of what `script` asks for, with `words` as its arguments. Errors: as `run_wrk`."""
    before = _children_cpu_s()
    done = subprocess.run(  # noqa: S603 - the command is ours
        [
            find_wrk(),
            "--threads=1",
            f"--connections={CONNECTIONS}",
            f"--duration={seconds}s",
            "--timeout=5s",
            f"--script={script}",
            f"http://127.0.0.1:{port}",
            "--",
            *words,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + _SLACK_S,
    )
    if done.returncode:
        raise BenchError(f"wrk ended with status {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    seen = json.loads(done.stdout.splitlines()[-1])
    if not seen["requests"] or seen["refused"] or seen["broken"]:
        raise BenchError(f"these answers are no measurement: {seen}")
    return Load(**seen, generator_us=(_children_cpu_s() - before) / seen["requests"] * 1e6)


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
