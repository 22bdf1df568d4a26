"""The vote lane beside the ASGI layer: any requests, cut anywhere, get the same bytes from both."""

import asyncio
import itertools
import os
import re
import signal
import socket
import string
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httptools
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uvicorn.config import Config
from uvicorn.lifespan.on import LifespanOn
from uvicorn.server import ServerState

from api import snapshot
from api.app import create_app
from api.head import READ_LINE, VOTE_LINE, header_fields
from api.lane import VoteLane
from api.protocol import HEAD_LIMIT, MOST_WAITING, BoundedHeads, end_stream
from api.serve import uvicorn_config
from models.ballot_box.keys import shard_keys
from models.ballot_box.reading import Reading
from models.event import HEAD
from tests.api.contest import CONTEST_ID, DAY_MS, KEYS, open_contest, votes_in_box
from tests.api.running import AWAY_DATABASE, Logged, settings_for, token_for
from tests.servers import ValkeyServer, wait_for

EXAMPLES = 400
ACCOUNTS = 3  # of each example, new ones
_numbers = itertools.count(1)


class Wire(asyncio.Transport):
    """The end of a connection that a test holds: what was written, and what the server wants of it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False
        self.gone = False
        self.reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 4711), "sockname": ("127.0.0.1", 8000)}.get(name, default)

    def write(self, data: Any) -> None:
        if self.gone:
            raise RuntimeError("the handler is closed")  # as uvloop says it
        if not self.closing:
            self.written += data

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_reading(self) -> bool:
        return self.reading


class Seen(NamedTuple):
    """What came of one connection."""

    written: bytes
    requests: int
    """Counted as answered by the server."""
    votes: list[bytes]
    """Events in the log, without their times."""
    counts: dict[str, int]
    """Votes by outcome, as the metrics have them."""


@dataclass
class Side:
    """One of the two: its application on a box of its own, and the protocol that is asked."""

    protocol: type[BoundedHeads]
    config: Any
    app: Any
    box: ValkeyServer
    log: redis.Redis

    def connect(self) -> tuple[Wire, BoundedHeads]:
        """A new connection, in the running loop."""
        state = ServerState()
        state.default_headers = [(b"date", b"today")]
        wire, connection = Wire(), self.protocol(self.config, state, {}, _loop=asyncio.get_running_loop())
        connection.connection_made(wire)
        return wire, connection

    async def answers(self, segments: list[bytes], waits: list[bool]) -> Seen:
        """What comes of a client that sends `segments`, and after some of them waits for its answers."""
        wire, connection = self.connect()
        before, last = self.counts(), self._events(b"-")[-1][0]
        for segment, wait in zip(segments, waits, strict=True):
            while not wire.reading and not wire.closing:  # noqa: ASYNC110 - a transport says nothing when it reads again
                await asyncio.sleep(0)
            if wire.closing:
                break
            connection.data_received(segment)
            if wait:
                await self._settled(connection, wire)
        await self._settled(connection, wire)
        wire.closing = True
        connection.connection_lost(None)
        counts = {outcome: number - before.get(outcome, 0) for outcome, number in self.counts().items()}
        votes = [fields[b"e"][1:2] + fields[b"e"][HEAD.size :] for _, fields in self._events(b"(" + last)]
        requests = connection.server_state.total_requests
        return Seen(wire.written, requests, votes, {outcome: number for outcome, number in counts.items() if number})

    def counts(self) -> dict[str, int]:
        """Answers to votes by outcome, published or not yet."""
        metrics = self.app.casting._metrics
        waiting = {"counted": metrics.counted, "already_voted": metrics.again}
        return dict(metrics.answered + Counter(waiting) + metrics._refused)

    def _events(self, begin: bytes) -> list[Any]:
        found: Any = self.log.xrange(shard_keys(CONTEST_ID, 0).log, begin)
        return list(found)

    async def _settled(self, connection: BoundedHeads, wire: Wire) -> None:
        """Until everything that was asked in full is answered. What waits for a body that never comes stays so: for
        that one a few rounds of the loop are enough, since nothing else is under way.
        """
        still = 0
        while still < 30:
            before = wire.written
            await asyncio.sleep(0)
            unanswered = self.app.casting._intake.unanswered or getattr(connection, "_asked", False)
            cycle = connection.cycle
            asked = cycle is not None and not cycle.more_body and not cycle.response_complete and not wire.closing
            still = still + 1 if wire.written == before and not unanswered and not asked else 0


@pytest.fixture
def sides(
    valkey_factory: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[asyncio.AbstractEventLoop, Side, Side]]:
    """A loop, the lane and the ASGI layer alone, each with a box of its own and the same contest in it.

    For the pages of both the box's clock stands still, at the beginning of a minute: pages name their minute.
    """
    now, loop, made, lives = int(time.time() * 1000), asyncio.new_event_loop(), [], []
    read_box, minute = snapshot.read_box, now - now % 60_000

    async def read_at_one_time(*asked: Any) -> Reading | None:
        reading = await read_box(*asked)
        return None if reading is None else replace(reading, box_ms=minute)

    monkeypatch.setattr(snapshot, "read_box", read_at_one_time)
    for protocol in (VoteLane, BoundedHeads):
        box = valkey_factory()
        open_contest(box.url, opens_at=now - DAY_MS, closes_at=now + DAY_MS, result_policy="hidden")
        chosen = settings_for(box.url, trusted_proxies="127.0.0.1")
        app = create_app(chosen)
        config = uvicorn_config(chosen, app)
        config.http = protocol
        config.load()
        lives.append(LifespanOn(config))
        loop.run_until_complete(lives[-1].startup())
        made.append(Side(protocol, config, app, box, redis.Redis.from_url(box.url)))
    yield loop, made[0], made[1]
    for side in made:
        side.log.close()
    for life in lives:
        loop.run_until_complete(life.shutdown())
    loop.close()


# What is sent: mostly votes as browsers send them, and everything that may be wrong with one.
TARGETS = (
    *(f"/api/entries/{entry}/vote" for entry in (1, 2, 3)),
    *("/api/entries/9/vote", "/api/entries/01/vote", "/api/entries/2147483648/vote", "/api/entries//vote"),
    *("/api/entries/1/vote?x=1", "/api/entries/%31/vote", "/api/entries/1/vote/", "//api/entries/1/vote", "*"),
    *("http://x/api/entries/1/vote", "/api/entries/1/vote#x", "/api/entries/\xe9/vote", "/api/entries/a b/vote"),
    *("/api/contest", "/api/entries", "/the-le", "/khong-co", "/", "/?a=1", "/static/khong-co.css", "/api/tallies"),
)
FIELDS = (
    *(b"Host: x", b"HOST:x", b"Accept: */*", b"Accept-Encoding: br", b"Accept-Encoding: gzip, br", b"If-None-Match: *"),
    *(b"User-Agent: a", b"User-Agent:\tb \t", b"X-Forwarded-For: 10.0.0.1", b"Origin: http://x", b"Origin: http://y"),
    *(b"X-Forwarded-For: 10.0.0.1, 10.0.0.2:80 ", b"Sec-Fetch-Site: ", b"For-Account:", b"Content-Length: 0 "),
    *(b"Connection: keep-alive", b"Connection: Keep-Alive", b"Connection: close", b"Connection: close, x", b"Te: x"),
    *(b"Proxy-Connection: close", b"Content-Length: 0", b"Content-Length: +0", b"Content-Length: 00", b"Expect: x"),
    *(b"Expect: 100-continue", b"Upgrade: websocket", b"Connection: Upgrade", b"Transfer-Encoding: identity"),
    *(b"Sec-Fetch-Site: same-origin", b"Sec-Fetch-Site: cross-site", b"For-Account: x", b"Empty:", b"No colon"),
    *(b"Space : x", b": none", b" folded", b"Nul: a\x00b", b"Return: a\rb", b"Feed: a\nb", b"High: \xff", b"N\xc3: x"),
    *(b"Authorization: Basic x", b"Authorization: Bearer x", b"X-Long: " + b"a" * 3_000),
)
HOLDERS = (
    *(b"Authorization: Bearer %b", b"authorization:bearer %b", b"Authorization:  Bearer  %b ", b"X-Nothing: %b"),
    *(b"Cookie: session=%b\r\nSec-Fetch-Site: same-origin", b"Cookie: a=1; session=%b\r\nOrigin: http://x\r\nHost: x"),
    *(b"Cookie: session=%b", b"Authorization: Bearer %b\r\nAuthorization: Bearer x"),
    *(b"Cookie: session=%b\r\nSec-Fetch-Site: same-origin ", b"Cookie: session=%b\r\nOrigin: http://x\t\r\nHost: x"),
    *(
        b"Authorization: Bearer x\r\nAuthorization: Bearer %b",
        b"Cookie: session=x\r\nCookie: session=%b\r\nOrigin: http://x",
    ),
)
BODIES = (
    *(
        b"Content-Length: 5\r\n\r\nhello",
        b"Content-Length: 5\r\n\r\nhe",
        b"Content-Length: 70000\r\n\r\n" + b"a" * 70_000,
    ),
    *(b"Content-Length: 70000\r\n\r\nhe", b"X-Cut: ", b"X-Cut"),
    *(b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    *(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", b"Content-Length: 4\r\n\r\nGET "),
)


def often(usual: Any, rare: Any) -> st.SearchStrategy[Any]:
    """`usual` in four of five cases."""
    return st.integers(0, 4).flatmap(lambda chance: usual if chance else rare)


METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"put", b"CONNECT", b"OPTIONS")
VERSIONS = (b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"")
LINES = (b"%b  %b %b", b"%b %b  %b", b"%b %b %b ", b"\r\n%b %b %b")
SCRAPS = (b"\r\n", b"\n", b"\r", b"PUT ", b"GET / HTTP/1.1")
ENDS = (*(b"\r\n" + body for body in BODIES), b"\n\n", b"\r\n", b"")


@st.composite
def requests(draw: st.DrawFn, tokens: list[bytes]) -> bytes:
    """One request, more or less."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.one_of(st.binary(max_size=60), st.sampled_from(SCRAPS)))
    target = draw(often(st.sampled_from(TARGETS[:3]), st.sampled_from(TARGETS))).encode("latin-1")
    usual = b"PUT" if target.endswith(b"/vote") else b"GET"
    method = draw(often(st.just(usual), st.sampled_from(METHODS)))
    version = draw(often(st.just(b"HTTP/1.1"), st.sampled_from(VERSIONS)))
    line = draw(often(st.just(b"%b %b %b"), st.sampled_from(LINES)))
    holder = draw(often(st.sampled_from(HOLDERS[:5]), st.sampled_from(HOLDERS))) % draw(st.sampled_from(tokens))
    fields = draw(st.lists(often(st.sampled_from(FIELDS[:8]), st.sampled_from(FIELDS)), max_size=4))
    end = draw(often(st.just(b"\r\n\r\n"), st.sampled_from(ENDS)))
    between = draw(often(st.just(b"\r\n"), st.sampled_from((b"\n", b"\r"))))
    return line % (method, target, version) + b"\r\n" + between.join([holder, *fields]) + end


