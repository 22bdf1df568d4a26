"""Health, metrics, errors of the slower routes, and the OpenAPI document."""

import time

import orjson
import pytest
import redis
from pydantic import SecretStr

from api import schemas
from api.app import create_app
from api.outcomes import REFUSALS, REFUSED, Code, problem
from models.outcomes import Outcome
from models.settings import SettingsError
from tests.api.running import new_account, settings_for, token_for
from tests.servers import wait_for

ROUTES = {
    "/api/entries/{id}/vote": {"put"},
    "/api/contest": {"get", "head"},
    "/api/entries": {"get", "head"},
    "/api/tallies": {"get", "head"},
    "/api/corrections": {"get", "head"},
    "/": {"get", "head"},
    "/api/ballot": {"get"},
    "/api/login": {"post", "delete"},
    "/api/login/challenge": {"get"},
    "/api/login/code": {"post"},
    "/api/receipts/{code}": {"get"},
    "/health/live": {"get"},
    "/health/ready": {"get"},
    "/metrics": {"get"},
}


@pytest.mark.parametrize("code", Code)
def test_every_code_has_its_problem_document(code):
    answer, refusal = problem(code), REFUSALS[code]
    document = orjson.loads(answer.body["body"])
    headers = dict(answer.start["headers"])
    assert (document["code"], document["status"], answer.status) == (code, refusal.status, refusal.status)
    assert document["title"]
    assert document["detail"]
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"cache-control"] == b"no-store"
    assert (b"retry-after" in headers) == (refusal.status in (429, 503))


def test_every_outcome_has_an_answer_and_retries_do_not_come_together():
    assert set(REFUSED) | {Outcome.COUNTED, Outcome.ALREADY_VOTED} == set(Outcome)
    waits = {dict(problem(Code.BUSY).start["headers"])[b"retry-after"] for _ in range(100)}
    assert len(waits) > 1


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/api/entries/1/2/vote", 405, "wrong_method"),
        ("GET", "/api/contest/", 404, "not_found"),
        ("POST", "/api/ballot", 405, "wrong_method"),
        ("DELETE", "/health/live", 405, "wrong_method"),
        ("GET", "/docs", 404, "not_found"),
    ],
)
def test_errors_of_other_routes_are_problem_details(api, method, path, status, code):
    response = api.client.request(method, path)
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert ("allow" in response.headers) == (status == 405)


def test_a_bug_shows_nothing_of_the_inside(start_api, open_box, logged, monkeypatch):
    async def broken(*_args):
        raise RuntimeError("secret inside")

    api = start_api(open_box)
    api.wait_ready()
    monkeypatch.setattr("api.receipts.Receipts.look_up", broken)
    response = api.client.get("/api/receipts/x")
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "secret" not in response.text
    wait_for(lambda: logged.errors, what="the error is logged")


def test_the_document_names_every_route_and_only_schemas_that_it_has(api):
    document = api.client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {path: set(operations) for path, operations in document["paths"].items()} == ROUTES
    identifiers = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(identifiers) == len(set(identifiers))
    for reference in references(document):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found
    vote = document["paths"]["/api/entries/{id}/vote"]["put"]
    assert {"200", "201", "401", "403", "404", "405", "409", "413", "429", "503"} <= set(vote["responses"])
    assert document["paths"]["/api/ballot"]["get"]["security"] == vote["security"]


def references(node):
    if isinstance(node, dict):
        yield from [node["$ref"]] if "$ref" in node else []
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from references(part)


def test_answers_have_the_shape_that_the_document_says(api):
    vote = api.vote(1, token_for(new_account(), time.time()))
    for shape, response in {
        schemas.Vote: vote,
        schemas.Contest: api.client.get("/api/contest"),
        schemas.Entries: api.client.get("/api/entries"),
        schemas.Tallies: api.client.get("/api/tallies"),
        schemas.Corrections: api.client.get("/api/corrections"),
        schemas.Problem: api.vote(1),
    }.items():
        assert set(shape.model_validate(response.json()).model_dump()) == set(response.json())


class TestMetrics:
    def test_on_loopback_with_outcomes_and_batches(self, api):
        api.vote(1, token_for(new_account(), time.time()))
        api.vote(1)
        text = api.client.get("/metrics").text
        for line in (
            'binhchon_votes_total{outcome="counted"}',
            'outcome="no_session"',
            "binhchon_batch_seconds_bucket",
        ):
            assert line in text

    @pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
    def test_not_through_a_proxy(self, api, name):
        assert api.client.get("/metrics", headers={name: "127.0.0.1"}).status_code == 404

    def test_with_the_token_from_anywhere(self, start_api, open_box):
        api = start_api(open_box, metrics_token=SecretStr("s3cret"))
        far = {"X-Forwarded-For": "203.0.113.9"}
        assert api.client.get("/metrics", headers=far | {"Authorization": "Bearer s3cret"}).status_code == 200
        assert api.client.get("/metrics", headers=far | {"Authorization": "Bearer wrong"}).status_code == 404
        assert api.client.get("/metrics", headers=far).status_code == 404

    def test_what_the_workers_wrote_stands_in_it(self, start_api, open_box, scratch):
        with redis.Redis.from_url(scratch) as client:
            numbers = {"pending": 12, "parked": 0, "drift": -3, "flush_lag_s": 1.5, "ticked_at": 1_760_000_000_000}
            client.hset("status", mapping=numbers | {"fault": "", "proof": "failed"})
        api = start_api(open_box, scratch_url=SecretStr(scratch))
        text = api.client.get("/metrics").text
        assert "\nbinhchon_pending 12.0\n" in text
        assert "\nbinhchon_drift -3.0\n" in text
        assert "\nbinhchon_flush_lag_seconds 1.5\n" in text
        assert "\nbinhchon_ticked_at_ms 1.76e+12\n" in text
        assert "\nbinhchon_fault 0.0\n" in text
        assert "\nbinhchon_proof_failed 1.0\n" in text
        with redis.Redis.from_url(scratch) as client:
            client.hset("status", "fault", "the event at the cursor is not in the log")
        assert "\nbinhchon_fault 1.0\n" in api.client.get("/metrics").text


def test_a_wrong_trusted_proxy_stops_the_start(open_box):
    with pytest.raises(SettingsError, match=r"TRUSTED_PROXIES.*nonsense"):
        create_app(settings_for(open_box).model_copy(update={"trusted_proxies": "nonsense"}))
