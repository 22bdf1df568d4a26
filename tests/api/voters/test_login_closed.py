"""While an operator keeps logins closed no way leads in, and every way says so."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.api.contest import open_contest
from tests.api.running import RunningApi, new_account, settings_for, token_for
from tests.api.voters.logging_in import MAIL, OWN, PROOF_COST, TICKED, ask, code_for, enter, messages, send
from tests.api.voters.oidc_hostile import HostileProvider, begin, come_back
from tests.servers import empty_valkey, wait_for

SAID = "Việc đăng nhập đang tạm dừng"


@pytest.fixture
def provider() -> Iterator[HostileProvider]:
    made = HostileProvider()
    yield made
    made.stop()


@pytest.fixture
def api(box: str, scratch: str, provider: HostileProvider) -> Iterator[RunningApi]:
    open_contest(box)
    made = {"scratch_url": scratch, "login_proof_cost": PROOF_COST, "oidc_providers": (provider.provider,)} | MAIL
    running = RunningApi(settings_for(box, **made))
    running.wait_ready()
    yield running
    running.stop()


@pytest.fixture
def close(api: RunningApi, box: str) -> Callable[[], None]:
    def shut() -> None:
        empty_valkey(box)
        open_contest(box, switches={"login_closed": True})
        wait_for(lambda: api.client.get("/api/contest").json().get("switches", {}).get("login_closed"), 5, "closed")

    return shut


def test_no_code_is_sent_and_none_is_taken(api: RunningApi, close: Callable[[], None], scratch: str) -> None:
    assert ask(api, "an@example.vn").status_code == 202
    code = code_for(scratch, "an@example.vn")
    close()
    refused = enter(api, "an@example.vn", code)
    assert (refused.status_code, refused.json()["code"]) == (403, "login_closed")
    assert "set-cookie" not in refused.headers
    assert ask(api, "binh@example.vn").json()["code"] == "login_closed"
    assert [message["to"] for message in messages(scratch)] == ["an@example.vn"]


def test_the_forms_say_so(api: RunningApi, close: Callable[[], None], scratch: str) -> None:
    send(api, "/dang-nhap", identity="an@example.vn", altcha="")
    close()
    page = api.client.get("/dang-nhap")
    assert page.status_code == 200
    assert page.text.count(SAID) == 1
    assert 'name="identity"' not in page.text
    asked = send(api, "/dang-nhap", identity="binh@example.vn")
    assert asked.status_code == 403
    assert asked.text.count(SAID) == 1
    entered = send(api, "/dang-nhap/ma", identity="an@example.vn", code="123456")
    assert entered.status_code == 403
    assert SAID in entered.text
    assert "session=" not in entered.headers.get("set-cookie", "")


def test_no_provider_leads_in(api: RunningApi, close: Callable[[], None], provider: HostileProvider) -> None:
    asked = begin(api)
    provider.gives(provider.sign(provider.claims(asked["nonce"])))
    close()
    back = come_back(api, state=asked["state"], code="the code", iss=provider.issuer)
    assert back.status_code == 403
    assert SAID in back.text
    assert "session=" not in back.headers.get("set-cookie", "")
    begun = api.client.post("/login/oidc/thu", data=TICKED, headers=OWN)
    assert begun.status_code == 403
    assert SAID in begun.text


def test_who_is_in_stays_in(api: RunningApi, close: Callable[[], None]) -> None:
    close()
    session = token_for(new_account(), time.time())
    assert api.vote(1, session).status_code == 201
    assert api.client.get("/api/ballot", headers={"Authorization": f"Bearer {session}"}).status_code == 200
    page = api.client.get("/bai-du-thi/bai-1").text
    assert "Tạm dừng đăng nhập" in page
    assert "data-vote" in page