CUT_OFF = (b"Invalid HTTP request received.", b"Request head too large.")


def responses(written: bytes) -> list[bytes]:
    """The answers one by one, without what chance decides."""
    written = re.sub(rb"retry-after: \d+", b"retry-after: some", written)
    assert written.startswith(b"HTTP/1.1 ") or not written
    return [b"HTTP/1.1 " + part for part in written.split(b"HTTP/1.1 ")[1:]]


ODD = [
    *((b"PUT", target.encode("latin-1"), b"HTTP/1.1", b"\r\n\r\n") for target in TARGETS),
    *((method, b"/api/entries/1/vote", b"HTTP/1.1", b"\r\n\r\n") for method in METHODS),
    *((b"PUT", b"/api/entries/1/vote", version, b"\r\n\r\n") for version in VERSIONS),
    *((b"PUT", b"/api/entries/1/vote", b"HTTP/1.1", b"\r\n" + field + b"\r\n\r\n") for field in FIELDS),
    *((b"PUT", b"/api/entries/1/vote", b"HTTP/1.1", b"\r\n" + body) for body in BODIES),
    *((b"PUT", b"/api/entries/1/vote", b"HTTP/1.1", b"\r\n\r\n", holder) for holder in HOLDERS),
    *((b"GET", target.encode("latin-1"), b"HTTP/1.1", b"\r\n\r\n") for target in TARGETS),
    *((b"GET", b"/api/contest", b"HTTP/1.1", b"\r\n" + field + b"\r\n\r\n") for field in FIELDS),
]


