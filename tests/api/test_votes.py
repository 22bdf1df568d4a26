"""Votes over real HTTP, and everything that may be wrong with one: the contract's answer, and nothing changed."""

import asyncio
import socket
import time
from collections import Counter

import httpx
import pytest
import redis

from api.sessions import Sessions
from models.ballot_box.keys import shard_keys
from models.event import Proof, unpack
from models.secrets import KeyRing
from tests.api.contest import CONTEST_ID, DAY_MS, KEYS, set_contest, votes_in_box
from tests.api.running import new_account, token_for
from tests.api.voters.logging_in import MAIL
from tests.servers import wait_for

BOTH_LAYERS = True


@pytest.fixture(autouse=True)
def _no_error_is_logged(logged):
    yield
    assert logged.errors == []


def problem(response):
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == response.status_code
    assert document["detail"]
    return response.status_code, document["code"]


def test_a_vote_is_counted_once_and_a_repeat_gets_the_same_receipt(api, open_box):
    account = new_account()
    token = token_for(account, time.time())
    first, again = api.vote(2, token), api.vote(2, token)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() | {"status": "already_voted"} == again.json()
    assert first.json()["entry_id"] == 2
    assert first.headers["cache-control"] == "no-store"
    with redis.Redis.from_url(open_box) as client:
        event = unpack(client.xrevrange(shard_keys(CONTEST_ID, 0).log, count=1)[0][1][b"e"])
    assert (event.account, event.entry, event.proof) == (account, 2, Proof.EMAIL)
    assert event.rest[8:] == bytes([127, 0, 0, 1])


def test_a_vote_keeps_the_mark_of_a_minted_session(api, open_box):
    assert api.vote(1, token_for(new_account(), time.time(), proof=Proof.MINTED)).status_code == 201
    with redis.Redis.from_url(open_box) as client:
        assert unpack(client.xrevrange(shard_keys(CONTEST_ID, 0).log, count=1)[0][1][b"e"]).proof == Proof.MINTED


@pytest.mark.usefixtures("unchanged")
class TestSession:
    def test_none(self, api):
        response = api.vote(1)
        assert problem(response) == (401, "no_session")
        assert response.headers["www-authenticate"] == "Bearer"

    @pytest.mark.parametrize("token", [".", "x", "a" * 56, "ế" * 56, "a" * 5000, "=" * 56])
    def test_garbled(self, api, token):
        assert problem(api.vote(1, headers={"Authorization": b"Bearer " + token.encode()})) == (401, "no_session")

    @pytest.mark.parametrize(
        "claims", [{"expires_at": int(time.time()) - 1}, {"contest_id": CONTEST_ID + 1}], ids=["expired", "foreign"]
    )
    def test_not_in_force(self, api, claims):
        assert problem(api.vote(1, token_for(new_account(), time.time(), **claims))) == (401, "no_session")

    def test_of_another_installation(self, api):
        token = Sessions(KeyRing("x", ("y",))).mint(Sessions(KEYS).read(token_for(1, time.time()).encode()))
        assert problem(api.vote(1, token)) == (401, "no_session")

    def test_a_bad_bearer_is_not_helped_by_a_good_cookie(self, api, token):
        headers = {"Cookie": f"session={token}", "Sec-Fetch-Site": "same-origin"}
        assert problem(api.vote(1, "garbled", headers=headers)) == (401, "no_session")

    def test_another_cookie_whose_name_ends_alike(self, api, token):
        headers = {"Cookie": f"x-session={token}", "Sec-Fetch-Site": "same-origin"}
        assert problem(api.vote(1, headers=headers)) == (401, "no_session")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://voters.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_a_cookie_sent_by_another_website(api, token, headers):
    headers |= {"Cookie": f"session={token}", "Host": "voters.example"}
    assert problem(api.vote(1, headers=headers)) == (403, "cross_site")


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://voters.example"}])
def test_a_cookie_sent_by_the_site_itself(api, token, headers):
    headers |= {"Cookie": f"a=b; session={token}; c=d", "Host": "voters.example"}
    assert api.vote(1, headers=headers).status_code == 201


