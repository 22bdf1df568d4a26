"""The cached reads: contest, entries, tallies and the first page, as every cached read behaves."""

import re
import time

import pytest

from tests.api.running import new_account, token_for
from tests.servers import wait_for

BOTH_LAYERS = True

PATHS = [
    *("/api/contest", "/api/entries", "/api/tallies", "/api/corrections"),
    *("/", "/binh-chon", "/bai-du-thi/bai-1", "/the-le", "/nhat-ky-loai-phieu"),
]


def test_contest(api):
    contest = api.client.get("/api/contest").json()
    assert contest["title"] == "Cuộc thi thử <b>"
    assert contest["state"] == "open"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", contest["opens_at"])
    assert contest["minted_sessions"] is True  # who rehearses must know that no real contest is meant


def test_entries_keep_the_published_order(api):
    entries = api.client.get("/api/entries").json()["entries"]
    assert [entry["id"] for entry in entries] == [1, 2, 3, 4, 5]
    assert entries[0]["slug"] == "bai-1"


def test_tallies_show_a_vote_within_a_second_and_name_every_entry(api):
    before = api.client.get("/api/tallies").json()
    api.vote(2, token_for(new_account(), time.time()))
    wait_for(lambda: api.client.get("/api/tallies").json()["tallies"]["2"] == before["tallies"]["2"] + 1, 1.5)
    tallies = api.client.get("/api/tallies").json()
    assert list(tallies["tallies"]) == ["1", "2", "3", "4", "5"]
    assert tallies["total"] == sum(tallies["tallies"].values())


@pytest.fixture
def _within_a_minute():
    """The voters' pages name the minute: no test of their bytes runs over the end of one."""
    wait_for(lambda: 1 < time.time() % 60 < 57)


@pytest.mark.usefixtures("_within_a_minute")
@pytest.mark.parametrize("path", PATHS)
def test_a_reader_who_has_it_gets_304(api, path):
    full = api.client.get(path)
    assert full.status_code == 200
    tag = full.headers["etag"]
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        unchanged = api.client.get(path, headers={"If-None-Match": known})
        assert unchanged.status_code == 304
        assert unchanged.content == b""
        assert unchanged.headers["etag"] == tag
        assert unchanged.headers["cache-control"] == full.headers["cache-control"]
    assert api.client.get(path, headers={"If-None-Match": 'W/"other"'}).status_code == 200


@pytest.mark.usefixtures("_within_a_minute")
@pytest.mark.parametrize("path", PATHS)
def test_head_tells_what_get_would(api, path):
    head, full = api.client.head(path), api.client.get(path)
    assert head.status_code == 200
    assert head.content == b""
    for name in ("etag", "content-type", "content-length", "cache-control"):
        assert head.headers[name] == full.headers[name]


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_method(api, path):
    response = api.client.post(path, content=b"x")
    assert response.status_code == 405
    assert response.json()["code"] == "wrong_method"
    assert response.headers["allow"] == "GET, HEAD"


def test_a_tag_stays_while_nothing_changes_and_changes_with_the_counts(api):
    first = api.client.get("/api/tallies")
    wait_for(lambda: api.client.get("/api/tallies").json()["at"] != first.json()["at"])
    assert api.client.get("/api/tallies").headers["etag"] == first.headers["etag"]
    api.vote(1, token_for(new_account(), time.time()))
    wait_for(lambda: api.client.get("/api/tallies").headers["etag"] != first.headers["etag"])


def test_every_answer_has_its_security_headers(api):
    for path in [*PATHS, "/health/live", "/api/receipts/x", "/nowhere", "/openapi.json"]:
        headers = api.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers
