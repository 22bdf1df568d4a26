"""Login by SMS, through the form and the JSON calls; the API only fills the outbox."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from pydantic import SecretStr

from api.sessions import Sessions
from api.voters.login_conditions import FRESH_S
from models.event import Proof
from models.scratch import switches
from models.scratch.connection import scratch_client
from tests.api.contest import KEYS
from tests.api.running import RunningApi, settings_for
from tests.api.voters.logging_in import (
    MAIL,
    OWN,
    PROOF_COST,
    ask,
    code_for,
    cookie_of,
    let_pass,
    messages,
    proof,
    send,
)
from tests.servers import wait_for

NUMBER = "+84912345678"
SMS = {"sms_url": SecretStr("https://sms.example.vn/?to={to}&text={text}"), "sms_per_hour": 5}


@pytest.fixture(scope="module")
def both(open_box: str, scratch_url: str) -> Iterator[RunningApi]:
    """An API that sends codes by e-mail and by SMS."""
    running = RunningApi(settings_for(open_box, scratch_url=scratch_url, login_proof_cost=PROOF_COST, **SMS, **MAIL))
    running.wait_ready()
    yield running
    running.stop()


@pytest.fixture
def api(both: RunningApi, scratch: str) -> RunningApi:
    both.client.cookies.clear()
    return both


@pytest.fixture
def switch(scratch: str) -> Iterator[Callable[[bool], None]]:
    def throw(on: bool) -> None:
        with closing(scratch_client(scratch)) as client:
            switches.throw(client, "sms", on=on)

    yield throw
    throw(True)


def test_one_field_takes_a_number_in_any_spelling(api: RunningApi, scratch: str) -> None:
    form = api.client.get("/dang-nhap")
    assert "Email hoặc số điện thoại" in form.text
    assert re.search(r'<input id="identity" name="identity" type="text"', form.text)
    asked = send(api, "/dang-nhap", identity="0912.345.678", next="/the-le")
    assert "09••\u00a0•••\u00a0678" in asked.text, "not torn over two lines"
    assert "Mã trong tin nhắn" in asked.text
    [message] = messages(scratch)
    assert (message["kind"], message["to"]) == ("sms", NUMBER)
    entered = send(api, "/dang-nhap/ma", identity="+84 912 345 678", code=code_for(scratch, NUMBER), next="/the-le")
    assert (entered.status_code, entered.headers["location"]) == (303, "/the-le")
    session = Sessions(KEYS).read(cookie_of(entered).encode())
    assert session is not None
    assert session.proof == Proof.SMS


def test_the_same_field_takes_an_address(api: RunningApi, scratch: str) -> None:
    asked = send(api, "/dang-nhap", identity="An@example.vn")
    assert "a•••@example.vn" in asked.text
    assert "Mã trong thư" in asked.text
    assert [message["kind"] for message in messages(scratch)] == ["email"]


@pytest.mark.parametrize("typed", ["0208 385 1234", "+1 415 555 2671", "0111 234 567"])
def test_a_number_that_no_code_can_be_sent_to_is_said_at_the_field(api: RunningApi, scratch: str, typed: str) -> None:
    again = send(api, "/dang-nhap", identity=typed)
    assert again.status_code == 422
    assert "Mã chỉ gửi được tới số di động của Việt Nam" in again.text
    assert f'value="{typed}"' in again.text
    assert messages(scratch) == []


def test_what_may_be_meant_as_either_is_told_of_both(api: RunningApi) -> None:
    assert "Email hoặc số điện thoại chưa đúng" in send(api, "/dang-nhap", identity="0912").text
    assert "Địa chỉ email chưa đúng" in send(api, "/dang-nhap", identity="an@").text


def test_the_calls_take_a_number_too(api: RunningApi, scratch: str) -> None:
    asked = ask(api, "0912345678", kind="sms")
    assert (asked.status_code, asked.json()["masked"]) == (202, "09•• ••• 678")
    body = {"kind": "sms", "identity": NUMBER, "code": code_for(scratch, NUMBER)}
    assert api.client.post("/api/login", json=body, headers=OWN).status_code == 200
    assert ask(api, "an@example.vn", kind="sms").json()["errors"][0]["field"] == "identity"
    assert ask(api, "an@example.vn", kind="fax").json()["errors"][0]["field"] == "kind"


def test_the_sms_of_an_hour_used_up_leave_the_other_ways(api: RunningApi, scratch: str) -> None:
    for number in range(SMS["sms_per_hour"]):
        assert ask(api, f"091234567{number}", kind="sms").status_code == 202
    spent = ask(api, "0912345677", kind="sms")
    assert (spent.status_code, spent.json()["code"]) == (429, "too_many")
    assert 3500 < int(spent.headers["retry-after"]) <= 3600
    page = send(api, "/dang-nhap", identity="0912345677", altcha=proof(api))
    assert page.status_code == 429
    assert "Số tin nhắn SMS gửi được trong giờ này đã hết" in page.text
    assert ask(api, "an@example.vn").status_code == 202
    let_pass(scratch, "sms:hour")
    assert ask(api, "0912345677", kind="sms").status_code == 202


def step(api: RunningApi) -> tuple[str, int]:
    parameters = api.client.get("/api/login/challenge").json()["parameters"]
    return parameters["keyPrefix"], parameters["cost"]


def test_the_fewer_sms_are_left_the_more_work_a_code_is(
    api: RunningApi, login_api: RunningApi, scratch: str, switch: Callable[[bool], None]
) -> None:
    first, second, third = (("000", PROOF_COST // divisor) for divisor in (8, 4, 2))
    wait_for(lambda: step(api)[0] == "00", 4 * FRESH_S)
    with closing(scratch_client(scratch)) as client:
        for sent, asked in ((3, first), (4, second), (5, third)):
            client.set("sms:hour", sent)
            wait_for(lambda asked=asked: step(api) == asked, 4 * FRESH_S)
    assert step(login_api)[0] == "00", "no SMS are sent there"
    assert ask(api, "an@example.vn").status_code == 202
    switch(False)
    wait_for(lambda: step(api)[0] == "00", 4 * FRESH_S)


def test_switched_off_the_form_is_for_addresses_alone(
    api: RunningApi, scratch: str, switch: Callable[[bool], None]
) -> None:
    switch(False)
    refused = send(api, "/dang-nhap", identity="0912345678")
    assert refused.status_code == 422
    assert "Hiện chưa gửi được mã qua tin nhắn SMS" in refused.text
    assert messages(scratch) == []
    wait_for(lambda: "Email hoặc" not in api.client.get("/dang-nhap").text, 4 * FRESH_S)
    switch(True)
    wait_for(lambda: "Email hoặc" in api.client.get("/dang-nhap").text, 4 * FRESH_S)


def test_where_there_is_no_gateway_a_number_is_no_address(login_api: RunningApi, scratch: str) -> None:
    assert "Địa chỉ email chưa đúng" in send(login_api, "/dang-nhap", identity="0912345678").text
    assert ask(login_api, "0912345678", kind="sms").json()["errors"][0]["field"] == "kind"


def test_where_there_is_a_gateway_alone_an_address_is_no_number(start_api: Any, open_box: str, scratch: str) -> None:
    api = start_api(open_box, scratch_url=scratch, login_proof_cost=PROOF_COST, **SMS)
    api.wait_ready()
    assert 'type="tel"' in api.client.get("/dang-nhap").text
    assert "Số điện thoại chưa đúng" in send(api, "/dang-nhap", identity="an@example.vn").text
    assert api.client.get("/demo/hop-thu").status_code == 404