def test_each_oddity_and_what_follows_it(sides: tuple[asyncio.AbstractEventLoop, Side, Side]) -> None:
    """Each alone in a plain request, with a plain vote behind it: in one segment, and in one for each."""
    loop, lane, asgi = sides
    for method, target, version, end, *holders in ODD:
        token = token_for(next(_numbers), time.time()).encode()
        odd = b"%b %b %b\r\n%b%b" % (method, target, version, (holders or HOLDERS)[0] % token, end)
        plain = b"PUT /api/entries/2/vote HTTP/1.1\r\nAuthorization: Bearer %b\r\n\r\n" % token
        page = b"GET /api/contest HTTP/1.1\r\nIf-None-Match: *\r\n\r\n"  # which the lane answers at once
        for segments, waits in (
            ([odd, plain], [True, True]),
            ([odd + plain], [True]),
            ([odd, page + plain], [False, True]),
        ):
            by_lane, by_asgi = (loop.run_until_complete(side.answers(segments, waits)) for side in (lane, asgi))
            assert by_lane == by_asgi, segments


EACH = (
    b"PUT /api/entries/1/vote HTTP/1.1\r\nAuthorization: Bearer %b\r\n\r\n"
    b"GET /api/contest HTTP/1.1\r\nIf-None-Match: *\r\n\r\n"
    b"PUT /api/entries/2/vote HTTP/1.1\r\nContent-Length: 2\r\nAuthorization: Bearer %b\r\n\r\nhePUT"
    b" /api/entries/3/vote HTTP/1.1\r\nAuthorization: Bearer %b\r\n\r\nGET /api/none HTTP/1.1\r\nHost: x\r\n\r\n"
)


