"""Login by code through the JSON calls: real Valkey, real HTTP."""

import base64
import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import redis

from models.account import account_of
from models.ballot_box.keys import shard_keys
from models.proof_of_work import Proofs
from models.scratch.codes import HOURLY_CAP, TRIES
from tests.api.contest import CONTEST_ID, KEYS
from tests.api.running import Logged, RunningApi
from tests.api.voters.logging_in import (
    MAIL,
    OWN,
    PROOF_COST,
    ask,
    code_for,
    cookie_of,
    enter,
    let_pass,
    messages,
    proof,
    solve,
    wrong,
)

AN = "an@example.vn"


@pytest.fixture
def api(login_api: RunningApi, scratch: str) -> RunningApi:
    login_api.client.cookies.clear()
    return login_api


def code_of(response: httpx.Response) -> tuple[int, Any]:
    return response.status_code, response.json()["code"]


def test_a_code_opens_a_session_that_votes(api: RunningApi, scratch: str, box_url: str) -> None:
    asked = ask(api, " A.n+choi@GMail.com ")
    assert asked.status_code == 202
    assert asked.json() == {"masked": "a•••@gmail.com", "expires_in": 300, "retry_after": 60}
    assert [message["to"] for message in messages(scratch)] == ["an@gmail.com"]
    entered = enter(api, "a.n@googlemail.com", code_for(scratch, "an@gmail.com"))
    assert entered.status_code == 200
    token = entered.json()["token"]
    assert cookie_of(entered) == token
    assert "HttpOnly; SameSite=Lax" in entered.headers["set-cookie"]
    assert entered.headers["cache-control"] == "no-store"
    assert entered.json()["expires_at"].endswith("Z")
    assert api.vote(1, token).status_code == 201
    ballot = api.client.get("/api/ballot", headers={"Authorization": f"Bearer {token}"}).json()
    assert f"signed_in={ballot['account_tag']}; Path=/" in entered.headers["set-cookie"]
    with redis.Redis.from_url(box_url) as client:
        account = account_of(KEYS, "email", "an@gmail.com")
        assert client.smembers(f"{shard_keys(CONTEST_ID, 0).ballot}{account}") == {b"1"}


def test_what_is_agreed_to_is_optional_and_of_a_closed_list(api: RunningApi, scratch: str) -> None:
    ask(api, AN)
    code = code_for(scratch, AN)
    unknown = {"kind": "email", "identity": AN, "code": code, "agreed": ["everything"]}
    assert code_of(api.client.post("/api/login", json=unknown, headers=OWN)) == (422, "invalid")
    agreed = unknown | {"agreed": ["counting", "protection", "residence"]}
    assert api.client.post("/api/login", json=agreed, headers=OWN).status_code == 200


def test_a_message_is_in_the_language_that_is_asked_for(api: RunningApi, scratch: str) -> None:
    ask(api, AN)
    ask(api, "binh@example.vn", language="en")
    assert sorted(message["language"] for message in messages(scratch)) == ["en", "vi"]
    assert code_of(ask(api, "chi@example.vn", language="fr")) == (422, "invalid")


def test_a_code_is_used_once_and_a_wrong_one_never(api: RunningApi, scratch: str) -> None:
    ask(api, AN)
    code = code_for(scratch, AN)
    assert code_of(enter(api, AN, wrong(code))) == (422, "invalid")
    assert enter(api, AN, f" {code[:3]} {code[3:]} ").status_code == 200
    assert code_of(enter(api, AN, code)) == (422, "invalid")


def test_a_code_is_its_identitys_alone(api: RunningApi, scratch: str) -> None:
    ask(api, AN)
    ask(api, "binh@example.vn")
    assert code_of(enter(api, "binh@example.vn", code_for(scratch, AN))) == (422, "invalid")


def test_an_expired_code_is_like_a_wrong_one_and_like_none(api: RunningApi, scratch: str) -> None:
    ask(api, AN)
    code = code_for(scratch, AN)
    with redis.Redis.from_url(scratch) as client:
        [key] = client.scan_iter(match="code:[0-9]*")
        assert 290_000 < client.pttl(key) <= 300_000
    wrong_one = enter(api, AN, wrong(code))
    let_pass(scratch, "code:[0-9]*")
    answers = [wrong_one, enter(api, AN, code), enter(api, "nobody@example.vn", code)]
    assert {code_of(answer) for answer in answers} == {(422, "invalid")}
    assert len({answer.content for answer in answers}) == 1


