"""The box gone, hung, full, repaired or of another key: an answer within two seconds, and nothing acknowledged."""

import time

import pytest
import redis

from models.ballot_box.keys import shard_keys
from models.event import Proof
from tests.api.contest import CONTEST_ID, open_contest, set_contest, votes_in_box
from tests.api.running import new_account, token_for
from tests.servers import wait_for

BOTH_LAYERS = True


@pytest.fixture
def server(valkey_factory):
    made = valkey_factory("box", maxmemory=32 * 1024**2)
    open_contest(made.url)
    return made


@pytest.fixture
def api(start_api, server, request):
    running = start_api(server.url, layer=request.param)
    running.wait_ready()
    return running


def refused(api, token, codes):
    began = time.monotonic()
    response = api.vote(1, token)
    assert time.monotonic() - began < 2.0
    assert response.status_code == 503
    assert response.json()["code"] in codes
    assert 1 <= int(response.headers["retry-after"]) <= 15
    return response


def test_gone_and_back(api, server, token, logged):
    assert api.vote(1, token).status_code == 201
    server.kill()
    refused(api, token_for(new_account(), time.time()), {"not_ready", "not_confirmed", "busy"})
    refused(api, token, {"not_ready", "not_confirmed", "busy"})
    for path in ("/", "/api/contest", "/api/tallies"):
        assert api.client.get(path).status_code == 200
    wait_for(lambda: api.client.get("/health/ready").status_code == 503)
    document = api.client.get("/health/ready").json()
    assert document["code"] == "not_ready"
    assert "box" in document["reason"]
    outside = api.client.get("/health/ready", headers={"X-Forwarded-For": "203.0.113.9"})
    assert (outside.status_code, outside.json()) == (503, {k: v for k, v in document.items() if k != "reason"})
    assert api.client.get("/health/live").status_code == 200
    server.start()
    wait_for(lambda: api.vote(1, token).status_code == 200)
    wait_for(lambda: api.client.get("/health/ready").status_code == 200)
    assert votes_in_box(server.url) == 1
    assert logged.errors == []


def test_hung(api, server, token):
    server.hang()
    try:
        refused(api, token, {"not_ready", "not_confirmed", "busy"})
        assert api.client.get("/").status_code == 200
    finally:
        server.wake()
    wait_for(lambda: api.vote(1, token).status_code in (200, 201))
    assert votes_in_box(server.url) == 1


def test_full(api, server, token, logged):
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", "100kb")
        refused(api, token, {"not_ready"})
        assert votes_in_box(server.url) == 0
        assert client.hgetall(shard_keys(CONTEST_ID, 0).tally) == {}
        client.config_set("maxmemory", "32mb")
    assert api.vote(1, token).status_code == 201
    assert logged.errors == []


def test_shut_for_a_repair_and_open_again_in_a_new_epoch(api, server, token):
    keys = shard_keys(CONTEST_ID, 0)
    with redis.Redis.from_url(server.url) as client:
        client.rename(keys.contest, keys.shut)
        refused(api, token, {"not_ready"})
        assert api.client.get("/api/contest").status_code == 200
        ballot = api.client.get("/api/ballot", headers={"Authorization": f"Bearer {token}"})
        assert ballot.json()["code"] == "not_ready", "a ballot that is being refilled is not shown"
        client.rename(keys.shut, keys.contest)
    set_contest(server.url, epoch=2)
    wait_for(lambda: api.vote(1, token).status_code == 201, 2)


def test_opened_with_another_identity_key(api, server, token, logged):
    set_contest(server.url, key="1:0123456789abcdef")
    refused(api, token, {"not_ready"})
    wait_for(lambda: "identity key" in api.client.get("/health/ready").json().get("reason", ""))
    assert api.client.get("/api/ballot", headers={"Authorization": f"Bearer {token}"}).json()["code"] == "not_ready"
    wait_for(lambda: any("identity key" in line for line in logged.errors))
    for _ in range(2):  # more readings, which must not say it again
        at = api.client.get("/api/tallies").json()["at"]
        wait_for(lambda at=at: api.client.get("/api/tallies").json()["at"] != at)
    assert sum("identity key" in line for line in logged.errors) == 1


def test_a_session_older_than_sessions_from(api, server, token):
    assert api.vote(1, token).status_code == 201
    set_contest(server.url, sessions_from=int(time.time() * 1000))
    wait_for(lambda: api.vote(1, token).status_code == 401)


def test_minted_sessions_where_the_contest_does_not_take_them(server, api):
    minted = token_for(new_account(), time.time(), proof=Proof.MINTED)
    assert api.vote(1, minted).status_code == 201
    open_contest(server.url, minted_sessions=False)
    wait_for(lambda: api.vote(1, minted).status_code == 401)


def test_the_api_starts_with_the_box_away(start_api, server, token):
    server.kill()
    api = start_api(server.url)
    assert api.client.get("/health/live").status_code == 200
    assert api.client.get("/health/ready").status_code == 503
    assert api.client.get("/").status_code == 503
    assert api.client.get("/api/contest").json()["code"] == "not_ready"
    refused(api, token, {"not_ready"})
    server.start()
    wait_for(lambda: api.vote(1, token).status_code == 201)
