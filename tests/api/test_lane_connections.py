"""A connection of the vote lane, from its beginning to its end: stops, clients that leave or do not read, bounds."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from api.protocol import HEAD_LIMIT, MOST_WAITING, BoundedHeads, end_stream
from tests.api.contest import KEYS, open_contest, votes_in_box
from tests.api.running import AWAY_DATABASE, Logged
from tests.api.sides import Side, Wire, responses, rounds, unanswered, until, vote_for, wire_has
from tests.servers import ValkeyServer, wait_for

# What stands behind a vote when the server stops, and how many answers there are then: to all that was asked in full.
BEHIND = {
    "nothing": (b"", 1),
    "a piece of a vote": (b"PUT /api/entries/2/vote HTTP/1.1\r\nHost: x\r\n", 1),
    "a vote": (b"%b", 2),
    "votes and a piece of one": (b"%b%b%bPUT /api/entries/2/vo", 4),
    "a page": (b"GET /api/contest HTTP/1.1\r\nIf-None-Match: *\r\n\r\n", 2),
    "a vote, and what FastAPI answers": (b"%bGET /api/none HTTP/1.1\r\n\r\n", 3),
    "a vote with a body": (b"PUT /api/entries/2/vote HTTP/1.1\r\nContent-Length: 2\r\n\r\nhe", 2),
}


@pytest.mark.parametrize(("behind", "expected"), BEHIND.values(), ids=BEHIND)
def test_a_stop_lets_what_was_asked_be_answered_and_then_closes(
    sides: tuple[asyncio.AbstractEventLoop, Side, Side], behind: bytes, expected: int
) -> None:
    loop, *both = sides
    sent = vote_for(1) + behind % tuple(vote_for(number % 3 + 1) for number in range(behind.count(b"%b")))
    votes = sent.count(b"Bearer")

    async def steps(side: Side) -> bytes:
        wire, connection = side.connect()
        idle, its_connection = side.connect()
        before = votes_in_box(side.box.url)
        side.box.hang()
        connection.data_received(sent)
        connection.shutdown()
        its_connection.shutdown()
        assert idle.closing
        assert not wire.closing
        side.box.wake()
        await until(lambda: wire.closing)
        await until(lambda: not unanswered(side))
        assert votes_in_box(side.box.url) == before + votes
        return wire.written

    by_lane, by_asgi = (loop.run_until_complete(steps(side)) for side in both)
    assert by_lane == by_asgi
    answers = responses(by_lane)
    assert len(answers) == expected
    assert [b"\r\nconnection: close\r\n" in answer for answer in answers] == [False] * (expected - 1) + [True]


def test_a_body_that_comes_after_the_stop_is_waited_for(sides: tuple[asyncio.AbstractEventLoop, Side, Side]) -> None:
    loop, *both = sides
    with_a_body = vote_for(2).replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n")
    sent = vote_for(1) + with_a_body + b"h"

    async def steps(side: Side) -> bytes:
        wire, connection = side.connect()
        side.box.hang()
        connection.data_received(sent)
        connection.shutdown()
        side.box.wake()
        await until(lambda: wire.written.count(b"HTTP/1.1 ") == 1)
        await rounds()
        assert not wire.closing
        connection.data_received(b"e")
        await until(lambda: wire.closing)
        return wire.written

    by_lane, by_asgi = (loop.run_until_complete(steps(side)) for side in both)
    assert by_lane == by_asgi
    assert by_lane.count(b'"counted"') == 2


SERVE = "from models.settings import load_settings; from api.serve import serve; serve(load_settings().require_stack())"


def test_a_process_that_is_told_to_stop_answers_all_that_was_asked(
    valkey_factory: Callable[..., ValkeyServer], tmp_path: Path
) -> None:
    """SIGTERM while the box hangs: a vote is in flight on each connection, others and a piece of one are behind it."""
    box, clients = valkey_factory(), 20
    open_contest(box.url)
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
        "WEB_CONCURRENCY": "1",  # of two, one may hear of the stop when the box answers again already
    }
    with (
        subprocess.Popen([sys.executable, "-c", SERVE], env=environment, stderr=subprocess.PIPE) as process,
        ExitStack() as stack,
    ):
        try:
            wait_for(lambda: b" 200 " in asked(address, b"/health/ready"), 20, what="the process is ready")
            connections = [stack.enter_context(socket.create_connection(address, 10)) for _ in range(clients + 1)]
            for connection in connections:
                connection.sendall(b"GET /api/contest HTTP/1.1\r\nIf-None-Match: *\r\n\r\n")
                assert connection.recv(4_096).startswith(b"HTTP/1.1 304 ")  # in one piece: the lane wrote it
            idle = connections.pop()
            box.hang()
            for connection in connections:
                connection.sendall(vote_for(1) + vote_for(2) + vote_for(3) + vote_for(1)[:-9])
            for _ in range(2):  # what came before has been read when this is answered
                assert asked(address, b"/health/live").startswith(b"HTTP/1.1 200 ")
            process.send_signal(signal.SIGTERM)
            assert to_the_end(idle) == b"", "closed at once when the process begins to stop"
            box.wake()
            for connection in connections:
                answers = responses(to_the_end(connection))
                assert [answer.split(b" ", 2)[1] for answer in answers] == [b"201"] * 3
                assert [b"\r\nconnection: close\r\n" in answer for answer in answers] == [False, False, True]
            assert process.wait(10) == 0
        finally:
            process.kill()
    assert votes_in_box(box.url) == 3 * clients


def to_the_end(connection: socket.socket) -> bytes:
    return b"".join(iter(partial(connection.recv, 65_536), b""))


def asked(address: tuple[str, int], path: bytes) -> bytes:
    """The answer to one request on a connection of its own; empty where nobody listens yet."""
    try:
        with socket.create_connection(address, 10) as connection:
            connection.sendall(b"GET %b HTTP/1.1\r\nConnection: close\r\n\r\n" % path)
            return to_the_end(connection)
    except ConnectionError:
        return b""


def test_the_vote_of_a_client_that_left_counts(lane: tuple[asyncio.AbstractEventLoop, Side], logged: Logged) -> None:
    loop, side = lane

    async def steps() -> None:
        before = votes_in_box(side.box.url)
        wire, connection = side.connect()
        connection.data_received(vote_for(1) + vote_for(2))
        wire.closing = True
        connection.connection_lost(None)
        wire.gone = True
        await until(lambda: not unanswered(side))
        await rounds()
        assert votes_in_box(side.box.url) == before + 1, "what stood behind it was not asked yet"
        assert wire.written == b""

    loop.run_until_complete(steps())
    assert logged.errors == []


def test_a_client_that_does_not_read_is_not_written_to(lane: tuple[asyncio.AbstractEventLoop, Side]) -> None:
    loop, side = lane

    async def steps() -> None:
        before = votes_in_box(side.box.url)
        wire, connection = side.connect()
        connection.pause_writing()
        connection.data_received(vote_for(1))
        await until(lambda: votes_in_box(side.box.url) == before + 1 and not unanswered(side))
        await rounds()
        assert wire.written == b""
        connection.resume_writing()
        await until(lambda: wire.written.endswith(b"}"))

    loop.run_until_complete(steps())


def test_what_comes_behind_a_vote_waits_within_bounds(lane: tuple[asyncio.AbstractEventLoop, Side]) -> None:
    loop, side = lane

    async def steps() -> None:
        wire, connection = side.connect()
        side.box.hang()
        sent = 0
        connection.data_received(vote_for(1))
        while wire.reading:
            connection.data_received(vote_for(2))
            sent += 1
        assert 100 < sent < 1_000
        side.box.wake()
        await until(lambda: wire.written.count(b'"counted"') == sent + 1)
        assert wire.reading
        assert re.findall(rb'"entry_id":(\d)', wire.written) == [b"1", *[b"2"] * sent]

    loop.run_until_complete(steps())


def test_an_idle_connection_is_closed_and_no_earlier(lane: tuple[asyncio.AbstractEventLoop, Side]) -> None:
    loop, side = lane
    side.config.timeout_keep_alive = 0.2

    async def steps() -> None:
        wire, connection = side.connect()
        began = answered = loop.time()
        for number in range(1, 6):  # over longer than the time-out, each within it
            await until(lambda number=number: loop.time() > began + 0.05 * number)
            connection.data_received(vote_for(1))
            await until(lambda number=number: wire.written.count(b"HTTP/1.1 ") == number)
            assert not wire.closing
            answered = loop.time()
        await until(lambda: wire.closing)
        assert 0.19 < loop.time() - answered < 2.0
        waiting, its_connection = side.connect()
        its_connection.data_received(vote_for(1))
        await until(lambda: waiting.written)
        side.box.hang()
        its_connection.data_received(vote_for(2))
        began = loop.time()
        await until(lambda: loop.time() > began + 0.5)
        assert not waiting.closing
        side.box.wake()
        await until(lambda: waiting.closing)
        assert waiting.written.count(b"HTTP/1.1 201 ") == 2

    loop.run_until_complete(steps())


def test_a_plain_vote_and_a_page_need_no_scope(lane: tuple[asyncio.AbstractEventLoop, Side]) -> None:
    loop, side = lane

    async def steps() -> None:
        wire, connection = side.connect()
        connection.data_received(vote_for(1) + b"GET /api/contest HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: wire.written.count(b"HTTP/1.1 ") == 2)
        assert connection.scope is None
        connection.data_received(b"GET /khong-co HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.scope["path"] == "/khong-co"
        await until(lambda: wire.written.count(b"HTTP/1.1 ") == 3)

    loop.run_until_complete(steps())


def test_a_new_date_is_sent_as_soon_as_there_is_one(lane: tuple[asyncio.AbstractEventLoop, Side]) -> None:
    loop, side = lane

    async def steps() -> None:
        wire, connection = side.connect()
        for number, day in enumerate((b"today", b"tomorrow", b"tomorrow"), 1):
            connection.server_state.default_headers = [(b"date", day)]
            connection.data_received(vote_for(1) + b"GET /api/contest HTTP/1.1\r\nIf-None-Match: *\r\n\r\n")
            await until(lambda number=number: wire.written.count(b"HTTP/1.1 304 ") == number)
        assert re.findall(rb"\r\ndate: (\w+)\r\n", wire.written) == [b"today"] * 2 + [b"tomorrow"] * 4

    loop.run_until_complete(steps())


UNUSUAL = {"a root path": ("root_path", "/x"), "a limit": ("limit_concurrency", 100), "a log": ("access_log", True)}


@pytest.mark.parametrize(("name", "value"), UNUSUAL.values(), ids=UNUSUAL)
def test_with_a_setting_that_it_does_not_honour_the_lane_stands_aside(
    lane: tuple[asyncio.AbstractEventLoop, Side], name: str, value: object
) -> None:
    loop, side = lane
    setattr(side.config, name, value)

    async def steps() -> None:
        wire, connection = side.connect()
        connection.data_received(vote_for(1))
        assert connection.scope["method"] == "PUT"
        await until(lambda: wire.written.endswith(b"}"))

    loop.run_until_complete(steps())


@pytest.mark.parametrize("number", [0, 1], ids=["lane", "asgi"])
def test_requests_that_wait_are_bounded(sides: tuple[asyncio.AbstractEventLoop, Side, Side], number: int) -> None:
    loop, side = sides[0], sides[1:][number]
    request = b"GET /api/none HTTP/1.1\r\nX: " + b"a" * 70 + b"\r\n\r\n"

    async def steps() -> None:
        wire, connection = side.connect()
        connection.data_received(request * MOST_WAITING + request[:-3])
        connection.data_received(request[-3:])
        assert not wire.closing, "what came in one piece with the beginning of a head is not of that head"
        await until(lambda: wire.written.count(b"HTTP/1.1 404 ") == MOST_WAITING + 1)
        wire, connection = side.connect()
        connection.data_received(request * 3 * MOST_WAITING)
        assert wire.closing
        assert len(connection.pipeline) <= MOST_WAITING + 1
        connection.connection_lost(None)
        await rounds()

    loop.run_until_complete(steps())


def test_a_stream_is_ended_also_where_a_request_waits_behind_it() -> None:
    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode(), "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    async def steps() -> None:
        config = Config(endless, http=BoundedHeads, lifespan="off", log_config=None)
        config.load()
        for stopping in (False, True):
            wire, connection = Wire(), BoundedHeads(config, ServerState(), {}, _loop=asyncio.get_running_loop())
            connection.connection_made(wire)
            connection.data_received(b"GET /operator/live HTTP/1.1\r\n\r\nGET /other HTTP/1.1\r\n\r\n")
            await until(partial(wire_has, wire, b"/operator/live"))
            if stopping:
                connection.shutdown()
            else:
                end_stream(connection.client)
            assert wire.closing
            connection.connection_lost(None)
            await asyncio.wait_for(asyncio.gather(*connection.tasks), 10)

    asyncio.run(steps())


def test_a_flood_behind_a_vote_waits_with_its_client(lane: tuple[asyncio.AbstractEventLoop, Side]) -> None:
    loop, side = lane

    async def steps() -> None:
        wire, connection = side.connect()
        segment, sent = vote_for(2) * 500, 0
        for _ in range(5):
            await until(lambda: wire.reading)
            connection.data_received(segment)
            sent += 500
            assert len(connection._later) < HEAD_LIMIT + len(segment)
        await until(lambda: wire.written.count(b"HTTP/1.1 ") == sent)

    loop.run_until_complete(steps())
