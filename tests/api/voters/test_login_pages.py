"""Login with forms alone, as a browser without JavaScript does it."""

import json
import re
from typing import Any

import httpx
import pytest
import redis

from api.voters.login_pages import own_path
from api.voters.login_steps import LoggedIn, Login
from models.agreement import VERSIONS, Agreed
from models.ballot_box.keys import site_key
from models.identity import Proven
from models.scratch import codes, outbox
from tests.api.contest import CONTEST_ID, open_contest
from tests.api.running import RunningApi
from tests.api.voters.logging_in import (
    MAIL,
    OWN,
    PROOF_COST,
    TICKED,
    code_for,
    cookie_of,
    let_pass,
    messages,
    proof,
    send,
    wrong,
)

AN = "an@example.vn"


@pytest.fixture
def api(login_api: RunningApi, scratch: str) -> RunningApi:
    login_api.client.cookies.clear()
    return login_api


def hidden(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]* value="([^"]*)"', page.text)
    assert found, page.text
    return found[1]


def test_from_an_entry_through_the_code_back_to_the_entry(api: RunningApi, scratch: str) -> None:
    form = api.client.get("/dang-nhap", params={"next": "/bai-du-thi/bai-1"})
    assert form.status_code == 200
    assert form.headers["cache-control"] == "no-store"
    assert "form-action 'self'" in form.headers["content-security-policy"]
    asked = send(api, "/dang-nhap", identity="An@Example.vn", next=hidden(form, "next"))
    assert asked.status_code == 200
    assert "a•••@example.vn" in asked.text
    entered = send(
        api,
        "/dang-nhap/ma",
        identity=hidden(asked, "identity"),
        code=code_for(scratch, AN),
        next=hidden(asked, "next"),
    )
    assert entered.status_code == 303
    assert entered.headers["location"] == "/bai-du-thi/bai-1"
    assert entered.headers["cache-control"] == "no-store"
    assert api.vote(1, cookie_of(entered)).status_code in (200, 201)


def test_a_wrong_code_is_asked_for_again_and_nothing_typed_is_lost(api: RunningApi, scratch: str) -> None:
    send(api, "/dang-nhap", identity=AN)
    code = code_for(scratch, AN)
    again = send(api, "/dang-nhap/ma", identity=AN, code=wrong(code), next="/tra-cuu?ma=1")
    assert again.status_code == 200
    assert "Mã không đúng" in again.text
    assert (hidden(again, "identity"), hidden(again, "next")) == (AN, "/tra-cuu?ma=1")
    for _ in range(10):  # loaded again, and looked at after a step back: no guess
        assert api.client.get("/dang-nhap/ma?loi=ma").status_code == 200
    assert send(api, "/dang-nhap/ma", identity=AN, code=code).status_code == 303


def test_a_code_is_good_in_the_browser_that_asked_for_it(api: RunningApi, scratch: str) -> None:
    """Who talked it out of somebody has no use for it, and whose guesses they are is told apart."""
    send(api, "/dang-nhap", identity=AN)
    code = code_for(scratch, AN)
    with httpx.Client(base_url=api.url) as stranger:
        for guess in (code, wrong(code), wrong(code), wrong(code), wrong(code), wrong(code), code):
            fields = TICKED | {"identity": AN, "code": guess, "flow": "0" * 32}
            refused = stranger.post("/dang-nhap/ma", data=fields, headers=OWN)
            assert refused.headers["location"] == "/dang-nhap/ma?loi=ma"
    body = {"kind": "email", "identity": AN, "code": code}
    assert api.client.post("/api/login", json=body, headers=OWN).status_code == 422, "nor by a call"
    assert send(api, "/dang-nhap/ma", identity=AN, code=wrong(code)).status_code == 200
    assert send(api, "/dang-nhap/ma", identity=AN, code=code).status_code == 303


def test_an_owner_gets_in_while_somebody_asks_again_and_again(api: RunningApi, scratch: str) -> None:
    with httpx.Client(base_url=api.url) as stranger:
        asked = stranger.post("/dang-nhap", data=TICKED | {"identity": AN}, headers=OWN)
        assert asked.headers["location"] == "/dang-nhap/ma"
        send(api, "/dang-nhap", identity=AN)
        for _ in range(8):
            fields = TICKED | {"identity": AN, "code": wrong(code_for(scratch, AN))}
            stranger.post("/dang-nhap/ma", data=fields, headers=OWN)
    assert send(api, "/dang-nhap/ma", identity=AN, code=code_for(scratch, AN)).status_code == 303


