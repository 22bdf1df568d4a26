"""Nothing is acknowledged before it is on disk (invariant I3), as the kernel sees it.

kill -9 proves nothing about fsync, since the page cache survives it: here the order of the calls is looked at.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.outcomes import Outcome
from tests.models.ballot_box.boxes import Box
from tests.servers import ValkeyServer, wait_for

VOTES = 20


@contextmanager
def traced(pid: int, into: Path) -> Iterator[None]:
    """Every write and fsync of a process, with the names of its files, in `into`."""
    words = ["strace", "-f", "-y", "-s", "4096", "-e", "trace=write,writev,sendto,sendmsg,fsync,fdatasync"]
    with subprocess.Popen([*words, "-o", into, "-p", str(pid)], stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline()
        try:
            if "attached" not in said:
                _cannot(f"strace cannot attach: {said.strip()}")
            yield
        finally:
            strace.send_signal(signal.SIGINT)


def _cannot(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{why}; a build must prove this")
    pytest.skip(why)


def test_the_disk_has_the_vote_before_the_voter_has_the_answer(own: Box, server: ValkeyServer, folder: Path) -> None:
    if shutil.which("strace") is None:
        _cannot("strace is not installed")
    own.cast((1, 1))
    trace = folder / "trace"
    with traced(server.pid, trace):
        for account in range(2, VOTES + 2):
            assert own.cast((account, 1)) == [Outcome.COUNTED]
        wait_for(lambda: trace.read_text().count("socket:") >= VOTES, what="the trace")
    seen = [step for line in trace.read_text().splitlines() if (step := _step(line))]
    votes = "".join(seen).split("r")
    assert votes[:VOTES] == ["wf"] * VOTES, seen
    assert not "".join(votes[VOTES:])


def _step(line: str) -> str | None:
    """w: a vote goes into the log of the disk, f: that is on disk, r: a client has an answer."""
    call = re.match(r"(?:\d+ +)?(\w+)\(\d+<([^>]*)>", line)
    if call is None or " = -1 " in line or not re.search(r"= \d+$", line):
        return None
    name, file = call.groups()
    if "appendonly.aof" in file:
        return "f" if name in {"fsync", "fdatasync"} else "w" if "XADD" in line else None
    return "r" if name in {"write", "writev", "sendto", "sendmsg"} and "socket" in file.lower() else None