def test_a_program_that_names_a_flow_has_a_code_of_its_own(api: RunningApi, scratch: str) -> None:
    flow = {"flow": "Zb3k9QxT2mW7vRn4Hc8sLp"}
    assert ask(api, AN, **flow).status_code == 202
    code = code_for(scratch, AN)
    body = {"kind": "email", "identity": AN, "code": code}
    for other in ({}, {"flow": "x" * 22}, {"flow": ""}):
        assert code_of(api.client.post("/api/login", json=body | other, headers=OWN)) == (422, "invalid")
    for short in ("x" * 21, "x" * 65, "with blanks in it, 22 letters"):
        assert code_of(ask(api, "binh@example.vn", flow=short)) == (422, "invalid")
    assert api.client.post("/api/login", json=body | flow, headers=OWN).status_code == 200


def test_five_tries_hold_under_fifty_guesses_at_once(api: RunningApi, scratch: str) -> None:
    ask(api, AN)
    code = code_for(scratch, AN)
    with ThreadPoolExecutor(25) as pool:
        found = list(pool.map(lambda _: enter(api, AN, wrong(code)).status_code, range(50)))
    assert found == [422] * 50
    assert enter(api, AN, code).status_code == 422, "the tries are used up, the right code is none any more"


def test_the_fifth_try_still_counts(api: RunningApi, scratch: str) -> None:
    ask(api, AN)
    code = code_for(scratch, AN)
    for _ in range(TRIES - 1):
        enter(api, AN, wrong(code))
    assert enter(api, AN, code).status_code == 200


def test_one_code_wins_one_session_of_many_at_once(api: RunningApi, scratch: str) -> None:
    ask(api, AN)
    code = code_for(scratch, AN)
    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(lambda _: enter(api, AN, code).status_code, range(TRIES)))
    assert sorted(found) == [200] + [422] * (TRIES - 1)


def test_a_new_code_ends_the_one_before(api: RunningApi, scratch: str) -> None:
    ask(api, AN)
    first = code_for(scratch, AN)
    let_pass(scratch, "code:cool:*")
    let_pass(scratch, "outbox:*")
    assert ask(api, AN).status_code == 202
    assert enter(api, AN, first).status_code == (200 if first == code_for(scratch, AN) else 422)
    assert enter(api, AN, code_for(scratch, AN)).status_code == 200


def test_a_thousand_requests_for_one_identity_send_one_mail_a_minute_and_five_an_hour(
    api: RunningApi, scratch: str
) -> None:
    solution = proof(api)
    assert ask(api, AN, altcha=solution).status_code == 202
    again = proof(api)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ask(api, AN, altcha=again), range(1000)))
    assert {answer.status_code for answer in found} == {202}, "no answer says that somebody asked before"
    assert all(1 <= answer.json()["retry_after"] <= 60 for answer in found)
    assert len(messages(scratch)) == 1
    for _ in range(HOURLY_CAP - 1):
        let_pass(scratch, "code:cool:*")
        assert ask(api, AN, altcha=again).status_code == 202, "a refused request has not used its solution up"
        again = proof(api)
    let_pass(scratch, "code:cool:*")
    capped = ask(api, AN)
    assert code_of(capped) == (429, "too_many")
    assert 3500 < int(capped.headers["retry-after"]) <= 3600
    assert ask(api, "binh@example.vn").status_code == 202, "the others are not hit"


def test_a_solution_counts_once(api: RunningApi) -> None:
    solution = proof(api)
    assert ask(api, AN, altcha=solution).status_code == 202
    replayed = ask(api, "binh@example.vn", altcha=solution)
    assert code_of(replayed) == (422, "invalid")
    assert replayed.json()["errors"][0]["field"] == "altcha"
    respelled = base64.b64encode(json.dumps(json.loads(base64.b64decode(solution)), indent=2).encode()).decode()
    assert ask(api, "chi@example.vn", altcha=respelled).status_code == 422