def test_with_an_https_origin_only_the_host_cookie_and_that_origin_count(start_api, open_box, token):
    api = start_api(open_box, public_origin="https://voters.example", **MAIL)
    api.wait_ready()
    origin = {"Origin": "https://voters.example"}
    assert problem(api.vote(1, headers={"Cookie": f"session={token}"} | origin)) == (401, "no_session")
    cookie = {"Cookie": f"__Host-session={token}"}
    assert problem(api.vote(1, headers=cookie | {"Origin": "http://voters.example"})) == (403, "cross_site")
    assert api.vote(1, headers=cookie | origin).status_code == 201


@pytest.mark.usefixtures("unchanged")
def test_for_account_of_somebody_else(api, token):
    assert problem(api.vote(1, token, headers={"For-Account": "somebody"})) == (409, "other_account")


def test_for_account_of_oneself(api):
    account = new_account()
    token = token_for(account, time.time())
    tag = api.client.get("/api/ballot", headers={"Authorization": f"Bearer {token}"}).json()["account_tag"]
    assert api.vote(1, token, headers={"For-Account": tag}).status_code == 201


@pytest.mark.parametrize(
    "entry",
    [
        "99",
        "0",
        "-1",
        "-0",
        "01",
        "2147483648",
        "9" * 400,
        "abc",
        "1.0",
        "1e3",
        "",
        "%D9%A1",
        "+1",
        "%201",
        "2147483647",
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_an_entry_that_does_not_exist(api, token, entry):
    assert problem(api.vote(entry, token)) == (404, "unknown_entry")


def test_an_entry_that_was_withdrawn(api, open_box, token):
    entries = shard_keys(CONTEST_ID, 0).entries
    with redis.Redis.from_url(open_box) as client:
        client.srem(entries, 5)
        try:
            assert problem(api.vote(5, token)) == (404, "unknown_entry")
        finally:
            client.sadd(entries, 5)


@pytest.fixture
def _as_before(open_box):
    yield
    now = int(time.time() * 1000)
    set_contest(open_box, state="open", opens_at=now - DAY_MS, closes_at=now + DAY_MS)


@pytest.mark.usefixtures("_as_before", "unchanged")
@pytest.mark.parametrize("wrong_by", [0, -30 * 86_400, 30 * 86_400])
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"opens_at": DAY_MS}, "not_open_yet"),
        ({"closes_at": -DAY_MS // 2}, "closed"),
        ({"state": "closed"}, "closed"),
        ({"state": "final"}, "closed"),
        ({"state": "paused"}, "paused"),
    ],
)
def test_outside_the_window_whatever_this_machine_thinks_the_time_is(
    api, open_box, monkeypatch, fields, code, wrong_by
):
    real, token = time.time, token_for(new_account(), time.time())
    now = int(real() * 1000)
    set_contest(open_box, **{name: value if name == "state" else now + value for name, value in fields.items()})
    monkeypatch.setattr(time, "time", lambda: real() + wrong_by)
    assert problem(api.vote(1, token)) == (403, code)


def test_a_vote_counts_by_the_box_clock_alone(api, token, monkeypatch):
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 30 * 86_400)
    assert api.vote(1, token).status_code == 201


@pytest.mark.usefixtures("unchanged")
def test_a_blocked_account(api, open_box):
    account, blocked = new_account(), shard_keys(CONTEST_ID, 0).blocked
    with redis.Redis.from_url(open_box) as client:
        client.sadd(blocked, account)
        try:
            assert problem(api.vote(1, token_for(account, time.time()))) == (403, "blocked")
        finally:
            client.delete(blocked)


