"""The vote as a form, from the button to the receipt, and everything that may be wrong with it."""

import time

import pytest
import redis

from models.ballot_box.keys import shard_keys
from models.event import unpack
from tests.api.contest import CONTEST_ID, DAY_MS, set_contest, votes_in_box
from tests.api.running import new_account, token_for
from tests.servers import wait_for

FORM = "/bai-du-thi/bai-3/binh-chon"
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
def _no_error_is_logged(logged):
    yield
    assert logged.errors == []


def press(api, token, path=FORM, headers=SAME):
    return api.client.post(path, headers=headers | {"Cookie": f"session={token}"})


def follow(api, response, token):
    return api.client.get(response.headers["location"], headers={"Cookie": f"session={token}"})


def test_a_vote_is_counted_once_and_its_receipt_is_the_one_of_the_put(api, open_box):
    account = new_account()
    token = token_for(account, time.time())
    before = votes_in_box(open_box)
    answers = [press(api, token) for _ in range(3)]
    assert votes_in_box(open_box) == before + 1
    assert [answer.status_code for answer in answers] == [303] * 3
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    receipt = api.vote(3, token).json()["receipt"]
    first, again = follow(api, answers[0], token), follow(api, answers[2], token)
    for page in (first, again):
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        assert receipt in page.text
        assert "Đã nhận phiếu" in page.text
        assert f"/tra-cuu?ma={receipt}" in page.text
    assert "từ trước" not in first.text
    assert "từ trước" in again.text
    with redis.Redis.from_url(open_box) as client:
        event = unpack(client.xrevrange(shard_keys(CONTEST_ID, 0).log, count=1)[0][1][b"e"])
    assert (event.account, event.entry) == (account, 3)
    assert event.rest[8:] == bytes([127, 0, 0, 1])  # the evidence of the PUT


def test_my_votes_are_listed_with_their_receipts(api, token):
    cookie = {"Cookie": f"session={token}"}
    assert "chưa bình chọn" in api.client.get("/phieu-cua-toi", headers=cookie).text
    receipts = {entry: api.vote(entry, token).json()["receipt"] for entry in (2, 4)}
    page = api.client.get("/phieu-cua-toi", headers=cookie)
    assert page.headers["cache-control"] == "no-store"
    for entry, receipt in receipts.items():
        assert receipt in page.text
        assert f"/bai-du-thi/bai-{entry}" in page.text
    assert "/bai-du-thi/bai-1" not in page.text
    assert 'action="/dang-nhap/thoat"' in page.text, "and the way out"


def test_without_a_session_my_votes_lead_to_the_login(api):
    page = api.client.get("/phieu-cua-toi")
    assert "/dang-nhap?next=/phieu-cua-toi" in page.text
    assert page.headers["cache-control"] == "no-store"


def test_the_page_of_a_receipt_is_only_for_whom_it_was_given_to(api, token):
    given = press(api, token).headers["location"]
    other = token_for(new_account(), time.time())
    for headers in ({}, {"Cookie": f"session={other}"}):
        elsewhere = api.client.get(given, headers=headers)
        assert elsewhere.status_code == 303
        assert elsewhere.headers["location"].startswith("/tra-cuu?ma=")
    wrong_entry = given.replace("bai-3", "bai-1")
    assert api.client.get(wrong_entry, headers={"Cookie": f"session={token}"}).status_code == 303
    forged = api.client.get("/bai-du-thi/bai-3/da-binh-chon?ma=x%0d%0ay", headers={"Cookie": f"session={token}"})
    assert forged.headers["location"] == "/tra-cuu?ma=x%0D%0Ay"


