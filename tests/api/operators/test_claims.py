"""The inbox of claims: list, search, what is known, the answer, two operators at one claim."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import httpx
import pytest

from models.claim import Claim, spelled, store
from models.database import transaction
from models.identity import normalise
from models.operator import Role
from models.times import milliseconds
from tests.api.operators.desk import Desk
from tests.workers.contests import KEYS, Stage
from workers.flush import drain

Sit = Callable[..., Desk]
AN = "nguyen.van.an@example.vn"
NOW = milliseconds(datetime.now(UTC))


def reported(stage: Stage, **more: Any) -> Claim:
    values: dict[str, Any] = {
        "received_at": NOW,
        "language": "vi",
        "happened": "Tôi bấm <b>rồi</b> mà không thấy phiếu",
    }
    claim = Claim(stage.contest_id, **(values | more))
    with transaction(stage.engine) as connection:
        assert store(connection, [claim]) == 1
    return claim


def page(answer: httpx.Response) -> str:
    """The words of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def path(claim: Claim, more: str = "") -> str:
    return f"/operator/claims/{claim.id}{more}"


def replied(claim: Claim, **more: str) -> dict[str, str]:
    return {"version": "1", "way": "phone", "body": "Phiếu của bạn đã được tính."} | more


def lines(stage: Stage) -> list[tuple[Any, ...]]:
    return stage.rows("SELECT action, before, after, operator FROM audit WHERE action LIKE 'claim.%%' ORDER BY id")


def test_the_list_tells_what_waits_and_what_is_late(open_contest: Stage, desk: Sit) -> None:
    old = reported(open_contest, received_at=milliseconds(datetime.now(UTC) - timedelta(days=8)), happened="chuyện cũ")
    new = reported(open_contest, happened="chuyện mới")
    told = page(desk(Role.MODERATOR).get("/operator/claims"))
    assert told.index("chuyện cũ") < told.index("chuyện mới")
    assert "Chưa trả lời (2)" in told
    assert "1 báo mất phiếu đã quá 2 ngày làm việc" in told
    assert spelled(old.reference) in told
    assert spelled(new.reference) in told


def test_a_reference_leads_to_its_claim(open_contest: Stage, desk: Sit) -> None:
    claim, sitting = reported(open_contest), desk(Role.MODERATOR)
    found = sitting.get("/operator/claims", params={"q": f" {spelled(claim.reference).lower()} "})
    assert (found.status_code, found.headers["location"]) == (303, path(claim))
    assert "Không có báo nào mang mã này" in page(sitting.get("/operator/claims", params={"q": "0" * 10}))
    assert "Mã báo gồm 10 chữ và số" in page(sitting.get("/operator/claims", params={"q": "<script>"}))


@pytest.mark.parametrize("number", ["1", "not-an-id", str(uuid4())])
def test_what_is_no_claim(desk: Sit, number: str) -> None:
    sitting = desk(Role.MODERATOR)
    assert sitting.get(f"/operator/claims/{number}").status_code == 404
    for action in ("look", "answer", "reopen"):
        assert sitting.post(f"/operator/claims/{number}/{action}").status_code == 404


def test_the_sessions_account_is_looked_up_and_words_are_escaped(open_contest: Stage, desk: Sit) -> None:
    claim, sitting = reported(open_contest, account_id=77, entry_id=1, entry="Bài 1"), desk(Role.MODERATOR)
    shown = sitting.get(path(claim))
    assert "Tôi bấm &lt;b&gt;rồi&lt;/b&gt; mà" in shown.text
    assert "Chưa có phiếu nào" in page(shown)
    open_contest.cast((77, 1))
    assert "Đã nhận, đang chờ ghi sổ" in page(sitting.get(path(claim)))
    assert drain(open_contest.engine, open_contest.client, open_contest.contest_id, 0, seconds=10)
    told = page(sitting.get(path(claim)))
    assert "Phiếu đã được tính" in told
    assert open_contest.receipts.code(open_contest.receipts.number(77, 1)) in told


def test_a_receipt_says_whose_vote_it_is(open_contest: Stage, desk: Sit) -> None:
    open_contest.cast((78, 2))
    claim = reported(open_contest, receipt=open_contest.receipts.number(78, 2), account_id=77)
    told = page(desk(Role.MODERATOR).get(path(claim)))
    assert "Tra theo mã phiếu" in told
    assert "Bài được hỏi: Bài 2" in told
    assert "Đã nhận, đang chờ ghi sổ" in told


def test_a_genuine_receipt_without_a_vote_is_an_alarm(open_contest: Stage, desk: Sit) -> None:
    claim = reported(open_contest, receipt=open_contest.receipts.number(79, 2))
    assert "Có dấu vết của phiếu nhưng không tìm thấy phiếu" in page(desk(Role.MODERATOR).get(path(claim)))


