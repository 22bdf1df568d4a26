"""Requests that two servers could read differently: through a real nginx to the real API, and to the API alone. What
one of them takes for the body of a request, no other may take for a request.
"""

import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from api.protocol import traffic
from tests.api.contest import open_contest, votes_in_box
from tests.api.running import RunningApi, new_account, settings_for, token_for
from tests.deploy.nginx import HOST, Ports, ask, needs_nginx, running_nginx, said_to, unchecked
from tests.servers import empty_valkey

pytestmark = needs_nginx


class Way(NamedTuple):
    """How a request comes to the API."""

    name: str
    api: RunningApi
    box_url: str
    ports: Ports | None
    """Of nginx; None: straight."""

    def say(self, sent: bytes) -> bytes:
        return said_to(self.ports.https, sent) if self.ports else said_to(self.api.port, sent, tls=False)

    def innocent(self) -> int:
        """The status of a read by somebody else, who may get the connection that was used before."""
        if self.ports:
            return ask(self.ports.https, "GET", "/api/contest").status
        return self.api.client.get("/api/contest").status_code


@pytest.fixture(scope="module")
def ways(box_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Way]]:
    empty_valkey(box_url)
    open_contest(box_url)
    apis = {
        layer: RunningApi(settings_for(box_url, trusted_proxies="127.0.0.1"), layer=layer) for layer in ("lane", "asgi")
    }
    with ExitStack() as stack:
        for api in apis.values():
            stack.callback(api.stop)
            api.wait_ready()
        ports = stack.enter_context(running_nginx(tmp_path_factory.mktemp("nginx"), apis["lane"].port))
        yield {
            "through nginx": Way("nginx", apis["lane"], box_url, ports),
            "to the lane": Way("lane", apis["lane"], box_url, None),
            "to the ASGI layer": Way("asgi", apis["asgi"], box_url, None),
        }


@pytest.fixture(params=["through nginx", "to the lane", "to the ASGI layer"])
def way(request: pytest.FixtureRequest, ways: dict[str, Way]) -> Way:
    return ways[request.param]


def vote(entry: int, *fields: bytes, line: bytes = b"PUT %b HTTP/1.1") -> bytes:
    """The head of a genuine vote of a new account, without the empty line behind it."""
    token = token_for(new_account(), time.time()).encode()
    path = b"/api/entries/%d/vote" % entry
    lines = [line.replace(b"%b", path), b"Host: " + HOST.encode(), b"Authorization: Bearer " + token, *fields]
    return b"\r\n".join(lines) + b"\r\n"


def hidden() -> bytes:
    """A whole vote, which would count if anybody took it for a request."""
    return vote(2) + b"\r\n"


def length(of: bytes) -> bytes:
    return b"Content-Length: %d" % len(of)


CHUNKED = b"Transfer-Encoding: chunked"
EMPTY = b"0\r\n\r\n"


def chunk(of: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(of), of)


def carrying(*fields: bytes, body: Callable[[bytes], bytes]) -> bytes:
    """A vote for entry 1 whose body holds another: `fields` with `%d` for the body's length."""
    content = body(hidden())
    return vote(1, *(field.replace(b"%d", b"%d" % len(content)) for field in fields)) + b"\r\n" + content


# name → what is sent. In each of them the second vote stands in what somebody may take for the body of the first.
HIDDEN: dict[str, Callable[[], bytes]] = {
    "CL.TE": lambda: carrying(b"Content-Length: %d", CHUNKED, body=lambda vote: EMPTY + vote),
    "TE.CL": lambda: carrying(CHUNKED, b"Content-Length: 4", body=lambda vote: chunk(vote) + EMPTY),
    "CL.0 and TE": lambda: carrying(b"Content-Length: 0", CHUNKED, body=lambda vote: chunk(vote) + EMPTY),
    "TE.TE": lambda: carrying(CHUNKED, b"Transfer-Encoding: identity", body=lambda vote: chunk(vote) + EMPTY),
    "TE.TE, turned": lambda: carrying(b"Transfer-Encoding: x", CHUNKED, body=lambda vote: chunk(vote) + EMPTY),
    "TE twice": lambda: carrying(CHUNKED, CHUNKED, body=lambda vote: chunk(vote) + EMPTY),
    "two lengths": lambda: carrying(b"Content-Length: 0", b"Content-Length: %d", body=lambda vote: vote),
    "two lengths, turned": lambda: carrying(b"Content-Length: %d", b"Content-Length: 0", body=lambda vote: vote),
    "lengths in one field": lambda: carrying(b"Content-Length: 0, %d", body=lambda vote: vote),
    "a length with a sign": lambda: carrying(b"Content-Length: +%d", body=lambda vote: vote),
    "a negative length": lambda: carrying(b"Content-Length: -1", body=lambda vote: vote),
    "a length in hexadecimal": lambda: carrying(b"Content-Length: 0x5", body=lambda vote: vote),
    "a length with blanks": lambda: carrying(b"Content-Length: 1 0", body=lambda vote: vote),
    "an empty length": lambda: carrying(b"Content-Length:", CHUNKED, body=lambda vote: chunk(vote) + EMPTY),
    "a length beyond all numbers": lambda: carrying(b"Content-Length: 18446744073709551616", body=lambda vote: vote),
    "a blank before the colon": lambda: carrying(
        b"Transfer-Encoding : chunked", b"Content-Length: %d", body=lambda vote: EMPTY + vote
    ),
    "a coding that is none": lambda: carrying(
        b"Transfer-Encoding: xchunked", b"Content-Length: %d", body=lambda vote: EMPTY + vote
    ),
    "an unknown coding alone": lambda: carrying(b"Transfer-Encoding: xchunked", body=lambda vote: chunk(vote) + EMPTY),
    "two codings": lambda: carrying(b"Transfer-Encoding: gzip, chunked", body=lambda vote: chunk(vote) + EMPTY),
    "chunked first": lambda: carrying(b"Transfer-Encoding: chunked, x", body=lambda vote: chunk(vote) + EMPTY),
    "a quoted coding": lambda: carrying(
        b'Transfer-Encoding: "chunked"', b"Content-Length: %d", body=lambda vote: EMPTY + vote
    ),
    "a coding with a tab": lambda: carrying(
        b"Transfer-Encoding:\x0bchunked", b"Content-Length: %d", body=lambda vote: EMPTY + vote
    ),
    "obs-fold": lambda: carrying(
        b"Transfer-Encoding:\r\n chunked", b"Content-Length: %d", body=lambda vote: EMPTY + vote
    ),
    "a folded field": lambda: carrying(
        b"A: b\r\n Transfer-Encoding: chunked", b"Content-Length: %d", body=lambda vote: EMPTY + vote
    ),
    "NUL in a name": lambda: carrying(
        b"Transfer-Encoding\0: chunked", b"Content-Length: %d", body=lambda vote: EMPTY + vote
    ),
    "NUL in a value": lambda: carrying(
        b"Transfer-Encoding: chunked\0", b"Content-Length: %d", body=lambda vote: EMPTY + vote
    ),
    "bare CR": lambda: carrying(
        b"A: b\rTransfer-Encoding: chunked", b"Content-Length: %d", body=lambda vote: EMPTY + vote
    ),
    "bare LF": lambda: carrying(
        b"A: b\nTransfer-Encoding: chunked", b"Content-Length: %d", body=lambda vote: EMPTY + vote
    ),
    "a bare LF in chunks": lambda: carrying(CHUNKED, body=lambda vote: chunk(vote).replace(b"\r\n", b"\n", 1) + EMPTY),
    "a bare LF behind a chunk": lambda: carrying(CHUNKED, body=lambda vote: chunk(vote)[:-2] + b"\n" + EMPTY),
    "a chunk's extension": lambda: carrying(
        CHUNKED, body=lambda vote: chunk(vote).replace(b"\r\n", b";a=b\r\n", 1) + EMPTY
    ),
    "an extension with a bare LF": lambda: carrying(
        CHUNKED, body=lambda vote: b"%x;\n" % (len(vote) + 9) + b"a" * 9 + vote + b"\r\n" + EMPTY
    ),
    "a chunk's length beyond all numbers": lambda: carrying(
        CHUNKED, body=lambda vote: b"1" + b"0" * 16 + b"5\r\n" + vote + EMPTY
    ),
    "a chunk's length with 0x": lambda: carrying(CHUNKED, body=lambda vote: b"0x" + chunk(vote) + EMPTY),
    "a negative chunk": lambda: carrying(CHUNKED, body=lambda vote: b"-1\r\n" + vote + b"\r\n" + EMPTY),
    "a body behind a version that knows no chunks": lambda: carrying(
        CHUNKED, body=lambda vote: chunk(vote) + EMPTY
    ).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "a whole body": lambda: carrying(b"Content-Length: %d", body=lambda vote: vote),
    "whole chunks": lambda: carrying(CHUNKED, body=lambda vote: chunk(vote) + EMPTY),
    "fields behind chunks": lambda: carrying(CHUNKED, body=lambda vote: b"0\r\nA: b\r\n" + vote),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_hidden_in_a_body_never_becomes_a_request(way: Way, name: str) -> None:
    """At most one vote is counted and one request answered; who comes next gets the own answer."""
    votes, requests = votes_in_box(way.box_url), traffic()[1]
    answered = way.say(HIDDEN[name]())
    counted, reached = votes_in_box(way.box_url) - votes, traffic()[1] - requests
    statuses = re.findall(rb"HTTP/1\.1 (\d+)", answered)
    assert counted <= reached <= 1, answered
    assert b'entry_id":2' not in answered
    assert (counted == 1) == (b'"counted"' in answered)
    # A refusal by the parser may stand behind the one answer; then the connection is closed.
    assert statuses[1:] in ([], [b"400"])
    assert len(statuses) == 1 or way.ports is None
    assert [way.innocent() for _ in range(3)] == [200] * 3


@pytest.mark.parametrize("name", ["a whole body", "whole chunks", "a chunk's extension"])
def test_a_body_that_means_one_thing_is_read_and_its_vote_counted(way: Way, name: str) -> None:
    """Else the test before would show nothing."""
    votes = votes_in_box(way.box_url)
    assert b'"counted"' in way.say(HIDDEN[name]())
    assert votes_in_box(way.box_url) == votes + 1
    assert way.say(hidden() + hidden()).count(b'"counted"') == 2, "plain requests, one behind the other"


REFUSED = (
    "CL.TE",
    "TE.CL",
    "CL.0 and TE",
    "TE.TE",
    "TE twice",
    "two lengths",
    "lengths in one field",
    "NUL in a value",
)


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_two_meanings_has_none(way: Way, name: str) -> None:
    votes = votes_in_box(way.box_url)
    answered = way.say(HIDDEN[name]())
    assert answered.startswith(b"HTTP/1.1 400 "), answered
    assert b'"code":"malformed"' in answered
    assert votes_in_box(way.box_url) == votes


LINES = {
    "an absolute address of another host": b"PUT http://evil.example%b HTTP/1.1",
    "an absolute address": b"PUT https://" + HOST.encode() + b"%b HTTP/1.1",
    "NUL in the path": b"PUT %b%00 HTTP/1.1",
    "a real NUL": b"PUT %b\0 HTTP/1.1",
    "dots": b"PUT /x/..%b HTTP/1.1",
    "written dots": b"PUT /x/%2e%2e%b HTTP/1.1",
    "written slashes": b"PUT /x%2f..%b HTTP/1.1",
    "a request in the path": b"PUT %b?%20HTTP/1.1%0d%0aHost:%20x%0d%0a%0d%0aGET%20/ HTTP/1.1",
    "two versions": b"PUT %b HTTP/1.1 HTTP/1.1",
    "a blank line before": b"\r\n\r\nPUT %b HTTP/1.1",
    "a fragment": b"PUT %b#/.. HTTP/1.1",
    "an old version": b"PUT %b HTTP/0.9",
    "no version": b"PUT %b",
}


@pytest.mark.parametrize("name", LINES)
def test_any_spelling_of_a_path_is_at_most_one_request(way: Way, name: str) -> None:
    votes, requests = votes_in_box(way.box_url), traffic()[1]
    answered = way.say(vote(1, line=LINES[name]) + b"\r\n")
    assert votes_in_box(way.box_url) - votes <= traffic()[1] - requests <= 1, answered
    assert answered.count(b"HTTP/1.1 ") <= 1 or way.ports is None
    assert [way.innocent() for _ in range(3)] == [200] * 3


INSIDE = (
    *("/metrics", "/%6detrics", "//metrics", "/./metrics", "/x/../metrics", "/x/..%2fmetrics", "/x%2f..%2fmetrics"),
    *(
        "/metrics/",
        "/metrics/.",
        "/metrics?x",
        "/metrics;x",
        "/metrics%00",
        "/metrics%20",
        "/metrics%2f",
        "/%256detrics",
    ),
    *("/metrics#x", "/x/%2e%2e/metrics", "/operator/../metrics", "/api/..//metrics", "/METRICS", "/static/../metrics"),
)


@pytest.mark.parametrize("path", INSIDE)
def test_no_spelling_of_a_path_opens_what_is_inside(ways: dict[str, Way], path: str) -> None:
    way = ways["through nginx"]
    assert way.ports is not None
    answered = way.say(b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
    assert answered.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 ", b"HTTP/1.1 303 ")), answered
    assert b"binhchon_" not in answered


def field(name: bytes, value: bytes) -> bytes:
    """A field in HPACK as it is written out, kept in no table (RFC 7541, 6.2.2)."""
    assert max(len(name), len(value)) < 127
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """RFC 9113, 4.1."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def over_http2(port: int, fields: list[tuple[bytes, bytes]], body: bytes) -> None:
    """A vote for entry 1 with further `fields` and a body; until nginx ends the stream or the connection."""
    token = token_for(new_account(), time.time()).encode()
    head = [
        *(
            (b":method", b"PUT"),
            (b":scheme", b"https"),
            (b":path", b"/api/entries/1/vote"),
            (b":authority", HOST.encode()),
        ),
        (b"authorization", b"Bearer " + token),
    ]
    block = b"".join(field(name, value) for name, value in [*head, *fields])
    context = unchecked()
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, context.wrap_socket(plain) as connection:
        assert connection.selected_alpn_protocol() == "h2"
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
        connection.sendall(frame(1, 4, 1, block) + frame(0, 1, 1, body))
        connection.settimeout(2)
        came = b""
        try:
            while not _ended(came) and (more := connection.recv(65_536)):
                came += more
        except (TimeoutError, ConnectionError):
            pass


def _ended(came: bytes) -> bool:
    """Whether the frames say that stream 1 or the connection has ended."""
    while len(came) >= 9:
        size, kind, flags = int.from_bytes(came[:3], "big"), came[3], came[4]
        if kind in (3, 7) or (kind in (0, 1) and flags & 1):
            return True
        came = came[9 + size :]
    return False


HTTP2: dict[str, Callable[[], tuple[list[tuple[bytes, bytes]], bytes]]] = {
    "a length that is too short": lambda: ([(b"content-length", b"0")], hidden()),
    "a length that is too long": lambda: ([(b"content-length", b"999")], hidden()),
    "a coding": lambda: ([(b"transfer-encoding", b"chunked")], EMPTY + hidden()),
    "a field in a value": lambda: ([(b"a", b"b\r\nTransfer-Encoding: chunked")], EMPTY + hidden()),
    "a request in a value": lambda: ([(b"a", b"b\r\n\r\nGET /api/contest HTTP/1.1\r\nHost: x\r\n\r\n")], b""),
    "a field in a name": lambda: ([(b"a: b\r\ntransfer-encoding", b"chunked")], EMPTY + hidden()),
    "a bare LF in a value": lambda: ([(b"a", b"b\ntransfer-encoding: chunked")], EMPTY + hidden()),
    "two paths": lambda: ([(b":path", b"/api/entries/2/vote")], b""),
    "two methods": lambda: ([(b":method", b"GET / HTTP/1.1\r\n\r\nPUT")], b""),
    "another host": lambda: ([(b"host", b"evil.example")], b""),
    "no length": lambda: ([], hidden()),
}


@pytest.mark.parametrize("name", HTTP2)
def test_http2_brings_one_request_or_none(ways: dict[str, Way], name: str) -> None:
    way = ways["through nginx"]
    assert way.ports is not None
    votes, requests = votes_in_box(way.box_url), traffic()[1]
    over_http2(way.ports.https, *HTTP2[name]())
    assert votes_in_box(way.box_url) - votes <= traffic()[1] - requests <= 1
    assert (votes_in_box(way.box_url) - votes == 1) or name != "no length", "that one is plain, and counts"
    assert [way.innocent() for _ in range(3)] == [200] * 3