@pytest.mark.parametrize("waiting", [False, True])
def test_cut_at_each_place_and_at_all(
    sides: tuple[asyncio.AbstractEventLoop, Side, Side],
    waiting: bool,
) -> None:
    """What the lane answers, and what it leaves to uvicorn, in turn: in two segments, and a byte at a time."""
    loop, lane, asgi = sides
    length = len(EACH % ((b"t" * 56,) * 3))
    for cuts in (*([cut] for cut in range(1, length)), list(range(1, length))):
        token = token_for(next(_numbers), time.time()).encode()
        sent = EACH % (token, token, token)
        segments = [sent[begin:end] for begin, end in itertools.pairwise([0, *cuts, length])]
        waits = [waiting] * len(segments)
        by_lane, by_asgi = (loop.run_until_complete(side.answers(segments, waits)) for side in (lane, asgi))
        assert by_lane == by_asgi, cuts
        assert len(by_lane.votes) == 3
        assert by_lane.requests == 5


class Parsed:
    """What uvicorn's parser finds in bytes."""

    def __init__(self, data: bytes) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.url = b""
        self.complete = 0
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.kind = (self.parser.get_method(), self.parser.get_http_version())
        self.stays = self.parser.should_keep_alive() and not self.parser.should_upgrade()

    def on_message_complete(self) -> None:
        self.complete += 1


NAMES = (
    *(b"Host", b"Origin", b"For-Account", b"Content-Length", b"Connection", b"Transfer-Encoding", b"Upgrade", b"TE"),
    *(b"Keep-Alive", b"Expect", b"!#$%&'*+-.^_`|~09", b"(a)", b"x y", b"", b"\xc3", b"a\tb", b"Content-Length "),
)
VALUES = (
    *(b"", b" ", b"0", b" 0 ", b"00", b"\t0", b"x\t", b"a b", b"a\tb", b":", b"keep-alive", b"Keep-Alive ", b"close"),
    *(b"upgrade", b"websocket", b"chunked", b"\x00", b"\x1f", b"\x7f", b"\x80", b"\r", b"\n", b"keep-alive, x"),
)
REQUEST_LINES = (
    *(b"PUT /api/entries/1/vote HTTP/1.1", b"GET / HTTP/1.1", b"GET /~-_./..//a HTTP/1.1", b"GET /a?b HTTP/1.1"),
    *(b"GET //a HTTP/1.1", b"GET /a HTTP/1.0", b"GET /a HTTP/1.1 ", b"GET /a:1 HTTP/1.1", b"GET  /a HTTP/1.1"),
)


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """The head of a request, more or less, with one byte put in or changed for another."""
    parts = [draw(often(st.sampled_from(REQUEST_LINES[:3]), st.sampled_from(REQUEST_LINES))), b"\r\n"]
    for _ in range(draw(st.integers(0, 3))):
        parts += [
            draw(st.sampled_from(NAMES)),
            draw(often(st.just(b":"), st.sampled_from((b" :", b"", b": ", b"::")))),
            draw(st.sampled_from(VALUES)),
            draw(often(st.just(b"\r\n"), st.sampled_from((b"\n", b"\r", b"\r\n ", b"\r\r\n")))),
        ]
    head = b"".join([*parts, b"\r\n"])
    at, byte = draw(st.integers(0, len(head) - 1)), draw(st.binary(max_size=1))
    return head[:at] + byte + head[at + draw(st.integers(0, 1)) :] if byte else head