def test_a_typed_identity_finds_the_account_and_is_kept_nowhere(open_contest: Stage, desk: Sit) -> None:
    account = normalise("email", AN).account(KEYS)
    open_contest.cast((account, 1))
    claim, sitting = reported(open_contest, entry_id=1), desk(Role.MODERATOR)
    assert "Chưa biết là tài khoản nào" in page(sitting.get(path(claim)))
    found = sitting.post(path(claim, "/look"), {"who": f"  {AN.upper()} "})
    assert "Đã nhận, đang chờ ghi sổ" in page(found)
    assert "Phiếu đang chờ ghi vào sổ phiếu" in page(found)  # the answer that it begins with
    assert AN not in found.text.lower()
    assert lines(open_contest) == [("claim.look", None, {"by": "email", "account": str(account)}, "moderator")]
    kept = "".join(str(row) for table in _tables(open_contest) for row in open_contest.rows(f"SELECT * FROM {table}"))
    assert "example.vn" not in kept


def _tables(stage: Stage) -> list[str]:
    rows = stage.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return [name for (name,) in rows]


@pytest.mark.parametrize("who", ["", "nobody", "0912", "ABCD-EFGH-ABCD-EFGH-ABCD", "x" * 300, "a@b@c"])
def test_what_nobody_can_be_found_by_is_said_and_stays_in_the_form(open_contest: Stage, desk: Sit, who: str) -> None:
    answer = desk(Role.MODERATOR).post(path(reported(open_contest), "/look"), {"who": who})
    assert answer.status_code == 422
    assert f'value="{who}"' in answer.text
    assert lines(open_contest) == []


def test_an_answer_on_the_telephone(open_contest: Stage, desk: Sit) -> None:
    claim, sitting = reported(open_contest, contact="0912 345 678"), desk(Role.MODERATOR)
    answer = sitting.post(path(claim, "/answer"), replied(claim))
    assert (answer.status_code, answer.headers["location"]) == (303, path(claim))
    told = page(sitting.get(path(claim)))
    assert "Đã trả lời qua điện thoại" in told
    assert "Phiếu của bạn đã được tính." in told
    assert open_contest.rows("SELECT state, way, sent_to, operator FROM claim_answers") == [
        ("told", "phone", "", "moderator")
    ]
    ((action, before, after, _),) = lines(open_contest)
    assert (action, before, after["way"]) == ("claim.answer", {"state": "open"}, "phone")
    assert "Đã trả lời (1)" in page(sitting.get("/operator/claims?show=answered"))


def test_an_answer_by_mail_waits_to_be_sent(open_contest: Stage, desk: Sit) -> None:
    claim = reported(open_contest, contact="An@Example.VN")
    assert desk(Role.MODERATOR).post(path(claim, "/answer"), replied(claim, way="email")).status_code == 303
    rows = open_contest.rows("SELECT state, sent_to, language FROM claim_answers")
    assert rows == [("waiting", "an@example.vn", "vi")]
    assert "example.vn" not in str(lines(open_contest))


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"body": ""}, "Hãy viết câu trả lời."),
        ({"body": "x" * 5001}, "Câu trả lời dài quá 5000 ký tự."),
        ({"way": ""}, "Hãy chọn cách trả lời."),
        ({"way": "pigeon"}, "Hãy chọn cách trả lời."),
        ({"way": "email"}, "Người báo không để lại địa chỉ email"),
    ],
)
def test_an_answer_that_is_none(open_contest: Stage, desk: Sit, more: dict[str, str], fault: str) -> None:
    claim = reported(open_contest, contact="gọi tôi buổi tối")
    answer = desk(Role.MODERATOR).post(path(claim, "/answer"), replied(claim, **more))
    assert answer.status_code == 422
    assert fault in page(answer)
    assert (more.get("body", "Phiếu của bạn đã được tính.")) in answer.text
    assert open_contest.rows("SELECT state FROM claims") == [("open",)]


def test_of_two_operators_at_one_claim_the_second_is_told(open_contest: Stage, desk: Sit) -> None:
    claim = reported(open_contest)
    assert desk(Role.MODERATOR, "lan").post(path(claim, "/answer"), replied(claim)).status_code == 303
    second = desk(Role.MODERATOR, "minh").post(path(claim, "/answer"), replied(claim, body="Chữ của Minh"))
    assert second.status_code == 409
    assert "lan vừa xử lý báo mất phiếu này" in page(second)
    assert len(open_contest.rows("SELECT id FROM claim_answers")) == 1


def test_reopened_and_answered_again(open_contest: Stage, desk: Sit) -> None:
    claim, sitting = reported(open_contest), desk(Role.MODERATOR)
    sitting.post(path(claim, "/answer"), replied(claim))
    assert sitting.post(path(claim, "/reopen"), {"version": "1"}).status_code == 409
    assert sitting.post(path(claim, "/reopen"), {"version": "2"}).status_code == 303
    assert "Mở lại" in page(sitting.get("/operator/claims"))
    assert sitting.post(path(claim, "/reopen"), {"version": "3"}).status_code == 409
    assert sitting.post(path(claim, "/answer"), replied(claim, version="3")).status_code == 303
    assert [line[0] for line in lines(open_contest)] == ["claim.answer", "claim.reopen", "claim.answer"]


def test_the_answer_begins_in_the_voters_language(open_contest: Stage, desk: Sit) -> None:
    moderator = desk(Role.MODERATOR)
    for language, greeting in (("en", "Hello,"), ("vi", "Chào bạn,")):
        claim = reported(open_contest, language=language)
        answer = moderator.get(path(claim)).text.partition("<textarea")[2].partition("</textarea>")[0]
        assert answer.partition(">")[2].strip().startswith(greeting)
        assert spelled(claim.reference) in answer
