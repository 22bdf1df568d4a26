"""Receipts and ballots, against a real ledger."""

import socket
import time
from contextlib import closing

import pytest
from pydantic import SecretStr

from tests.api.ledger import RECEIPTS, flushed, taken
from tests.api.running import new_account, token_for
from tests.servers import wait_for


@pytest.fixture
def api(start_api, open_box, database, ledger):
    running = start_api(open_box, database_url=SecretStr(database))
    running.wait_ready()
    return running


def test_received_then_in_the_ledger_then_voided(api, ledger, open_box, logged):
    account = new_account()
    receipt = api.vote(1, token_for(account, time.time())).json()["receipt"]
    found = api.client.get(f"/api/receipts/{receipt}")
    assert found.json() == {"status": "received", "entry_id": None, "cast_at": None, "reason": None}
    assert found.headers["cache-control"] == "no-store"
    flushed(ledger, account, receipt, open_box)
    expected = {"status": "in_ledger", "entry_id": 1, "cast_at": "2026-01-02T03:04:05.678Z", "reason": None}
    assert api.client.get(f"/api/receipts/{receipt}").json() == expected
    assert api.client.get(f"/api/receipts/{receipt.lower().replace('-', ' ')}").json() == expected
    ledger.execute("UPDATE votes SET voided_at = now(), void_reason = 'mua phiếu' WHERE account_id = %s", [account])
    voided = api.client.get(f"/api/receipts/{receipt}").json()
    assert voided == expected | {"status": "voided", "reason": "mua phiếu"}
    assert logged.errors == []


def test_a_receipt_that_is_nowhere_is_an_alarm_raised_once(api, ledger, open_box, logged):
    taken(ledger, open_box)
    lost = RECEIPTS.code(RECEIPTS.number(new_account(), 1))
    for _ in range(2):
        assert api.client.get(f"/api/receipts/{lost}").json()["status"] == "received"
    assert len(logged.errors) == 1
    assert "lost" in logged.errors[0]
    assert lost not in logged.errors[0]
    scraped = api.client.get("/metrics").text
    assert float(scraped.split("\nbinhchon_lost_receipts_total ")[1].split()[0]) >= 1


def test_a_forged_code_is_refused_without_any_question(start_api, open_box):
    api = start_api(open_box)  # its ledger is away: a question would be answered with 503
    api.wait_ready()
    for code in ("x", "0000-0000-0000-0000-0000", "A" * 20, "U" * 20, "9" * 500, "%00"):
        response = api.client.get(f"/api/receipts/{code}")
        assert (response.status_code, response.json()["code"]) == (404, "unknown_receipt")


def test_a_receipt_with_one_letter_wrong(api):
    receipt = api.vote(1, token_for(new_account(), time.time())).json()["receipt"]
    wrong = ("1" if receipt[0] == "0" else "0") + receipt[1:]
    assert api.client.get(f"/api/receipts/{wrong}").json()["code"] == "unknown_receipt"


@pytest.fixture
def mute_database(folder):
    """The address of a PostgreSQL that accepts connections and says nothing."""
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(folder / ".s.PGSQL.5432"))
        listening.listen(16)
        yield f"postgresql+psycopg://nobody@/none?host={folder}"


@pytest.mark.parametrize("how", ["gone", "hung"])
def test_without_the_ledger_votes_go_on_and_receipts_say_so(start_api, open_box, mute_database, how, logged):
    api = start_api(open_box, **({"database_url": SecretStr(mute_database)} if how == "hung" else {}))
    api.wait_ready()
    receipt = api.vote(1, token_for(new_account(), time.time())).json()["receipt"]
    began = time.monotonic()
    response = api.client.get(f"/api/receipts/{receipt}")
    assert time.monotonic() - began < 2.5
    assert (response.status_code, response.json()["code"]) == (503, "ledger_away")
    assert int(response.headers["retry-after"]) >= 1
    assert api.client.get("/api/receipts/forged").json()["code"] == "unknown_receipt"
    assert api.client.get("/health/ready").status_code == 200
    assert api.vote(2, token_for(new_account(), time.time())).status_code == 201
    assert logged.errors == []


def test_the_ballot_lists_votes_with_their_receipts(api):
    token = token_for(new_account(), time.time())
    bearer = {"Authorization": f"Bearer {token}"}
    assert api.client.get("/api/ballot", headers=bearer).json()["votes"] == []
    receipts = {entry: api.vote(entry, token).json()["receipt"] for entry in (3, 1)}
    ballot = api.client.get("/api/ballot", headers=bearer)
    assert ballot.headers["cache-control"] == "no-store"
    assert ballot.json()["votes"] == [{"entry_id": entry, "receipt": receipts[entry]} for entry in (1, 3)]
    assert len(ballot.json()["account_tag"]) == 16
    cookie = {"Cookie": f"session={token}"}
    wait_for(lambda: api.client.get("/api/ballot", headers=cookie).json() == ballot.json())


def test_the_ballot_needs_a_session(api):
    response = api.client.get("/api/ballot")
    assert (response.status_code, response.json()["code"]) == (401, "no_session")
    assert response.headers["www-authenticate"] == "Bearer"
