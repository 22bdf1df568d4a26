"""Who keeps a request or an answer waiting, in both layers: what is awaited, how long, and what is said then."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from api import protocol
from api.answers import Receive, Send
from api.outcomes import Code, problem_body
from api.protocol import BODY_PIECE, HEAD_LIMIT, PATIENCE_S, BoundedHeads
from tests.api.contest import votes_in_box
from tests.api.running import RunningApi, settings_for
from tests.api.sides import Side, Wire, responses, rounds, until, vote_for, wire_has
from tests.servers import wait_for

Steps = Callable[[Side], Awaitable[None]]
SOON = 0.9
"""Of the time that a client has: not yet too late."""


@pytest.fixture(params=["lane", "asgi"])
def run(request: pytest.FixtureRequest, sides: tuple[asyncio.AbstractEventLoop, Side, Side]) -> Callable[[Steps], None]:
    """Runs a test's steps on one of the two."""
    loop, lane, asgi = sides
    side = {"lane": lane, "asgi": asgi}[request.param]

    async def within(steps: Steps) -> None:
        async with asyncio.timeout(20):
            await steps(side)

    return lambda steps: loop.run_until_complete(within(steps))


def refused(wire: Wire, code: Code, *, after: int = 0) -> bool:
    """Whether the last answer, the one behind `after` others, is the refusal, and the connection closed behind it."""
    answers = responses(wire.written)
    last = answers[-1].partition(b"\r\n\r\n")
    return (
        len(answers) == after + 1
        and last[0].startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        and b"\r\ncontent-type: application/problem+json\r\n" in last[0]
        and last[0].endswith(b"\r\nconnection: close")
        and last[2] == problem_body(code)
        and wire.closing
    )


def test_who_never_says_a_word_is_shown_out_without_one(run: Callable[[Steps], None]) -> None:
    async def steps(side: Side) -> None:
        wire, connection = side.connect()
        connection.look(100.0)
        connection.look(100.0 + SOON * PATIENCE_S["silent"])
        assert not wire.closing
        connection.look(100.0 + PATIENCE_S["silent"])
        assert wire.closing
        assert not wire.written

    run(steps)


@pytest.mark.parametrize(
    ("cut", "drop"),
    [(b"G", b""), (b"GET /api/conte", b"a"), (b"PUT /api/entries/1/vote HTTP/1.1\r\nHost: x\r\n", b"a")],
    ids=["method", "target", "field"],
)
@pytest.mark.parametrize("answered", [0, 1])
def test_a_head_must_end_however_it_trickles(
    run: Callable[[Steps], None], cut: bytes, drop: bytes, answered: int
) -> None:
    async def steps(side: Side) -> None:
        wire, connection = side.connect()
        if answered:
            connection.data_received(vote_for(1))
            await until(lambda: wire.written.count(b"HTTP/1.1 201 ") == 1)
            await rounds()
        connection.data_received(cut)
        patience = PATIENCE_S["head"]
        for step in range(10):
            connection.look(step * patience / 10)
            connection.data_received(drop)
            assert not wire.closing
        connection.look(patience)
        assert refused(wire, Code.TOO_SLOW, after=answered)

    run(steps)


def test_between_two_requests_a_client_may_wait_as_long_as_uvicorn_lets_it(run: Callable[[Steps], None]) -> None:
    async def steps(side: Side) -> None:
        for asked in (vote_for(1), b"GET /api/contest HTTP/1.1\r\n\r\n", b"GET /api/none HTTP/1.1\r\n\r\n"):
            wire, connection = side.connect()
            connection.data_received(asked)
            await until(lambda wire=wire: wire_has(wire, b"HTTP/1.1 "))
            await rounds()
            connection.look(0.0)
            connection.look(1_000.0)
            assert not wire.closing
            connection.timeout_keep_alive_task.cancel()  # which closes it after 65 s
            connection.data_received(b"\r\n")  # no request, and uvicorn waits no more
            connection.look(2_000.0)
            connection.look(2_000.0 + PATIENCE_S["silent"])
            assert wire.closing
            assert wire.written.count(b"HTTP/1.1 ") == 1

    run(steps)


