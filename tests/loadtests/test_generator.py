"""Both load generators: the same votes in the same order, none twice, and what they tell."""

import asyncio
import os
import re
import shutil
import threading
from contextlib import contextmanager

import pytest

from loadtests.bench import generator
from loadtests.bench.generator import PLAIN, SCRIPT, BenchError, Requests, Votes, find_generator, run_script, run_votes

LINES, ENTRIES = 60_000, [7, 8, 9, 10]
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


class Server(asyncio.Protocol):
    """Answers each request with `answer` and keeps it in `came`."""

    answer = CREATED

    def __init__(self, came):
        self.came, self.waiting = came, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            head = self.waiting[:end]
            length = int(re.search(rb"(?i)content-length: (\d+)|$", head)[1] or 0)
            if len(self.waiting) < end + 4 + length:
                return
            self.came.append((head, self.waiting[end + 4 : end + 4 + length]))
            self.waiting = self.waiting[end + 4 + length :]
            self.transport.write(self.answer)


@contextmanager
def serving(answer=CREATED):
    """Yields port and requests (head, body) that came."""
    came, loop = [], asyncio.new_event_loop()
    protocol = type("Answering", (Server,), {"answer": answer})
    server = loop.run_until_complete(loop.create_server(lambda: protocol(came), "127.0.0.1", 0, backlog=1024))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1], came
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@pytest.fixture(params=["wrk", "autocannon"])
def named(request, monkeypatch):
    """Its name; the other one is out of sight."""
    if request.param == "autocannon":
        if not generator._PACKAGE.exists():
            (pytest.fail if os.environ.get("CI") else pytest.skip)("no autocannon: run `make install`")
        monkeypatch.setattr(generator.shutil, "which", lambda _name: None)
    elif shutil.which("wrk") is None:
        pytest.skip("wrk is not installed (apt install wrk)")
    return request.param


@pytest.fixture
def tokens(tmp_path):
    path = tmp_path / "tokens"
    path.write_text("".join(f"{number:056d}\n" for number in range(LINES)))
    return path


def asked_for(came):
    """(entry, token) of each request."""
    found = []
    for head, body in came:
        match = re.fullmatch(rb"PUT /api/entries/(\d+)/vote HTTP/1\.1\r\n(?s:.*)Bearer (\d+)(?s:.*)", head)
        assert match, head
        assert body == b""
        assert b"content-length: 0" in head.lower()
        found.append((int(match[1]), int(match[2])))
    return found


def test_votes_are_those_of_their_numbers_and_none_comes_twice(named, tokens, monkeypatch):
    monkeypatch.setattr(generator, "CONNECTIONS", 3)
    first = LINES - 5  # soon after it the file is walked again, for other entries
    votes = Votes(tokens, ENTRIES, first)
    with serving() as (port, came):
        load = votes.run(port, 1)
    assert load.generator == find_generator()
    assert load.generator.startswith(named)
    assert load.generator_us > 0
    assert 100 < load.requests <= len(came) <= load.made <= load.requests + 4
    assert (votes.first, votes.answered) == (first + load.made, load.requests)  # the next run sends none of these
    asked = asked_for(came)
    assert len(set(asked)) == len(asked)
    numbers = range(first, first + load.made)
    assert set(asked) <= {(ENTRIES[(n % LINES + n // LINES) % len(ENTRIES)], n % LINES) for n in numbers}


def test_pages_and_bodies(named, tmp_path, monkeypatch):
    monkeypatch.setattr(generator, "CONNECTIONS", 2)
    with serving() as (port, came):
        run_script(PLAIN, port, 1, "/some/page")
    assert {head.split(b"\r\n")[0] for head, _ in came} == {b"GET /some/page HTTP/1.1"}
    assert all(b"Accept-Encoding: gzip, deflate, br" in head for head, _ in came)
    bodies = tmp_path / "bodies"
    bodies.write_text("".join(f'{{"n": {number}}}\n' for number in range(400_000)))
    with serving() as (port, came):
        load = run_script(PLAIN, port, 1, "/api/login", str(bodies), "2")
    sent = [body for _, body in came]
    assert len(set(sent)) == len(sent) >= load.requests
    assert b'{"n": 1}' not in sent
    assert {head.split(b"\r\n")[0] for head, _ in came} == {b"POST /api/login HTTP/1.1"}


def test_refusals_and_a_closed_door_are_no_measurement(named, tokens, monkeypatch):
    monkeypatch.setattr(generator, "CONNECTIONS", 2)
    with serving(BUSY) as (port, _came), pytest.raises(BenchError, match="no measurement"):
        run_votes(port, 1, Requests(tokens, ENTRIES, 0))
    with pytest.raises(BenchError):
        run_votes(port, 1, Requests(tokens, ENTRIES, 0))


def test_says_that_there_is_no_generator(monkeypatch, tmp_path):
    monkeypatch.setattr(generator.shutil, "which", lambda _name: None)
    monkeypatch.setattr(generator, "_PACKAGE", tmp_path / "nothing")
    with pytest.raises(BenchError, match="apt install wrk"):
        find_generator()


def test_autocannon_does_not_pace(monkeypatch):
    monkeypatch.setattr(generator.shutil, "which", lambda _name: None)
    with pytest.raises(BenchError, match="wrk is not installed"):
        run_script(SCRIPT.with_name("paced.lua"), 1, 1)
