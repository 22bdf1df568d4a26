"""A login by code, from the HTTP call over the box's log into the ledger."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
from pydantic import SecretStr

from models.account import account_of
from models.event import Proof
from models.ngrams import grams_of
from models.scratch.codes import code_of
from tests.api.running import RunningApi
from tests.api.voters.logging_in import PROOF_COST, ask, enter, let_pass, messages, wrong
from tests.servers import ValkeyServer, wait_for
from tests.workers.contests import KEYS, Stage, stage
from workers.books import compare
from workers.flush import flush_batch

AN = "nguyenvana1@example.vn"
TICKED = ["counting", "protection", "residence"]


@pytest.fixture
def server(valkey_factory: Callable[..., ValkeyServer]) -> ValkeyServer:
    return valkey_factory("box")


@pytest.fixture
def made(server: ValkeyServer, database: str) -> Iterator[Stage]:
    with stage(server.url, database) as open_contest:
        yield open_contest


@pytest.fixture
def api(made: Stage, server: ValkeyServer, scratch: str, start_api: Callable[..., RunningApi]) -> RunningApi:
    running = start_api(
        server.url, scratch_url=scratch, login_proof_cost=PROOF_COST, identity_key=SecretStr(KEYS.identity_key)
    )
    running.wait_ready()
    return running


def log_in(api: RunningApi, scratch: str, identity: str = AN, **more: object) -> int:
    """The status of a whole login, from the request for a code on."""
    let_pass(scratch, "code:*")
    let_pass(scratch, "outbox:*")
    assert ask(api, identity).status_code == 202
    [message] = messages(scratch)
    code = code_of(KEYS, message["nonce"])
    body = {"kind": "email", "identity": identity, "code": code} | more
    return api.client.post("/api/login", json=body, headers={"Sec-Fetch-Site": "same-origin"}).status_code


def openings(made: Stage) -> list[tuple[object, ...]]:
    """(account, agreed) of what is in the ledger after a flush."""
    with made.engine.connect() as connection:
        while flush_batch(connection, made.client, made.contest_id, 0).more:
            pass
    return made.rows("SELECT account_id, agreed FROM account_openings ORDER BY log_ms, log_seq")


def test_a_login_comes_into_the_ledger_with_what_was_agreed_to(api: RunningApi, made: Stage, scratch: str) -> None:
    assert log_in(api, scratch, agreed=TICKED) == 200
    assert openings(made) == [(account_of(KEYS, "email", AN), {"1": 1, "2": 1, "3": 1})]
    [row] = made.rows("SELECT opened_at, shard, contest_id, proof, hint, domain, grams FROM account_openings")
    assert abs(row[0] - datetime.now(UTC)) < timedelta(minutes=1)
    assert row[1:6] == (0, made.contest_id, Proof.EMAIL, "n•••@example.vn", "example.vn")
    assert row[6] == list(grams_of(KEYS.derived("ngrams"), "nguyenvana1"))
    books = compare(made.engine, made.client, made.contest)
    assert (books.drift, books.pending, books.parked) == (0, 0, 0)
    assert 'binhchon_account_openings_total{outcome="recorded"}' in api.client.get("/metrics").text


def test_twice_a_day_is_one_opening_and_tomorrow_another(api: RunningApi, made: Stage, scratch: str) -> None:
    for _ in range(2):
        assert log_in(api, scratch, agreed=TICKED) == 200
    assert log_in(api, scratch, "binh@example.vn") == 200
    an, binh = account_of(KEYS, "email", AN), account_of(KEYS, "email", "binh@example.vn")
    assert openings(made) == [(an, {"1": 1, "2": 1, "3": 1}), (binh, {})]
    let_pass(scratch, "opened:*")
    assert log_in(api, scratch, agreed=TICKED) == 200
    assert [account for account, _ in openings(made)] == [an, binh, an]


def test_a_wrong_code_is_no_login(api: RunningApi, made: Stage, scratch: str) -> None:
    ask(api, AN)
    [message] = messages(scratch)
    assert enter(api, AN, wrong(code_of(KEYS, message["nonce"]))).status_code == 422
    assert openings(made) == []


def test_with_the_box_away_a_login_works_and_the_next_one_is_recorded(
    api: RunningApi, made: Stage, scratch: str, server: ValkeyServer
) -> None:
    server.kill()
    assert log_in(api, scratch, agreed=TICKED) == 200
    server.start()
    with redis.Redis.from_url(scratch) as client:
        wait_for(lambda: not list(client.scan_iter(match="opened:*")), what="the day is free again")
    assert log_in(api, scratch, agreed=TICKED) == 200
    assert len(openings(made)) == 1


def test_what_is_final_takes_no_opening_and_the_login_works(api: RunningApi, made: Stage, scratch: str) -> None:
    made.client.hset(made.keys().contest, "state", "final")
    assert log_in(api, scratch, agreed=TICKED) == 200
    assert openings(made) == []