def test_one_solution_at_once_from_many_sends_one_code(api: RunningApi, scratch: str) -> None:
    solution = proof(api)
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda n: ask(api, f"nguoi{n}@example.vn", altcha=solution).status_code, range(20)))
    assert sorted(found) == [202] + [422] * 19
    assert len(messages(scratch)) == 1


def _forged(api: RunningApi) -> dict[str, str]:
    genuine = json.loads(base64.b64decode(proof(api)))

    def changed(**parameters: Any) -> str:
        return _packed(
            genuine
            | {"challenge": genuine["challenge"] | {"parameters": genuine["challenge"]["parameters"] | parameters}}
        )

    other_key = Proofs(KEYS.__class__("another key", ("x",)), PROOF_COST)
    old = Proofs(KEYS, PROOF_COST).challenge(time.time() - 3600)
    unlimited = Proofs(KEYS, PROOF_COST).challenge(time.time())
    del unlimited["parameters"]["expiresAt"]
    return {
        "empty": "",
        "no base64": "%%%",
        "no object": _packed([1]),
        "a text for a challenge": _packed({"challenge": "x", "solution": {}}),
        "numbers for texts": _packed(
            {
                "challenge": {"parameters": {"algorithm": 1, "nonce": 2, "salt": 3, "cost": "x"}, "signature": 5},
                "solution": {"counter": {}, "derivedKey": 7},
            }
        ),
        "deep": base64.b64encode(b"[" * 3000).decode(),
        "long": "A" * 5000,
        "cheaper": changed(cost=1),
        "easier": changed(keyPrefix=""),
        "unsolved": _packed(
            genuine | {"solution": genuine["solution"] | {"counter": genuine["solution"]["counter"] + 1}}
        ),
        "another installation's": solve(other_key.challenge(time.time())),
        "expired": solve(old),
        "without an end": solve(unlimited),
    }


def _packed(document: object) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def test_a_forged_proof_of_work_sends_nothing(api: RunningApi, scratch: str) -> None:
    for what, payload in _forged(api).items():
        assert code_of(ask(api, AN, altcha=payload)) == (422, "invalid"), what
    missing = api.client.post("/api/login/code", json={"kind": "email", "identity": AN}, headers=OWN)
    assert code_of(missing) == (422, "invalid")
    assert messages(scratch) == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Authorization": "Basic eA=="},
    ],
)
def test_another_website_neither_asks_nor_enters_nor_leaves(
    api: RunningApi, scratch: str, headers: dict[str, str]
) -> None:
    ask(api, AN)
    code = code_for(scratch, AN)
    for method, path, body in (
        ("POST", "/api/login/code", {"kind": "email", "identity": "binh@example.vn", "altcha": proof(api)}),
        ("POST", "/api/login", {"kind": "email", "identity": AN, "code": code}),
        ("DELETE", "/api/login", None),
    ):
        refused = api.client.request(method, path, json=body, headers=headers)
        assert code_of(refused) == (403, "cross_site"), path
        assert "set-cookie" not in refused.headers
    assert len(messages(scratch)) == 1
    assert enter(api, AN, code).status_code == 200, "no try was used up"


def test_an_origin_of_our_own_will_do(api: RunningApi) -> None:
    body = {"kind": "email", "identity": AN, "altcha": proof(api)}
    assert api.client.post("/api/login/code", json=body, headers={"Origin": api.url}).status_code == 202


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed"),
        (b"[]", "invalid"),
        (b'{"kind":"email","identity":5,"code":"123456"}', "invalid"),
        (b'{"kind":"email","identity":"an@example.vn","code":"123456","admin":true}', "invalid"),
        (b'{"kind":"sms","identity":"0912345678","code":"123456"}', "invalid"),
        (b'{"kind":"email","identity":"an","code":"123456"}', "invalid"),
        (b'{"kind":"email","identity":"an@example.vn","code":"12345"}', "invalid"),
        (b'{"kind":"email","identity":"an@example.vn","code":"\\u0661\\u0662\\u0663\\u0664\\u0665\\u0666"}', "invalid"),
        (b'{"kind":"email","identity":"\\ud800@example.vn","code":"123456"}', "malformed"),
        (b'{"kind":"email","identity":"' + b"a" * 20_000 + b'"}', "too_large"),
    ],
)
def test_bad_bodies_are_refused_by_the_contract(api: RunningApi, body: bytes, code: str) -> None:
    refused = api.client.post("/api/login", content=body, headers=OWN)
    assert refused.json()["code"] == code
    assert refused.headers["content-type"] == "application/problem+json"


