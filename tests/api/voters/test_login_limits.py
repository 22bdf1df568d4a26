"""Limits of login under load: they hit the script and not the school behind one address. All requests of these tests
come from one address.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from models.proof_of_work import STEPS
from models.scratch.codes import HOURLY_CAP, TRIES
from tests.api.running import RunningApi
from tests.api.voters.logging_in import OWN, PROOF_COST, TICKED, ask, code_for, enter, let_pass, messages, proof, wrong
from tests.servers import wait_for

MANY = 1000
AN = "an@example.vn"


@pytest.fixture
def api(login_api: RunningApi, scratch: str) -> RunningApi:
    login_api.client.cookies.clear()
    return login_api


def test_a_thousand_voters_behind_one_address_all_get_their_codes(api: RunningApi, scratch: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: ask(api, f"nguoi{n}@example.vn").status_code, range(MANY)))
    assert Counter(found) == {202: MANY}
    assert len({message["to"] for message in messages(scratch)}) == MANY


def test_a_script_without_proofs_stops_at_the_budget_and_who_has_one_does_not(
    start_api: Any, open_box: str, scratch: str
) -> None:
    api = start_api(open_box, scratch_url=scratch, login_proof_cost=PROOF_COST, login_unproven_per_hour=20)
    api.wait_ready()

    def post(number: int) -> int:
        fields = {"identity": f"bot{number}@example.vn"} | TICKED
        return api.client.post("/dang-nhap", data=fields, headers=OWN).status_code

    with ThreadPoolExecutor(8) as pool:
        found = Counter(pool.map(post, range(MANY)))
    assert found == {303: 20, 429: MANY - 20}
    assert len(messages(scratch)) == 20
    assert ask(api, AN).status_code == 202, "who has done the work is not hit"


def test_a_script_that_replays_one_proof_sends_one_code(api: RunningApi, scratch: str) -> None:
    solution = proof(api)
    with ThreadPoolExecutor(8) as pool:
        found = Counter(pool.map(lambda n: ask(api, f"bot{n}@example.vn", altcha=solution).status_code, range(MANY)))
    assert found == {202: 1, 422: MANY - 1}
    assert len(messages(scratch)) == 1


def test_an_hour_has_five_codes_of_five_guesses_for_one_identity(api: RunningApi, scratch: str) -> None:
    for _ in range(HOURLY_CAP):
        let_pass(scratch, "code:cool:*")
        let_pass(scratch, "outbox:*")
        assert ask(api, AN).status_code == 202
        code = code_for(scratch, AN)
        for _guess in range(TRIES):
            assert enter(api, AN, wrong(code)).status_code == 422
        assert enter(api, AN, code).status_code == 422, "no guess is left, not even for the right one"
    let_pass(scratch, "code:cool:*")
    assert ask(api, AN).status_code == 429


def test_the_more_codes_are_asked_for_the_more_work_each_is(api: RunningApi, scratch: str) -> None:
    def asked_for() -> str:
        return str(api.client.get("/api/login/challenge").json()["parameters"]["keyPrefix"])

    wait_for(lambda: asked_for() == STEPS[0].prefix, 4.0)
    ask(api, AN)
    with redis.Redis.from_url(scratch) as client:
        [counter] = client.scan_iter(match="code:load:*")
        assert client.get(counter) == b"1"
        assert 60_000 < client.pttl(counter) <= 120_000
        client.set(counter, STEPS[1].load, keepttl=True)
    wait_for(lambda: asked_for() == STEPS[1].prefix, 4.0)
    assert ask(api, "binh@example.vn").status_code == 202, "a proof of the harder kind is as good"


def test_a_throw_away_address_is_refused_at_the_field(api: RunningApi, scratch: str) -> None:
    refused = ask(api, "an@mailinator.com")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "identity"
    page = api.client.post("/dang-nhap", data={"identity": "an@x.mailinator.com"} | TICKED, headers=OWN)
    assert page.status_code == 422
    assert "Địa chỉ dùng tạm, ai cũng mở được, thì không được nhận" in page.text
    assert messages(scratch) == []


def test_the_operators_own_list_counts_too(start_api: Any, open_box: str, scratch: str) -> None:
    api = start_api(
        open_box, scratch_url=scratch, login_proof_cost=PROOF_COST, disposable_domains="relay.example, other.example"
    )
    api.wait_ready()
    assert ask(api, "an@x.relay.example").status_code == 422
    assert ask(api, AN).status_code == 202


def _counted(api: RunningApi) -> dict[str, float]:
    lines = api.client.get("/metrics").text.splitlines()
    found = [line.rpartition(" ") for line in lines if line.startswith(("binhchon_login_codes", "binhchon_sessions"))]
    return {name: float(value) for name, _, value in found if "_created" not in name}


def test_what_became_of_requests_and_logins_is_counted_without_a_name(api: RunningApi, scratch: str) -> None:
    before = _counted(api)
    ask(api, AN)
    ask(api, AN)
    ask(api, "an@mailinator.com")
    enter(api, AN, code_for(scratch, AN))
    after = _counted(api)
    grown = {name: value - before.get(name, 0.0) for name, value in after.items() if value != before.get(name, 0.0)}
    assert grown == {
        'binhchon_login_codes_total{kind="email",outcome="sent"}': 1.0,
        'binhchon_login_codes_total{kind="email",outcome="cooling"}': 1.0,
        'binhchon_login_codes_total{kind="email",outcome="disposable"}': 1.0,
        'binhchon_sessions_total{proof="email"}': 1.0,
    }
    assert "an@" not in str(after)


def test_no_answer_says_that_somebody_asked_before(api: RunningApi, scratch: str) -> None:
    """Nor when: who means to call the voter and talk the code out of them would know the moment."""
    first = ask(api, AN)
    with redis.Redis.from_url(scratch) as client:
        for key in client.scan_iter(match="code:cool:*"):
            client.pexpire(key, 20_000)
    second = ask(api, AN)
    assert (second.status_code, second.json()) == (first.status_code, first.json())
