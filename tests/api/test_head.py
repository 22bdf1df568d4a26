"""Which heads the lane reads, and that they mean the same to uvicorn's parser."""

import string

import httptools
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.head import READ_LINE, VOTE_LINE, header_fields
from tests.api.any_requests import often

EXAMPLES = 2_000


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

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
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
    assert read > EXAMPLES / 50


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