def test_a_code_of_another_length_is_told_so_and_is_no_guess(api: RunningApi, scratch: str) -> None:
    send(api, "/dang-nhap", identity=AN)
    for short in ("", "12345", "123 4", "1234567"):
        assert "Mã gồm đúng 6 chữ số" in send(api, "/dang-nhap/ma", identity=AN, code=short).text
    assert send(api, "/dang-nhap/ma", identity=AN, code=code_for(scratch, AN)).status_code == 303


def test_what_was_typed_waits_in_the_voter_s_own_browser_until_the_login_ends(api: RunningApi, scratch: str) -> None:
    send(api, "/dang-nhap", identity=AN, next="/the-le")
    kept = api.client.cookies["login"]
    form = api.client.get("/dang-nhap?next=/the-le")
    assert hidden(form, "identity") == AN
    assert form.text.count(" checked") == len(TICKED)
    entered = send(api, "/dang-nhap/ma", identity=AN, code=code_for(scratch, AN), next="/the-le")
    assert "login=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" in entered.headers.get_list("set-cookie")
    assert "login" not in api.client.cookies
    assert api.client.get("/dang-nhap/ma").headers["location"] == "/dang-nhap"
    for junk in ("x", "e30=", "bnVsbA==", "W10=", "eyJpZGVudGl0eSI6MX0=", kept * 20, "%00"):
        api.client.cookies.set("login", junk, domain="127.0.0.1")
        assert api.client.get("/dang-nhap/ma").status_code == 303
        api.client.cookies.clear()


def test_whoever_comes_from_a_vote_reads_that_it_was_not_sent(api: RunningApi) -> None:
    said = "Phiếu chưa được gửi."
    assert said in api.client.get("/dang-nhap?next=/bai-du-thi/bai-1/binh-chon").text
    assert "Your vote has not been sent" in api.client.get("/en/dang-nhap?next=/bai-du-thi/bai-1/binh-chon").text
    assert said not in api.client.get("/dang-nhap?next=/binh-chon").text


def test_an_address_that_is_none_comes_back_as_it_was_typed(api: RunningApi, scratch: str) -> None:
    again = send(api, "/dang-nhap", identity='an@"><script>alert(1)</script>', next="/the-le")
    assert again.status_code == 422
    assert "Địa chỉ email chưa đúng" in again.text
    assert "<script>" not in again.text
    assert "an@&#34;&gt;&lt;script&gt;" in again.text
    assert messages(scratch) == []


def test_no_box_is_ticked_beforehand(api: RunningApi) -> None:
    form = api.client.get("/dang-nhap", params={"counting": "1", "identity": AN})
    for name in TICKED:
        assert re.search(rf'<input type="checkbox" id="{name}" name="{name}" value="1">', form.text)
        assert f'href="/rieng-tu#{name}" target="_blank"' in form.text
    assert hidden(form, "identity") == ""


def test_the_statement_names_the_contest_s_own_area(start_api, valkey_factory, scratch: str) -> None:
    box = valkey_factory("box").url
    document = open_contest(box)
    document["contest"]["area"], document["contest"]["area_en"] = "tỉnh <Thử>", ""
    with redis.Redis.from_url(box) as client:
        client.set(site_key(CONTEST_ID), json.dumps(document))
    api = start_api(box, scratch_url=scratch)
    api.wait_ready()
    assert "Tôi đang sống, học tập hoặc làm việc tại tỉnh &lt;Thử&gt;." in api.client.get("/dang-nhap").text
    assert "I live, study or work in tỉnh &lt;Thử&gt;." in api.client.get("/en/dang-nhap").text


