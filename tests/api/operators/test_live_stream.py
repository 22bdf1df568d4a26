"""The stream: first figures at once, only the newest, sessions that end, clients that never read, the server's end."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import psutil
import pytest

from api.operators import live, live_stream
from models.operator import Role
from models.scratch import operator_sessions
from models.scratch.connection import scratch_client
from tests.api.operators.desk import Desk
from tests.api.running import RunningApi
from tests.servers import wait_for
from tests.workers.contests import Stage

CONSOLES = 100


def read(desk: Desk, query: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(event, document) of the stream, for as long as it lasts."""
    with desk.client.stream("GET", f"/operator/live{query}", timeout=10) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])


def head(desk: Desk) -> bytes:
    return f"GET /operator/live HTTP/1.1\r\nHost: x\r\nCookie: operator={desk.token}\r\n\r\n".encode()


@contextmanager
def raw_stream(console: RunningApi, desk: Desk, *, receives: int | None = None) -> Iterator[socket.socket]:
    """A stream whose bytes nobody reads; `receives`: the size of the client's buffer."""
    with closing(socket.socket()) as client:
        if receives:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        client.connect(("127.0.0.1", console.port))
        client.settimeout(10)
        client.sendall(head(desk))
        yield client


def next_figures(stream: Iterator[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    return next(document for name, document in stream if name == "figures")


def test_the_first_figures_come_at_once_and_follow_the_count(
    console: RunningApi, desk: Callable[..., Desk], open_contest: Stage
) -> None:
    open_contest.cast_many(5)
    began = time.monotonic()
    stream = read(desk(Role.VIEWER))
    name, _first = next(stream)
    assert time.monotonic() - began < 2
    assert name == "figures"
    assert next(stream)[0] == "series"
    open_contest.cast_many(7, entry=2)
    document = next(document for name, document in stream if name == "figures" and document["total"] == 12)
    assert document["entries"][0][:5] == [2, 7, pytest.approx(58.33), 1, False]
    assert document["age_ms"] < 1000


def test_a_hundred_consoles_cost_the_box_what_one_does(
    console: RunningApi, desk: Callable[..., Desk], open_contest: Stage
) -> None:
    def commands(stream: Iterator[tuple[str, dict[str, Any]]]) -> float:
        """The box's commands for each second of its own clock, over ten frames."""
        next_figures(stream)
        before, began = _processed(open_contest), next_figures(stream)["at"]
        for _ in range(10):
            ended = next_figures(stream)["at"]
        return (_processed(open_contest) - before) * 1000 / (ended - began)

    viewer = desk(Role.VIEWER)
    stream = read(viewer)
    alone = commands(stream)
    with ExitStack() as others:
        for _ in range(CONSOLES - 1):
            client = others.enter_context(raw_stream(console, viewer))
            assert client.recv(64).startswith(b"HTTP/1.1 200")
        together = commands(stream)
    assert alone > 0
    assert together < alone * 1.4, (alone, together)


def _processed(made: Stage) -> int:
    stats: Any = made.client.info("stats")
    return int(stats["total_commands_processed"])


def test_a_slow_console_misses_frames_and_gets_no_old_ones(
    console: RunningApi, desk: Callable[..., Desk], open_contest: Stage
) -> None:
    viewer = desk(Role.VIEWER)
    watching = read(viewer)
    slow = read(viewer)
    number = next_figures(slow)["at"]
    for _ in range(6):
        newest = next_figures(watching)["at"]
    seen = next_figures(slow)["at"]  # what stood in the buffers of the connection comes first
    while seen < newest:
        assert seen > number
        number, seen = seen, next_figures(slow)["at"]


def test_a_console_that_never_reads_costs_little_and_is_left(
    console: RunningApi, desk: Callable[..., Desk], open_contest: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames of 300 KB fill every buffer on the way; then the writer waits, and its connection is ended."""
    monkeypatch.setattr(live_stream, "SLOW_S", 1.0)
    told = live_stream._new_in
    monkeypatch.setattr(live_stream, "_new_in", lambda *args: told(*args) + b": " + b"x" * 300_000 + b"\n\n")
    viewer = desk(Role.VIEWER)
    with raw_stream(console, viewer, receives=4096) as client:
        wait_for(lambda: _connections(console, client), what="the stream has begun")
        before = psutil.Process().memory_info().rss
        wait_for(lambda: not _connections(console, client), 30, "the connection is ended")
        assert psutil.Process().memory_info().rss - before < 30_000_000
    assert viewer.get("/operator/jobs").status_code == 200


def _connections(console: RunningApi, client: socket.socket) -> bool:
    """Whether the server still has its end of the client's connection."""
    address = client.getsockname()
    return any(connection.client == address for connection in console._server.server_state.connections)


def test_a_revoked_session_ends_its_stream_within_seconds(
    console: RunningApi, desk: Callable[..., Desk], scratch: str
) -> None:
    viewer = desk(Role.VIEWER)
    stream = read(viewer)
    next(stream)
    with closing(scratch_client(scratch)) as client:
        operator_sessions.end_all(client, viewer.id)
    began = time.monotonic()
    assert [name for name, _document in stream][-1] == "over"
    assert time.monotonic() - began < live_stream.CHECK_S + 2


@pytest.mark.parametrize(
    ("role", "query", "kept"),
    [(Role.VIEWER, "", False), (Role.VIEWER, "?screen=1", True), (Role.ADMIN, "?screen=1", False)],
    ids=["a page", "the wall screen of a viewer", "the wall screen of an admin"],
)
def test_an_open_page_keeps_no_session_alive_but_a_viewers_wall_screen_does(
    console: RunningApi,
    desk: Callable[..., Desk],
    scratch: str,
    monkeypatch: pytest.MonkeyPatch,
    role: Role,
    query: str,
    kept: bool,
) -> None:
    monkeypatch.setattr(live_stream, "CHECK_S", 0.1)
    sitting = desk(role)
    stream = read(sitting, query)
    next(stream)
    monkeypatch.setattr(operator_sessions, "TOUCH_S", -1.0)
    key = f"operator:{operator_sessions.digest_of(sitting.token)}"
    with closing(scratch_client(scratch)) as client:
        client.expire(key, 60)
        for _ in range(4):
            next_figures(stream)
        assert (client.ttl(key) > 60) is kept


def test_streams_end_at_once_when_the_server_stops(console: RunningApi, desk: Callable[..., Desk]) -> None:
    stream = read(desk(Role.VIEWER))
    next(stream)
    began = time.monotonic()
    console._server.should_exit = True
    console._thread.join(10)
    assert not console._thread.is_alive()
    assert time.monotonic() - began < 3, "uvicorn waits five seconds for answers that are under way"


def test_without_a_session_there_is_no_stream(console: RunningApi) -> None:
    answer = console.client.get("/operator/live")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/operator/login")


def test_a_page_has_the_figures_without_its_script(
    console: RunningApi, desk: Callable[..., Desk], open_contest: Stage
) -> None:
    open_contest.cast_many(5)
    viewer = desk(Role.VIEWER)

    def total() -> str:
        found = re.search(r'data-figure="total"[^>]*>([^<]*)<', viewer.get("/operator/").text)
        assert found
        return found[1]

    wait_for(lambda: total() == "5", what="the page has the count")
    wall = viewer.get("/operator/screen").text
    assert "Bài 1" in wall
    assert '<span data-state="open">' in wall, "the wall says that votes are taken"
    assert '<span data-state="paused" hidden>' in wall


def test_nobody_keeps_the_others_from_watching(
    console: RunningApi, desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_OF_ONE", 3)
    greedy, other = desk(Role.VIEWER, "greedy"), desk(Role.VIEWER, "other")
    with ExitStack() as opened:
        for _ in range(3):
            assert opened.enter_context(raw_stream(console, greedy)).recv(64).startswith(b"HTTP/1.1 200")
        assert greedy.get("/operator/live").status_code == 503
        assert opened.enter_context(raw_stream(console, other)).recv(64).startswith(b"HTTP/1.1 200")
    wait_for(lambda: _opens(console, greedy), what="who has left makes room")


def _opens(console: RunningApi, desk: Desk) -> bool:
    with raw_stream(console, desk) as stream:
        return stream.recv(64).startswith(b"HTTP/1.1 200")