@pytest.mark.usefixtures("unchanged")
class TestNothingIsCounted:
    @pytest.mark.parametrize("cookie", ["", "session=garbled"])
    def test_without_a_session_it_leads_to_the_login_and_back(self, api, cookie):
        answer = api.client.post(FORM, headers=SAME | {"Cookie": cookie})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/dang-nhap?next={FORM}")

    @pytest.mark.parametrize(
        "headers",
        [{}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://evil.example"}],
    )
    def test_from_another_website(self, api, token, headers):
        answer = press(api, token, headers=headers)
        assert answer.status_code == 403
        assert "không đến từ trang bình chọn" in answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize("slug", ["khong-co", "%3Cscript%3E", "1"])
    def test_for_an_entry_that_does_not_exist(self, api, token, slug):
        answer = press(api, token, f"/bai-du-thi/{slug}/binh-chon")
        assert answer.status_code == 404
        assert "<script>" not in answer.text

    @pytest.mark.parametrize("prefix", ["", "/en"])
    def test_opening_the_address_of_the_form_asks_to_confirm(self, api, token, prefix):
        answer = api.client.get(prefix + FORM, headers=SAME | {"Cookie": f"session={token}"})
        assert answer.status_code == 200
        assert answer.headers["cache-control"].startswith("public")
        assert f'<form class="vote" method="post" action="{prefix}{FORM}"' in answer.text

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"opens_at": DAY_MS}, "Chưa đến thời gian bình chọn"),
            ({"closes_at": -DAY_MS // 2}, "Đã hết thời gian bình chọn"),
            ({"state": "paused"}, "đang tạm dừng"),
        ],
    )
    def test_outside_voting_the_box_refuses_whatever_the_page_showed(self, api, open_box, token, fields, words):
        now = int(time.time() * 1000)
        set_contest(open_box, **{name: value if name == "state" else now + value for name, value in fields.items()})
        try:
            answer = press(api, token)
        finally:
            set_contest(open_box, state="open", opens_at=now - DAY_MS, closes_at=now + DAY_MS)
        assert answer.status_code == 403
        assert words in answer.text
        assert "<button>Thử lại" not in answer.text

    def test_by_a_blocked_account(self, api, open_box):
        account, blocked = new_account(), shard_keys(CONTEST_ID, 0).blocked
        with redis.Redis.from_url(open_box) as client:
            client.sadd(blocked, account)
            try:
                answer = press(api, token_for(account, time.time()))
            finally:
                client.delete(blocked)
        assert answer.status_code == 403
        assert "không được bình chọn" in answer.text


def test_a_box_that_is_not_ready_gives_a_button_to_try_again_and_the_next_press_counts(api, open_box, token):
    keys = shard_keys(CONTEST_ID, 0)
    with redis.Redis.from_url(open_box) as client:
        client.rename(keys.contest, "aside")
        try:
            answer = press(api, token)
        finally:
            client.rename("aside", keys.contest)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert f'action="{FORM}"' in answer.text
    assert "Thử lại" in answer.text
    wait_for(lambda: press(api, token).status_code == 303)


def test_a_box_that_hangs_says_not_confirmed_and_the_repeat_gets_the_receipt(api, open_box, token):
    with redis.Redis.from_url(open_box) as client:
        client.execute_command("CLIENT", "PAUSE", 2500, "ALL")
    answer = press(api, token)
    assert answer.status_code == 503
    assert "Chưa xác nhận được phiếu" in answer.text or "chưa được ghi" in answer.text
    wait_for(lambda: press(api, token).status_code == 303)
    assert len(api.client.get("/api/ballot", headers={"Authorization": f"Bearer {token}"}).json()["votes"]) == 1


class TestLookUp:
    def test_before_a_question(self, api):
        page = api.client.get("/tra-cuu")
        assert page.status_code == 200
        assert 'name="ma"' in page.text
        assert "note" not in page.text

    def test_a_code_that_is_not_genuine(self, api):
        for code in ("x", "A" * 20, "9" * 5000, "<script>"):
            page = api.client.get("/tra-cuu", params={"ma": code})
            assert page.status_code == 404
            assert page.headers["cache-control"] == "no-store"
            assert "Không có mã phiếu này" in page.text
            assert "<script>" not in page.text

    def test_a_genuine_code_while_the_ledger_is_away(self, api, token):
        receipt = api.vote(1, token).json()["receipt"]
        page = api.client.get("/tra-cuu", params={"ma": receipt})
        assert page.status_code == 503
        assert page.headers["retry-after"]
        assert "phiếu đã được nhận" in page.text
        assert receipt in page.text  # what the voter typed is not lost