def test_a_head_that_is_read_means_the_same_to_uvicorns_parser() -> None:
    read = 0

    @settings(max_examples=5 * EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(heads())
    def check(drawn: bytes) -> None:
        nonlocal read
        head, end, _ = drawn.partition(b"\r\n\r\n")
        line = VOTE_LINE.match(drawn) or READ_LINE.match(drawn)
        fields = header_fields((head + end[:2])[line.end() :]) if line else None
        if not end or line is None or fields is None:
            return
        read += 1
        found = Parsed(head + end)
        assert found.complete == 1
        asked_for = (b"PUT", f"/api/entries/{int(line[1])}/vote") if drawn[:1] == b"P" else (b"GET", line[1].decode())
        assert (*found.kind, found.url.decode()) == (asked_for[0], "1.1", asked_for[1])
        assert found.stays
        assert found.headers == list(fields.items())

    check()
    assert read > EXAMPLES / 10


NOT_THE_LANES = (
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"Expect: 100-continue", b"EXPECT:x", b"TE: x"),
    *(b"Upgrade: websocket", b"Proxy-Connection: keep-alive", b"Trailer: x", b"Content-Length: 1", b"Content-Length: "),
    *(b"Content-Length: 0 ", b"Content-Length: 00", b"Content-Length: +0", b"Content-Length: 0, 0", b"Connection: x"),
    *(
        b"Connection: close",
        b"Connection: upgrade",
        b"Connection: keep-alive, x",
        b"Connection: ",
        b"Host: x\r\nhost: x",
    ),
    *(
        b"Content-Length: 0\r\nContent-Length: 0",
        b"nocolon",
        b"no colon",
        b": no name",
        b":",
        b"Host : x",
        b" Host: x",
        b"\tHost: x",
    ),
    *(b"Host: x\r\n folded", b"Host: x\r\n\tfolded: y", b"\r\nHost: x", b"Host: x\n", b"Host: x\r", b"\rHost: x"),
    *(b"Host: x\rA: y", b"Host: x\nA: y", b"Host: x\n\rA: y", b"Host: x\r\r\nA: y", b"Host: x\r\n\nA: y", b"\n"),
)


@pytest.mark.parametrize("lines", NOT_THE_LANES, ids=repr)
def test_a_head_that_may_mean_something_else_is_not_read(lines: bytes) -> None:
    plain = b"Accept: x\r\n"
    assert header_fields(plain + b"Host: x\r\n" + plain[1:]) == {b"accept": b"x", b"host": b"x", b"ccept": b"x"}
    assert header_fields(lines + b"\r\n") is None
    assert header_fields(plain + lines + b"\r\n" + plain[1:]) is None


def test_a_head_without_its_last_end_of_line_is_not_read() -> None:
    for cut in (b"Host: x", b"Host: x\r", b"Accept: x\r\nHost: x", b"Accept: x\r\nHost: x\r"):
        assert header_fields(cut) is None
    assert header_fields(b"") == {}


def test_which_letters_a_field_may_have() -> None:
    """RFC 9110, 5.6.2 (token) for names; printable ASCII and tab for values."""
    letters = [bytes([number]) for number in range(256)]
    names = b"".join(letter for letter in letters if header_fields(b"a%ba: x\r\n" % letter))
    values = b"".join(letter for letter in letters if header_fields(b"a: a%ba\r\n" % letter))
    token = string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~"
    assert names == bytes(sorted(token.encode() + b":"))  # which ends the name
    assert values == b"\t" + bytes(range(0x20, 0x7F))
    head = b"GET / HTTP/1.1\r\na%b: a%ba\r\n\r\n" % (names.replace(b":", b""), values)
    assert Parsed(head).headers == list(header_fields(head[16:-2]).items())


def test_what_stands_around_a_value() -> None:
    """Blanks before it are no part of it; those behind it are left there, as uvicorn leaves them."""
    sent = b"A: \t x \t\r\nB:\r\nC:x:\r\n"
    fields = {b"a": b"x \t", b"b": b"", b"c": b"x:"}
    assert header_fields(sent) == fields
    assert dict(Parsed(b"GET / HTTP/1.1\r\n" + sent + b"\r\n").headers) == fields