@pytest.mark.parametrize("missing", TICKED)
def test_a_box_that_is_not_ticked_is_said_at_the_box_and_loses_nothing(
    api: RunningApi, scratch: str, missing: str
) -> None:
    ticked = {name: "1" for name in TICKED if name != missing}
    again = api.client.post("/dang-nhap", data={"identity": AN, "next": "/the-le"} | ticked, headers=OWN)
    assert again.status_code == 422
    assert re.findall(r'<li><a href="#(\w+)">', again.text) == [missing]
    assert f'aria-describedby="{missing}-loi"' in again.text
    assert re.findall(r'id="(\w+)"[^>]* checked', again.text) == list(ticked)
    assert (hidden(again, "identity"), hidden(again, "next")) == (AN, "/the-le")
    assert messages(scratch) == []


def test_all_that_is_wrong_with_the_form_is_said_at_once(api: RunningApi) -> None:
    again = api.client.post("/dang-nhap", data={"identity": "an"}, headers=OWN)
    assert re.findall(r'<li><a href="#(\w+)">', again.text) == ["identity", *TICKED]
    assert "<title>Lỗi:" in again.text


def test_a_code_without_the_agreement_is_not_used_up(api: RunningApi, scratch: str) -> None:
    send(api, "/dang-nhap", identity=AN)
    code = code_for(scratch, AN)
    again = api.client.post("/dang-nhap/ma", data={"identity": AN, "code": code}, headers=OWN)
    assert again.status_code == 422
    assert "set-cookie" not in again.headers
    assert send(api, "/dang-nhap/ma", identity=AN, code=code).status_code == 303


def test_what_was_agreed_to_goes_with_the_code_and_into_the_session(
    api: RunningApi, scratch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Agreed] = []
    session_for = Login.session_for

    async def keep(self: Login, proven: Proven, agreed: Agreed) -> LoggedIn:
        kept.append(agreed)
        return await session_for(self, proven, agreed)

    monkeypatch.setattr(Login, "session_for", keep)
    asked = send(api, "/dang-nhap", identity=AN)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', asked.text))
    assert fields == {"identity": AN, "next": "/"} | TICKED
    api.client.post("/dang-nhap/ma", data=fields | {"code": code_for(scratch, AN)}, headers=OWN)
    assert kept == [tuple(VERSIONS.items())]


def test_in_english_from_the_form_to_the_mail_and_back(api: RunningApi, scratch: str) -> None:
    form = api.client.get("/en/dang-nhap", params={"next": "/en/bai-du-thi/bai-1"})
    assert '<html lang="en">' in form.text
    assert 'action="/en/dang-nhap"' in form.text
    assert 'href="/dang-nhap?next=%2Fen%2Fbai-du-thi%2Fbai-1"' in form.text, "the way to Vietnamese"
    asked = send(api, "/en/dang-nhap", identity=AN, next=hidden(form, "next"))
    assert 'action="/en/dang-nhap/ma"' in asked.text
    assert [message["language"] for message in messages(scratch)] == ["en"]
    entered = send(api, "/en/dang-nhap/ma", identity=AN, code=code_for(scratch, AN), next=hidden(asked, "next"))
    assert entered.headers["location"] == "/en/bai-du-thi/bai-1"
    assert hidden(api.client.get("/en/dang-nhap", params={"next": "//evil.example"}), "next") == "/en/"