def test_scratch_away_is_503_and_pages_stay(start_api: Any, open_box: str) -> None:
    api = start_api(open_box, login_proof_cost=PROOF_COST)
    api.wait_ready()
    for answer in (ask(api, AN), enter(api, AN, "123456")):
        assert code_of(answer) == (503, "not_ready")
        assert int(answer.headers["retry-after"]) >= 1
    assert api.client.get("/dang-nhap").status_code == 200
    assert api.client.get("/demo/hop-thu").status_code == 503


def test_with_the_box_never_read_nobody_is_let_in(start_api: Any, scratch: str, tmp_path: Any) -> None:
    api = start_api(f"unix://{tmp_path}/none.sock", scratch_url=scratch, login_proof_cost=PROOF_COST)
    assert code_of(ask(api, AN)) == (503, "not_ready")
    assert code_of(enter(api, AN, "123456")) == (503, "not_ready")
    assert messages(scratch) == []


def test_over_https_the_cookie_is_the_hosts_and_leaving_takes_it_away(
    start_api: Any, open_box: str, scratch: str
) -> None:
    api = start_api(
        open_box, scratch_url=scratch, login_proof_cost=PROOF_COST, public_origin="https://bc.example", **MAIL
    )
    api.wait_ready()
    ask(api, AN)
    cookie, tag = enter(api, AN, code_for(scratch, AN)).headers.get_list("set-cookie")
    assert cookie.startswith("__Host-session=")
    assert cookie.endswith("; Path=/; Max-Age=259200; HttpOnly; SameSite=Lax; Secure")
    assert re.fullmatch(r"signed_in=[\w-]{16}; Path=/; Max-Age=259200; SameSite=Lax; Secure", tag)
    left = api.client.delete("/api/login", headers=OWN)
    assert left.status_code == 204
    assert left.headers.get_list("set-cookie") == [
        "__Host-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure",
        "signed_in=; Path=/; Max-Age=0; SameSite=Lax; Secure",
    ]


def test_neither_code_nor_address_is_kept(api: RunningApi, scratch: str) -> None:
    ask(api, AN)
    code = code_for(scratch, AN).encode()
    with redis.Redis.from_url(scratch) as client:
        names = client.keys()
        kept = {name: client.hgetall(name) if client.type(name) == b"hash" else b"" for name in names}
        assert all(client.pttl(name) > 0 for name in names if name != b"outbox:due")
    assert len(names) == 7
    assert code not in str(kept).encode().replace(AN.encode(), b"")
    outbox = {name for name, fields in kept.items() if AN in str(fields) or AN.encode() in name}
    assert [name.rpartition(b":")[0] for name in outbox] == [b"outbox:message"], "only until it is sent"


def test_the_calls_stand_in_the_openapi_document(api: RunningApi) -> None:
    paths = api.client.get("/openapi.json").json()["paths"]
    assert {"/api/login", "/api/login/code", "/api/login/challenge"} <= set(paths)
    assert "requestBody" in paths["/api/login/code"]["post"]
    assert not any("dang-nhap" in path or "demo" in path for path in paths)


def test_who_leaves_before_the_body_is_there_is_no_error(api: RunningApi, logged: Logged) -> None:
    """A script that does so all day would fill the disk with complaints, and the box needs its disk."""
    for path in ("/api/login", "/api/login/code", "/dang-nhap", "/dang-nhap/ma", "/tro-giup/mat-phieu"):
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 9\r\n\r\n"
        with socket.create_connection(("127.0.0.1", api.port)) as leaving:
            leaving.sendall(head.encode())
            leaving.shutdown(socket.SHUT_WR)
            assert leaving.recv(1) == b""
    assert api.client.post("/api/login", json={}, headers=OWN).status_code == 422  # whose turn came after theirs
    assert logged.lines == []