BODIES = {
    "nothing of it": (b"Content-Length: 1000\r\n\r\n", b""),
    "a byte now and then": (b"Content-Length: 1000\r\n\r\n", b"a"),
    "chunks of a byte": (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "a chunk's extension": (b"Transfer-Encoding: chunked\r\n\r\n1;a", b"a"),
    "fields behind it": (b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
}


@pytest.mark.parametrize(("begin", "drop"), BODIES.values(), ids=BODIES)
def test_a_body_must_come_and_nothing_is_counted_without_it(
    run: Callable[[Steps], None], begin: bytes, drop: bytes
) -> None:
    async def steps(side: Side) -> None:
        wire, connection = side.connect()
        before = votes_in_box(side.box.url)
        connection.data_received(vote_for(1)[:-2] + begin)
        await rounds()
        patience = PATIENCE_S["body"]
        for step in range(10):
            connection.look(step * patience / 10)
            connection.data_received(drop)
            await rounds()
            assert not wire.closing
        connection.look(patience)
        assert refused(wire, Code.TOO_SLOW)
        await rounds()
        assert votes_in_box(side.box.url) == before

    run(steps)


def test_a_body_at_the_least_pace_is_waited_for(run: Callable[[Steps], None]) -> None:
    async def steps(side: Side) -> None:
        wire, connection = side.connect()
        connection.data_received(vote_for(1)[:-2] + b"Content-Length: %d\r\n\r\n" % (3 * BODY_PIECE))
        for piece in range(3):
            await rounds()
            connection.look(piece * SOON * PATIENCE_S["body"])
            assert not wire.closing
            connection.data_received(b"a" * BODY_PIECE)
        await until(lambda: wire_has(wire, b"HTTP/1.1 201 "))

    run(steps)


def test_a_body_that_was_refused_and_trickles_on_is_cut_off_without_a_further_word(
    run: Callable[[Steps], None],
) -> None:
    async def steps(side: Side) -> None:
        wire, connection = side.connect()
        connection.data_received(vote_for(1)[:-2] + b"Content-Length: 70000\r\n\r\n")
        await until(lambda: wire_has(wire, b"HTTP/1.1 413 "))
        await rounds()
        connection.data_received(b"a")
        connection.look(0.0)
        connection.data_received(b"a")
        connection.look(PATIENCE_S["body"])
        assert wire.closing
        assert wire.written.count(b"HTTP/1.1 ") == 1

    run(steps)


def test_who_waits_for_us_is_never_cut_off(run: Callable[[Steps], None]) -> None:
    """A vote that the box does not decide, and what came behind it: whole requests and a piece of one."""

    async def steps(side: Side) -> None:
        for behind in (b"", b"GET /api/none HTTP/1.1\r\n\r\n", b"GET /api/contest HTTP/1.1\r\nHo", b"%b%b"):
            wire, connection = side.connect()
            side.box.hang()
            connection.data_received(vote_for(1) + (behind.replace(b"%b", vote_for(2))))
            for now in range(0, 1_000, 100):
                connection.look(float(now))
                await rounds()
            assert not wire.closing
            side.box.wake()
            await until(lambda wire=wire: wire_has(wire, b"HTTP/1.1 "))

    run(steps)


def test_a_stream_is_never_cut_off_while_it_is_read(run: Callable[[Steps], None]) -> None:
    async def steps(side: Side) -> None:
        wire, connection = side.connect()
        ended = asyncio.Event()

        async def stream(_scope: Any, _receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
            await ended.wait()
            await send({"type": "http.response.body", "body": b"data: 2\n\n"})

        use(connection, stream)
        connection.data_received(b"GET /operator/live HTTP/1.1\r\n\r\n")
        await until(lambda: wire_has(wire, b"data: 1"))
        for now in range(0, 10_000, 100):
            connection.look(float(now))
        assert not wire.closing
        ended.set()
        await until(lambda: wire_has(wire, b"data: 2"))

    run(steps)


def test_who_was_told_to_wait_with_the_body_owes_it_only_when_we_have_asked(run: Callable[[Steps], None]) -> None:
    async def steps(side: Side) -> None:
        wire, connection = side.connect()
        asked, heard = asyncio.Event(), []

        async def slow(_scope: Any, receive: Receive, _send: Send) -> None:
            await asked.wait()
            heard.append(await receive())

        use(connection, slow)
        connection.data_received(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        await rounds()
        connection.look(0.0)
        connection.look(1_000.0)
        assert not wire.closing
        asked.set()
        await until(lambda: wire_has(wire, b"HTTP/1.1 100 Continue\r\n\r\n"))
        connection.look(2_000.0)
        connection.look(2_000.0 + PATIENCE_S["body"])
        assert refused(wire, Code.TOO_SLOW, after=1)
        await until(lambda: heard == [{"type": "http.disconnect"}])

    run(steps)


def test_an_answer_that_nobody_reads_is_not_kept_for_ever(run: Callable[[Steps], None]) -> None:
    """Neither while more of it waits, nor when the connection was closed behind it."""

    async def steps(side: Side) -> None:
        for begin in (BoundedHeads.pause_writing, BoundedHeads.timeout_keep_alive_handler):
            wire, connection = side.connect()
            wire.unread = 100_000
            connection.data_received(b"GET /api/contest HTTP/1.1\r\n\r\n")
            await until(lambda wire=wire: wire_has(wire, b"HTTP/1.1 200 "))
            begin(connection)
            now = 0.0
            for _ in range(5):  # slowly, but it is read
                connection.look(now)
                now += SOON * PATIENCE_S["read"]
                wire.unread -= 1
            connection.look(now)
            assert not wire.aborted
            connection.look(now + PATIENCE_S["read"])
            assert wire.aborted

    run(steps)


def use(connection: BoundedHeads, app: Any) -> None:
    """Lets `app` answer what comes on this connection."""
    connection.app = app
    connection._fast = None  # type: ignore[attr-defined]  # the lane's


BOTH = pytest.mark.parametrize("layer", ["lane", "asgi"])


@BOTH
def test_a_running_server_looks_after_each_connection(
    open_box: str, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With less patience, and twice: it looks again when connections come after all had gone."""
    monkeypatch.setattr(protocol, "LOOK_S", 0.02)
    monkeypatch.setitem(PATIENCE_S, "silent", 0.2)
    monkeypatch.setitem(PATIENCE_S, "head", 0.2)
    monkeypatch.setitem(PATIENCE_S, "body", 0.2)
    running = RunningApi(settings_for(open_box), layer=layer)
    try:
        for _ in range(2):
            assert to_the_end(running.port, b"") == b""
            assert too_slow(to_the_end(running.port, b"GET / HTTP/1.1\r\nHost: x\r\n"))
            assert too_slow(to_the_end(running.port, vote_for(1)[:-2] + b"Content-Length: 5\r\n\r\nhe"))
            answered = vote_for(1) + b"PUT /api/entries/1"
            assert b" 201 " in (both := to_the_end(running.port, answered))
            assert too_slow(both)
            wait_for(lambda: not running._server.server_state.connections, what="nobody is left")
    finally:
        running.stop()


@BOTH
def test_a_chunked_body_holds_no_more_than_a_head_does(open_box: str, layer: str) -> None:
    """Neither in the fields behind it nor in what is written beside a chunk's length."""
    running = RunningApi(settings_for(open_box), layer=layer)
    try:
        for begin, more in ((b"0\r\n", b"a: b\r\n" * 600), (b"0\r\na: ", b"a" * 4_096), (b"1;a", b"a" * 4_096)):
            with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
                connection.sendall(b"PUT /api/none HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + begin)
                sent = 0
                try:
                    while sent < 100 * HEAD_LIMIT:
                        connection.sendall(more)
                        sent += len(more)
                except ConnectionError:
                    pass
                assert sent < 100 * HEAD_LIMIT, begin
    finally:
        running.stop()


def to_the_end(port: int, sent: bytes) -> bytes:
    """All that the server answers until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def too_slow(answered: bytes) -> bool:
    return answered.endswith(problem_body(Code.TOO_SLOW)) and b"HTTP/1.1 408 " in answered
