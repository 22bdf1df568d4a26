"""Ten thousand connections that say nothing, beside voters: on real sockets, with the times as they are served."""

import json
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

import pytest

from api.protocol import LOOK_S, PATIENCE_S
from models.settings import ROOT
from tests.api.contest import KEYS, open_contest, votes_in_box
from tests.api.crowd import most_files
from tests.api.running import AWAY_DATABASE
from tests.api.sides import vote_for
from tests.servers import ValkeyServer, wait_for

IDLE = 10_000
SPARE = 600  # files that each process has open besides
VOTERS = 20
PAUSE_S = 0.1  # of a voter between two votes
BEFORE_S = 3.0
SERVE = "from models.settings import load_settings; from api.serve import serve; serve(load_settings().require_stack())"


class Served(NamedTuple):
    """A process of the API: its address, its number."""

    address: tuple[str, int]
    pid: int


@pytest.fixture
def box(valkey_factory: Callable[..., ValkeyServer]) -> ValkeyServer:
    made = valkey_factory()
    open_contest(made.url)
    return made


@pytest.fixture
def served(box: ValkeyServer, tmp_path: Path) -> Iterator[Served]:
    """As `binhchon api` serves. It begins with few files, and is to allow itself more."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = probe.getsockname()
    environment = {
        "PATH": os.environ["PATH"],
        "BALLOT_BOX_URL": box.url,
        "SCRATCH_URL": "unix:///nonexistent.sock",
        "DATABASE_URL": AWAY_DATABASE,
        "IDENTITY_KEY": KEYS.identity_key,
        "SESSION_KEYS": KEYS.session_keys[0],
        "DATA_DIR": str(tmp_path),
        "PORT": str(address[1]),
        "WEB_CONCURRENCY": "1",
    }
    few = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, {most_files()})); "
    with subprocess.Popen([sys.executable, "-c", few + SERVE], env=environment, cwd=ROOT) as process:
        try:
            wait_for(lambda: is_ready(address), 20, what="the process is ready")
            yield Served(address, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def test_they_leave_voting_alone_and_are_gone_in_time(served: Served, box: ValkeyServer) -> None:
    many = min(IDLE, most_files() - SPARE)
    with Voters(served.address) as voters:
        before = voters.vote_for(BEFORE_S)
        with subprocess.Popen(
            [sys.executable, "-m", "tests.api.crowd", str(served.address[1]), str(many)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        ) as crowd:
            assert crowd.stdout is not None
            assert crowd.stdout.readline() == b"open\n"
            wait_for(lambda: open_files(served.pid) > many, PATIENCE_S["head"] / 2, what="all of them are open at once")
            beside = voters.vote_until(lambda: crowd.poll() is not None, 30)
            gone = json.loads(crowd.stdout.read())
        after = voters.vote_for(1.0)
        assert votes_in_box(box.url) == before.votes + beside.votes + after.votes == voters.counted
        assert beside.votes > VOTERS * 10
    assert (gone["silent"], gone["cut off"], gone["otherwise"]) == (many // 2, many - many // 2, 0)
    assert gone["last_s"] < PATIENCE_S["head"] + LOOK_S + 5, "a few seconds for a busy machine"
    assert gone["first_s"] > PATIENCE_S["head"] - LOOK_S
    wait_for(lambda: open_files(served.pid) < SPARE, what="nothing is kept of them")
    assert is_ready(served.address)
    told = f"p99 {before.p99_s * 1000:.1f} ms before, {beside.p99_s * 1000:.1f} ms beside {many} connections; {gone}"
    assert beside.p99_s < 10 * before.p99_s + 0.1, told
    assert beside.median_s < 5 * before.median_s + 0.02, told


class Times(NamedTuple):
    votes: int
    median_s: float
    p99_s: float


class Voters:
    """Some voters on connections of their own, each voting again and again for the first time."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.counted = 0
        self._sockets = [socket.create_connection(address, 10) for _ in range(VOTERS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._sockets:
            connection.close()

    def vote_for(self, seconds: float) -> Times:
        end = time.monotonic() + seconds
        return self.vote_until(lambda: time.monotonic() > end, seconds + 10)

    def vote_until(self, done: Callable[[], bool], longest_s: float) -> Times:
        """Each voter votes every `PAUSE_S`. Errors: AssertionError for any other answer than 201."""
        times: list[float] = []
        asked: dict[socket.socket, float] = {}
        began = time.monotonic()
        due = dict.fromkeys(self._sockets, began)
        for connection in due:
            due[connection] += random.random() * PAUSE_S
        with selectors.DefaultSelector() as selector:
            for connection in self._sockets:
                selector.register(connection, selectors.EVENT_READ)
            while asked or not done():
                now = time.monotonic()
                assert now < began + longest_s
                for connection, at in due.items():
                    if at <= now and connection not in asked and not done():
                        asked[connection], due[connection] = now, now + PAUSE_S
                        connection.sendall(vote_for(1))
                for key, _ in selector.select(0.005):
                    answer = key.fileobj.recv(65_536)  # type: ignore[union-attr]
                    assert answer.startswith(b"HTTP/1.1 201 "), answer
                    times.append(time.monotonic() - asked.pop(key.fileobj))  # type: ignore[arg-type]
        self.counted += len(times)
        times.sort()
        return Times(len(times), times[len(times) // 2], times[len(times) * 99 // 100])


def is_ready(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, 10) as connection:
            connection.sendall(b"GET /health/ready HTTP/1.1\r\nConnection: close\r\n\r\n")
            return connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
    except ConnectionError:
        return False


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
