"""Cached reads are sent small to who takes that, and once."""

import gzip

import brotli
import pytest

from api.answers import HTML
from api.cached import MOST_MADE, Pages, cached, untagged
from api.outcomes import Code, refuse

BODY = b"<p>" + b"ballot " * 1000


@pytest.mark.parametrize(
    ("accepted", "coding", "decode"),
    [
        (b"gzip, deflate, br, zstd", b"br", brotli.decompress),
        (b"gzip, deflate", b"gzip", gzip.decompress),
        (b"identity", None, bytes),
        (b"", None, bytes),
        (b"br;q=0, gzip;q=0", None, bytes),
    ],
)
def test_a_page_in_the_coding_that_the_reader_takes(accepted, coding, decode):
    page = cached(HTML, BODY, BODY)
    ready = page.to({b"accept-encoding": accepted})
    headers = dict(ready.start["headers"])
    assert headers.get(b"content-encoding") == coding
    assert headers[b"vary"] == b"accept-encoding"
    assert int(headers[b"content-length"]) == len(ready.body["body"])
    assert decode(ready.body["body"]) == BODY
    assert page.to({b"accept-encoding": accepted}) is ready
    head = page.to({b"accept-encoding": accepted}, head=True)
    assert (head.start["headers"], head.body["body"]) == (ready.start["headers"], b"")


def test_whoever_has_the_page_is_sent_nothing():
    page = cached(HTML, BODY, BODY)
    tag = dict(page.full.start["headers"])[b"etag"]
    for known in (tag, b'"x", ' + tag, b"*"):
        assert page.to({b"if-none-match": known, b"accept-encoding": b"br"}).status == 304
    assert page.to({b"if-none-match": b'"x"'}).status == 200


def test_a_small_body_and_a_refusal_stay_as_they_are():
    assert cached(HTML, b"<p>", b"").to({b"accept-encoding": b"br"}).body["body"] == b"<p>"
    refusal = refuse(Code.NOT_FOUND)
    assert untagged(refusal).to({b"accept-encoding": b"br", b"if-none-match": b"*"}) is refusal


def test_addresses_that_anybody_thinks_out_do_not_fill_the_memory():
    made: dict = {}
    pages = Pages({}, lambda path: cached(HTML, path.encode(), b""), made)
    for number in range(MOST_MADE * 2 + 1):
        assert pages.get(f"/binh-chon?q={number}") is not None
    assert len(made) <= MOST_MADE
