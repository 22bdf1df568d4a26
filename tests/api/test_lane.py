"""The vote lane beside the ASGI layer: any requests, cut anywhere, get the same bytes from both."""

import asyncio
import itertools
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.outcomes import Code, problem_body
from tests.api.any_requests import (
    BODIES,
    FIELDS,
    HOLDERS,
    METHODS,
    TARGETS,
    VERSIONS,
    requests,
)
from tests.api.running import token_for
from tests.api.sides import Side, numbers, responses

EXAMPLES = 400
ACCOUNTS = 3  # of each example, new ones
CUT_OFF = tuple(problem_body(code) for code in (Code.MALFORMED, Code.HEAD_TOO_LARGE))


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
        token = token_for(next(numbers), time.time()).encode()
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
        token = token_for(next(numbers), time.time()).encode()
        sent = EACH % (token, token, token)
        segments = [sent[begin:end] for begin, end in itertools.pairwise([0, *cuts, length])]
        waits = [waiting] * len(segments)
        by_lane, by_asgi = (loop.run_until_complete(side.answers(segments, waits)) for side in (lane, asgi))
        assert by_lane == by_asgi, cuts
        assert len(by_lane.votes) == 3
        assert by_lane.requests == 5


def test_any_requests_cut_anywhere_get_the_same_answers(sides: tuple[asyncio.AbstractEventLoop, Side, Side]) -> None:
    loop, lane, asgi = sides
    counted = 0

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        nonlocal counted
        tokens = [token_for(next(numbers), time.time()).encode() for _ in range(ACCOUNTS)]
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