def test_pressed_twice_is_one_code(api: RunningApi, scratch: str) -> None:
    pages = [send(api, "/dang-nhap", identity=AN) for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    assert pages[0].content == pages[1].content
    assert len(messages(scratch)) == 1


def test_a_mail_server_in_trouble_is_said_where_the_code_is_waited_for(api: RunningApi, scratch: str) -> None:
    assert "đến chậm" not in send(api, "/dang-nhap", identity=AN).text
    with redis.Redis.from_url(scratch) as client:
        client.set(outbox.TROUBLE + "email", 1)
    assert "đến chậm" in send(api, "/dang-nhap", identity=AN).text


def test_without_a_proof_of_work_there_is_a_small_budget(start_api: Any, open_box: str, scratch: str) -> None:
    api = start_api(open_box, scratch_url=scratch, login_proof_cost=PROOF_COST, login_unproven_per_hour=2)
    api.wait_ready()
    found = [send(api, "/dang-nhap", identity=f"nguoi{n}@example.vn") for n in range(4)]
    assert [page.status_code for page in found] == [200, 200, 429, 429]
    assert 3500 < int(found[3].headers["retry-after"]) <= 3600
    assert hidden(found[3], "identity") == "nguoi3@example.vn"
    assert len(messages(scratch)) == 2
    proven = send(api, "/dang-nhap", identity="nguoi5@example.vn", altcha=proof(api))
    assert proven.status_code == 200, "who has a proof of work does not need the budget"


def test_an_hours_codes_used_up_is_said(api: RunningApi, scratch: str) -> None:
    for _ in range(codes.HOURLY_CAP):
        let_pass(scratch, "code:cool:*")
        assert send(api, "/dang-nhap", identity=AN).status_code == 200
    let_pass(scratch, "code:cool:*")
    capped = send(api, "/dang-nhap", identity=AN)
    assert capped.status_code == 429
    assert "đã nhận đủ số mã" in capped.text


ELSEWHERE = (
    *("https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example"),
    *("/\n/evil.example", "javascript:alert(1)", "evil.example", " //evil.example", "", "/" + "a" * 600),
    *("/x\r\nSet-Cookie: a=b", "http:/evil.example", "/\x00/evil.example"),
)


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_nobody_is_sent_elsewhere(api: RunningApi, scratch: str, wanted: str) -> None:
    assert hidden(api.client.get("/dang-nhap", params={"next": wanted}), "next") == "/"
    send(api, "/dang-nhap", identity=AN)
    entered = send(api, "/dang-nhap/ma", identity=AN, code=code_for(scratch, AN), next=wanted)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")


def test_own_paths_are_kept() -> None:
    for wanted in ("/", "/bai-du-thi/bai-1", "/binh-chon?q=may+tinh&trang=2#bai-3", "/binh-chon?q=m%C3%A1y"):
        assert own_path(wanted) == wanted
    assert own_path("/binh-chon?q=máy") == "/binh-chon?q=m%C3%A1y"


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_a_form_of_another_website_does_nothing(api: RunningApi, scratch: str, headers: dict[str, str]) -> None:
    send(api, "/dang-nhap", identity=AN)
    for path, fields in (
        ("/dang-nhap", {"identity": "binh@example.vn"}),
        ("/dang-nhap/ma", {"identity": AN, "code": code_for(scratch, AN)}),
        ("/dang-nhap/thoat", {}),
    ):
        refused = api.client.post(path, data=TICKED | fields, headers=headers)
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers
    assert len(messages(scratch)) == 1


def test_leaving_takes_the_cookie_away(api: RunningApi) -> None:
    left = send(api, "/dang-nhap/thoat")
    assert (left.status_code, left.headers["location"]) == (303, "/")
    assert cookie_of(left) == ""


@pytest.mark.parametrize("body", [b"a=1&" * 50, b"\xff\xfe", b"identity=" + b"a" * 20_000])
def test_bodies_that_are_no_form_of_ours(api: RunningApi, body: bytes) -> None:
    refused = api.client.post("/dang-nhap", content=body, headers=OWN)
    assert refused.status_code in (400, 413)
    assert "<form" in refused.text


def test_the_code_page_alone_leads_to_its_beginning(api: RunningApi) -> None:
    found = api.client.get("/dang-nhap/ma")
    assert (found.status_code, found.headers["location"]) == (303, "/dang-nhap")


def test_with_scratch_away_the_page_says_so_and_keeps_the_address(start_api: Any, open_box: str) -> None:
    api = start_api(open_box)
    api.wait_ready()
    away = send(api, "/dang-nhap", identity=AN, next="/the-le")
    assert away.status_code == 503
    assert int(away.headers["retry-after"]) >= 1
    assert (hidden(away, "identity"), hidden(away, "next")) == (AN, "/the-le")


def test_only_a_demo_without_a_mail_server_shows_its_mails(
    api: RunningApi, start_api: Any, open_box: str, scratch: str
) -> None:
    assert "minh hoạ" in api.client.get("/demo/hop-thu").text
    assert "/demo/hop-thu" in api.client.get("/dang-nhap").text
    real = start_api(open_box, scratch_url=scratch, **MAIL)
    real.wait_ready()
    assert real.client.get("/demo/hop-thu").status_code == 404
    assert "/demo/hop-thu" not in real.client.get("/dang-nhap").text