VOTE = b"PUT /api/entries/12/vote HTTP/1.1\r\n"
READ = b"GET /the-le/~a_b-c.d HTTP/1.1\r\n"
OTHER_LINES = (
    *(
        (b"HTTP/1.1", version)
        for version in (b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.1", b"HTTP/1x1", b"http/1.1", b"HTTP/11")
    ),
    *((b"HTTP/1.1", version) for version in (b"HTTP/1.10", b"HTTP/1.1 ", b" HTTP/1.1", b"\tHTTP/1.1", b"HTTP/1.1\r")),
    *((b"\r\n", end) for end in (b"\n", b"\r", b"")),
    *((b" /", space) for space in (b"  /", b"\t/", b" ", b" //", b" http://x/", b" *", b" /%61", b" /?")),
    *(
        (b" HTTP", behind)
        for behind in (b"? HTTP", b"?a HTTP", b"#a HTTP", b"%20 HTTP", b": HTTP", b"; HTTP", b"\xc3 HTTP")
    ),
)
OTHER_VOTES = (
    b"0",
    b"012",
    b"00",
    b"-1",
    b"+1",
    b"1_2",
    b"1%32",
    b"",
    b"a",
    b"12345678901",
    b"1/2",
    b"\xd9\xa1",
    b"1 ",
)


def test_only_plain_request_lines_are_read() -> None:
    assert VOTE_LINE.match(VOTE)
    assert READ_LINE.match(READ)
    for expression, plain in ((VOTE_LINE, VOTE), (READ_LINE, READ)):
        method = plain[:3]
        for old, new in (
            *OTHER_LINES,
            *((method, other) for other in (b"POST", b"HEAD", method.lower(), b"\r\n" + method)),
        ):
            other = plain.replace(old, new, 1)
            assert other != plain
            assert not expression.match(other), other
    for number in OTHER_VOTES:
        assert not VOTE_LINE.match(VOTE.replace(b"12", number)), number
    assert not VOTE_LINE.match(VOTE.replace(b"/vote", b"/vote/"))


def test_any_requests_cut_anywhere_get_the_same_answers(sides: tuple[asyncio.AbstractEventLoop, Side, Side]) -> None:
    loop, lane, asgi = sides
    counted = 0

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        nonlocal counted
        tokens = [token_for(next(_numbers), time.time()).encode() for _ in range(ACCOUNTS)]
        sent = b"".join(data.draw(st.lists(requests(tokens), min_size=1, max_size=6)))
        cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(sent) - 1)), max_size=6)))
        segments = [sent[begin:end] for begin, end in itertools.pairwise([0, *cuts, len(sent)])]
        waits = data.draw(st.lists(st.booleans(), min_size=len(segments), max_size=len(segments)))
        seen, expected = (loop.run_until_complete(side.answers(segments, waits)) for side in (lane, asgi))
        by_lane, by_asgi = responses(seen.written), responses(expected.written)
        counted += sum(b'"counted"' in answer for answer in by_lane)
        if by_asgi and by_asgi[-1].endswith(CUT_OFF) and len(by_lane) > len(by_asgi):
            # uvicorn closes at once at bytes that are no request, and who asked before them is not answered any more
            assert by_lane[-1] == by_asgi[-1]
            assert seen.votes[: len(expected.votes)] == expected.votes
            by_lane = by_lane[: len(by_asgi) - 1] + by_lane[-1:]
        else:
            assert seen[1:] == expected[1:]
        assert by_lane == by_asgi

    check()
    assert counted > EXAMPLES / 10


def vote_for(entry: int) -> bytes:
    token = token_for(next(_numbers), time.time()).encode()
    return b"PUT /api/entries/%d/vote HTTP/1.1\r\nAuthorization: Bearer %b\r\n\r\n" % (entry, token)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a transport of the test says nothing
            await asyncio.sleep(0.001)


def wire_has(wire: Wire, text: bytes) -> bool:
    return text in wire.written


async def rounds() -> None:
    """A few rounds of the loop: for what would happen now, if it did."""
    for _ in range(30):
        await asyncio.sleep(0)


def unanswered(side: Side) -> int:
    """Votes that the box has not decided yet."""
    waiting: int = side.app.casting._intake.unanswered
    return waiting


@pytest.fixture
def lane(sides: tuple[asyncio.AbstractEventLoop, Side, Side]) -> tuple[asyncio.AbstractEventLoop, Side]:
    return sides[:2]


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
