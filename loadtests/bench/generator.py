"""The load generator and what it saw: wrk where it is installed, else autocannon, which `make install` brings."""

import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.settings import ROOT

CONNECTIONS = 512
SCRIPT = Path(__file__).with_name("vote.lua")
PLAIN = Path(__file__).with_name("plain.lua")
TOKEN_LINE = 57
"""Letters of a token and its newline, as vote.lua has them."""
AUTOCANNON = Path(__file__).with_name("autocannon.mjs")
_KINDS = {SCRIPT: "vote", PLAIN: "plain"}
"""What autocannon.mjs does as well as wrk's scripts do."""
_NODE = Path(sys.executable).with_name("node")
_PACKAGE = ROOT / "node_modules" / "autocannon" / "package.json"
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
    """One run of the generator. Latencies are its own: a connection waits for its answer before it asks again, so
    requests that a slow server kept from being sent are missing from them (coordinated omission). wrk puts in an
    estimate of those, from the mean rate.
    """

    requests: int
    """Answers that were read to their end."""
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    """Answers of status 400 and above."""
    broken: int
    """Errors of connections, and time-outs."""
    generator_us: float
    """Processor time of the generator for each answer, in µs."""
    made: int
    """Requests that were made, at most: one for each connection more than were answered, or so."""
    generator: str
    """Its name and version."""

    @property
    def per_s(self) -> float:
        return self.requests / self.seconds

    @property
    def generator_share(self) -> float:
        """Share of all cores that the generator took."""
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
        load = run_votes(port, seconds, Requests(self.tokens, self.entries, self.first))
        self.sent(load.made, load.requests)
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


def find_generator() -> str:
    """Name and version of the load generator: wrk, else autocannon. Errors: BenchError where neither is there."""
    path = shutil.which("wrk")
    if path is not None:
        said = subprocess.run([path, "-v"], capture_output=True, text=True, check=False)  # noqa: S603 - found above
        return " ".join(said.stdout.split()[:2])  # "wrk 4.1.0 [epoll] Copyright …"; it ends with status 1
    if _NODE.exists() and _PACKAGE.exists():
        return f"autocannon {json.loads(_PACKAGE.read_text(encoding='utf-8'))['version']}"
    raise BenchError("there is no load generator: `apt install wrk`, or `make install`, which brings autocannon")


def run_votes(port: int, seconds: int, requests: Requests) -> Load:
    """`seconds` of votes on 127.0.0.1:`port`, from one thread. Errors: BenchError for an answer that is no success."""
    words = [str(requests.tokens), str(requests.first), *(str(entry) for entry in requests.entries)]
    return run_script(SCRIPT, port, seconds, *words)


def run_script(script: Path, port: int, seconds: int, *words: str) -> Load:
    """`seconds` of what `script` asks for, with `words` as its arguments. Errors: as `run_votes`."""
    generator = find_generator()
    command = _wrk(script, port, seconds) if generator.startswith("wrk") else _autocannon(script, port, seconds)
    before = _children_cpu_s()
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours
            [*command, *words], capture_output=True, text=True, check=False, timeout=seconds + _SLACK_S
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{generator} did not end") from None
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise BenchError(f"{generator} ended with status {done.returncode}: {said}")
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if not seen["requests"] or seen["refused"] or seen["broken"]:
        raise BenchError(f"these answers are no measurement: {seen}")
    seen.setdefault("made", seen["requests"] + CONNECTIONS + 1)  # wrk asks its script for one more, to look at it
    spent = seen.pop("generator_s", _children_cpu_s() - before)
    return Load(**seen, generator_us=spent / seen["requests"] * 1e6, generator=generator)


def _wrk(script: Path, port: int, seconds: int) -> list[str]:
    return [
        find_wrk(),
        "--threads=1",
        f"--connections={CONNECTIONS}",
        f"--duration={seconds}s",
        "--timeout=5s",
        f"--script={script}",
        f"http://127.0.0.1:{port}",
        "--",
    ]


def _autocannon(script: Path, port: int, seconds: int) -> list[str]:
    """Errors: BenchError for a script that only wrk can run."""
    if script not in _KINDS:
        find_wrk()
    address = f"http://127.0.0.1:{port}"
    return [str(_NODE), str(AUTOCANNON), _KINDS[script], address, str(CONNECTIONS), str(seconds)]


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