def in_parts(size):
    for _ in range(size // 8192):
        yield b"x" * 8192


class TestBody:
    @pytest.mark.parametrize("body", [b"{}", b"x" * 65_536])
    def test_small_ones_are_discarded(self, api, token, body):
        assert api.vote(1, token, content=body).status_code == 201

    def test_chunked_ones_too(self, api, token):
        assert api.vote(1, token, content=in_parts(65_536)).status_code == 201

    @pytest.mark.usefixtures("unchanged")
    @pytest.mark.parametrize("chunked", [False, True])
    def test_ten_megabytes(self, api, token, chunked):
        size = 10 * 1024 * 1024
        response = api.vote(1, token, content=in_parts(size) if chunked else b"x" * size)
        assert problem(response) == (413, "too_large")
        assert api.client.get("/api/contest").status_code == 200

    def test_one_that_waits_to_be_asked(self, api, token):
        head = (
            f"PUT /api/entries/1/vote HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nExpect: 100-continue\r\n"
        )
        with socket.create_connection(("127.0.0.1", api.port), timeout=5) as connection:
            connection.sendall(head.encode() + b"Content-Length: 2\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
            connection.sendall(b"{}")
            assert connection.recv(4096).startswith(b"HTTP/1.1 201 ")
        with socket.create_connection(("127.0.0.1", api.port), timeout=5) as connection:
            connection.sendall(head.encode() + b"Content-Length: 10000000\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(4096), b""))  # the server ends this connection
            assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "PATCH", "OPTIONS"])
def test_wrong_method(api, token, method):
    response = api.client.request(method, "/api/entries/1/vote", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 405
    assert response.headers["allow"] == "PUT"
    if method != "HEAD":
        assert problem(response) == (405, "wrong_method")


def test_a_hundred_votes_at_once_of_one_account_for_one_entry(api, open_box, token):
    before = votes_in_box(open_box)

    async def all_at_once():
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(base_url=api.url, limits=limits, timeout=20) as client:
            headers = {"Authorization": f"Bearer {token}"}
            return await asyncio.gather(*[client.put("/api/entries/3/vote", headers=headers) for _ in range(100)])

    responses = asyncio.run(all_at_once())
    assert Counter(response.status_code for response in responses) == {201: 1, 200: 99}
    assert len({response.json()["receipt"] for response in responses}) == 1
    assert votes_in_box(open_box) == before + 1


def test_a_client_that_is_gone_before_the_answer_has_voted(api, open_box, token):
    before = votes_in_box(open_box)
    with socket.create_connection(("127.0.0.1", api.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # gone with a reset
        connection.sendall(
            f"PUT /api/entries/4/vote HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        wait_for(lambda: votes_in_box(open_box) == before + 1)
    assert api.vote(4, token).status_code == 200


def test_a_client_that_leaves_in_the_middle_of_its_request_has_not(api, token):
    head = (
        f"PUT /api/entries/4/vote HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 5\r\n\r\nab"
    )
    with socket.create_connection(("127.0.0.1", api.port)) as connection:
        connection.sendall(head.encode())
    assert api.vote(4, token).status_code == 201


def test_requests_in_one_packet_are_answered_in_order(api, token):
    vote = "PUT /api/entries/{}/vote HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", api.port), timeout=5) as connection:
        connection.sendall("".join(vote.format(entry, token) for entry in (1, 2, 77, 3)).encode())
        answers = b""
        while answers.count(b"HTTP/1.1") < 4 or not answers.endswith(b"}"):
            answers += connection.recv(65_536)
    assert [answer[:3] for answer in answers.split(b"HTTP/1.1 ")[1:]] == [b"201", b"201", b"404", b"201"]


@pytest.mark.parametrize(
    "request_line",
    [b"GET /\xff HTTP/1.1", b"nonsense", b"PUT /api/entries/1/vote HTTP/9.9", b"\0\0\0", b"GET " + b"/" * 100_000],
)
def test_what_is_no_http(api, request_line):
    with socket.create_connection(("127.0.0.1", api.port), timeout=5) as connection:
        connection.sendall(request_line + b"\r\nHost: x\r\n\r\n")
        assert connection.recv(4096)[9:10] in (b"4", b"")
    assert api.client.get("/health/live").status_code == 200
