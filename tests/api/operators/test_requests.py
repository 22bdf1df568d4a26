"""Requests of data subjects: found by what is typed, the clock, the export, erasing, the answer."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from models.claim import Claim, spelled, store
from models.database import transaction
from models.identity import normalise
from models.operator import Role
from models.times import VIETNAM
from models.working_days import add_holiday, read_holidays, term_ends
from tests.api.operators.desk import Desk
from tests.workers.contests import KEYS, Stage
from workers.flush import drain

Sit = Callable[..., Desk]
AN = "nguyen.van.an@example.vn"
ACCOUNT = normalise("email", AN).account(KEYS)


def page(answer: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def typed(**more: str) -> dict[str, str]:
    now = (datetime.now(VIETNAM) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M")
    return {"kind": "see", "found_by": "email", "who": AN, "received_at": now} | more


def opened(sitting: Desk, **more: str) -> str:
    """The path of a new request."""
    answer = sitting.post("/operator/requests/new", typed(**more))
    assert answer.status_code == 303, page(answer)
    path: str = answer.headers["location"]
    return path


def rows(stage: Stage) -> list[tuple[Any, ...]]:
    return stage.rows("SELECT account_id, kind, found_by, hint, erased_at IS NOT NULL, note FROM data_requests")


def lines(stage: Stage) -> list[tuple[Any, ...]]:
    return stage.rows("SELECT action, after, why FROM audit WHERE action LIKE 'request.%%' ORDER BY id")


@pytest.fixture
def known(open_contest: Stage) -> Stage:
    """An account with two votes, a login and a claim, in the ledger."""
    open_contest.open_accounts(ACCOUNT)
    open_contest.cast((ACCOUNT, 1), (ACCOUNT, 2), (5, 1))
    assert drain(open_contest.engine, open_contest.client, open_contest.contest_id, 0, seconds=10)
    with transaction(open_contest.engine) as connection:
        claim = Claim(open_contest.contest_id, 1, "vi", "chuyện của An", contact=AN, account_id=ACCOUNT)
        store(connection, [claim])
    return open_contest


def test_an_identity_is_hashed_at_once_and_kept_nowhere(known: Stage, desk: Sit) -> None:
    sitting = desk(Role.ADMIN)
    path = opened(sitting, who=f" {AN.upper()} ")
    assert rows(known) == [(ACCOUNT, "see", "email", "n•••@example.vn", False, "")]
    ((action, after, _why),) = lines(known)
    assert (action, after["account"], after["found_by"]) == ("request.open", str(ACCOUNT), "email")
    with transaction(known.engine) as connection:
        connection.execute(text("UPDATE claims SET contact = ''"))
    tables = [name for (name,) in known.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    assert AN not in "".join(str(row) for table in tables for row in known.rows(f"SELECT * FROM {table}"))
    told = page(sitting.get(path))
    assert "Phiếu: 2" in told
    assert "Báo mất phiếu: 1" in told


def test_a_receipt_and_a_claim_find_their_account(known: Stage, desk: Sit) -> None:
    sitting = desk(Role.ADMIN)
    ((reference,),) = known.rows("SELECT reference FROM claims")
    receipt = known.receipts.code(known.receipts.number(ACCOUNT, 2))
    opened(sitting, found_by="receipt", who=f"Mã: {receipt}"[4:])
    opened(sitting, found_by="claim", who=spelled(reference).lower())
    assert {row[0] for row in rows(known)} == {ACCOUNT}
    assert {row[3] for row in rows(known)} == {"a•••@example.vn"}, "the hint of the latest login"


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"kind": ""}, "Hãy chọn người này yêu cầu gì."),
        ({"kind": "destroy"}, "Hãy chọn người này yêu cầu gì."),
        ({"found_by": ""}, "Hãy chọn tìm theo gì."),
        ({"who": ""}, "Hãy nhập thông tin để tìm."),
        ({"who": "nobody"}, "Đây không phải địa chỉ email."),
        ({"found_by": "sms", "who": "12"}, "Đây không phải số điện thoại di động Việt Nam."),
        ({"found_by": "receipt", "who": "7F3K-92QD-0000-0000-0000"}, "Mã phiếu này không đúng."),
        ({"found_by": "claim", "who": "abc"}, "Mã báo gồm 10 chữ và số"),
        ({"found_by": "claim", "who": "7F3K92QD0A"}, "Không có báo mất phiếu nào mang mã này."),
        ({"received_at": ""}, "Hãy nhập ngày giờ nhận yêu cầu."),
        ({"received_at": "2199-01-01T00:00"}, "không ở tương lai"),
        ({"received_at": "0001-01-01T00:00"}, "Hãy nhập ngày giờ nhận yêu cầu."),
        ({"received_at": "2026-02-30T00:00"}, "Hãy nhập ngày giờ nhận yêu cầu."),
        ({"received_at": "2026-02-01T00:00+25:00"}, "Hãy nhập ngày giờ nhận yêu cầu."),
    ],
)
def test_a_request_that_is_none(open_contest: Stage, desk: Sit, more: dict[str, str], fault: str) -> None:
    answer = desk(Role.ADMIN).post("/operator/requests/new", typed(**more))
    assert answer.status_code == 422
    assert fault in page(answer)
    who = more.get("who", AN)
    assert f'value="{who}"' in answer.text, "nothing typed is lost"
    assert rows(open_contest) == []


def test_a_guests_claim_says_nothing_about_an_account(open_contest: Stage, desk: Sit) -> None:
    claim = Claim(open_contest.contest_id, 1, "vi", "chuyện")
    with transaction(open_contest.engine) as connection:
        store(connection, [claim])
    answer = desk(Role.ADMIN).post("/operator/requests/new", typed(found_by="claim", who=claim.reference))
    assert "Người báo không đăng nhập khi báo" in page(answer)


def test_the_clock_counts_working_days_and_the_late_are_told(known: Stage, desk: Sit) -> None:
    sitting = desk(Role.ADMIN)
    opened(sitting)
    with transaction(known.engine) as connection:
        off = read_holidays(connection)
    ((received, due),) = known.rows("SELECT received_at, due_at FROM data_requests")
    assert due == term_ends(received, 2, off)
    assert "Còn" in page(sitting.get("/operator/requests"))
    assert "quá hạn" not in page(sitting.get("/operator/requests"))
    with transaction(known.engine) as connection:
        connection.execute(text("UPDATE data_requests SET due_at = now() - interval '1 s'"))
    told = page(sitting.get("/operator/requests"))
    assert "1 yêu cầu đã quá hạn" in told
    assert "Đã quá hạn trả lời" in page(sitting.get("/operator/requests/1"))


def test_a_holiday_that_an_admin_adds_moves_the_term(known: Stage, desk: Sit) -> None:
    sitting = desk(Role.ADMIN)
    day = datetime.now(VIETNAM).date() + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    opened(sitting)
    assert sitting.post("/operator/holidays", {"day": str(day), "name": "Ngày thử"}).status_code == 303
    opened(sitting)
    ((first,), (second,)) = known.rows("SELECT due_at FROM data_requests ORDER BY id")
    assert second > first
    assert "Ngày thử" in page(sitting.get("/operator/holidays"))
    assert sitting.post("/operator/holidays/drop", {"day": str(day)}).status_code == 303
    assert "Ngày thử" not in page(sitting.get("/operator/holidays"))
    assert [line[0] for line in known.rows("SELECT action FROM audit WHERE action LIKE 'holiday.%%' ORDER BY id")] == [
        "holiday.add",
        "holiday.drop",
    ]


@pytest.mark.parametrize("form", [{}, {"day": "2026-13-01", "name": "x"}, {"day": "2026-12-24"}, {"name": "x" * 101}])
def test_a_holiday_that_is_none(desk: Sit, form: dict[str, str]) -> None:
    assert desk(Role.ADMIN).post("/operator/holidays", form).status_code == 422


def test_the_export_has_everything_and_is_written_down(known: Stage, desk: Sit) -> None:
    sitting = desk(Role.ADMIN)
    path = opened(sitting)
    answer = sitting.post(f"{path}/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="du-lieu-yeu-cau-1.json"'
    assert answer.headers["cache-control"] == "no-store"
    kept = json.loads(answer.text)
    assert kept["account"] == str(ACCOUNT)
    assert [(vote["entry"], vote["title"]) for vote in kept["votes"]] == [(1, "Bài 1"), (2, "Bài 2")]
    assert kept["votes"][0]["receipt"] == known.receipts.code(known.receipts.number(ACCOUNT, 1))
    assert kept["votes"][0]["device"] == b"evidence".hex()
    (login,) = kept["logins"]
    assert (login["hint"], login["domain"], login["fragments"]) == ("a•••@example.vn", "example.vn", [-5, 7, 2**31 - 1])
    assert login["agreed"] == {"counting": 1, "protection": 1, "residence": 1}
    assert [claim["happened"] for claim in kept["claims"]] == ["chuyện của An"]
    answer = sitting.post(f"{path}/print")
    printed = page(answer)
    assert "chuyện của An" in printed
    assert kept["votes"][1]["receipt"] in printed
    for words in ("Bình chọn lúc", "Đăng nhập lúc", "Mã gửi qua email", "Chưa trả lời", "Xem dữ liệu"):
        assert words in printed
    cast_at = datetime.fromisoformat(kept["votes"][1]["cast_at"])
    assert f"{cast_at.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y}" in printed
    raw = {name for rows in kept.values() if isinstance(rows, list) for row in rows for name in row}
    assert not [name for name in raw if f"<dt>{name}</dt>" in answer.text], "all in words"
    assert [line[0] for line in lines(known)] == ["request.open", "request.export", "request.export"]


def test_an_account_that_is_not_known_is_said(open_contest: Stage, desk: Sit) -> None:
    sitting = desk(Role.ADMIN)
    path = opened(sitting)
    assert "Không giữ gì của tài khoản này" in page(sitting.get(path))
    assert json.loads(sitting.post(f"{path}/export").text)["votes"] == []


def test_erasing_takes_what_is_personal_and_leaves_the_votes(known: Stage, desk: Sit) -> None:
    sitting = desk(Role.ADMIN)
    path = opened(sitting, kind="erase")
    form = {"version": "1", "why": "theo yêu cầu", "sure": "yes"}
    for wrong in ({"why": ""}, {"sure": ""}):
        assert sitting.post(f"{path}/erase", form | wrong).status_code == 422
    assert sitting.post(f"{path}/erase", form | {"version": "7"}).status_code == 409
    assert known.rows("SELECT count(*) FROM votes WHERE evidence IS NULL") == [(0,)]
    assert sitting.post(f"{path}/erase", form).status_code == 303
    assert known.rows("SELECT account_id FROM votes WHERE evidence IS NULL") == [(ACCOUNT,), (ACCOUNT,)]
    assert known.rows("SELECT hint, domain, grams FROM account_openings") == [(None, None, None)]
    assert known.rows("SELECT happened, contact FROM claims") == [("", "")]
    assert rows(known) == [(ACCOUNT, "erase", "email", "", True, "")]
    assert known.rows("SELECT sum(votes) FROM tallies") == [(3,)]
    action, after, why = lines(known)[-1]
    assert (action, why, after["account"]) == ("request.erase", "theo yêu cầu", str(ACCOUNT))
    assert after["erased"] == {"evidence": 2, "openings": 1, "claims": 1}
    told = page(sitting.get(path))
    assert "Không còn gì để xoá" in told
    assert "Phiếu: 2" in told


def test_the_answer_is_noted_and_the_second_admin_is_told(known: Stage, desk: Sit) -> None:
    first, second = desk(Role.ADMIN, "lan"), desk(Role.ADMIN, "minh")
    path = opened(first)
    assert first.post(f"{path}/answer", {"version": "1", "note": ""}).status_code == 422
    assert first.post(f"{path}/answer", {"version": "1", "note": "đã gửi bản in"}).status_code == 303
    answer = second.post(f"{path}/answer", {"version": "1", "note": "chữ của Minh"})
    assert answer.status_code == 409
    assert "chữ của Minh" in answer.text
    assert rows(known)[0][-1] == "đã gửi bản in"
    assert lines(known)[-1] == ("request.answer", {"kind": "see", "late": False}, "")
    assert "Đã trả lời" in page(first.get("/operator/requests"))


@pytest.mark.parametrize("number", ["99", "2147483648", "99999999999999999999"])
def test_what_is_no_request(desk: Sit, number: str) -> None:
    sitting = desk(Role.ADMIN)
    assert sitting.get(f"/operator/requests/{number}").status_code == 404
    for action in ("export", "print", "erase", "answer"):
        form = {"version": "1", "why": "x", "sure": "yes", "note": "x"}
        assert sitting.post(f"/operator/requests/{number}/{action}", form).status_code == 404


def test_the_list_of_holidays_warns_of_a_year_without_any(open_contest: Stage, desk: Sit) -> None:
    year = datetime.now(UTC).year + 1
    with transaction(open_contest.engine) as connection:
        connection.execute(text("DELETE FROM holidays"))
    assert f"Chưa có ngày nghỉ nào của năm {year}" in page(desk(Role.ADMIN).get("/operator/holidays"))
    with transaction(open_contest.engine) as connection:
        add_holiday(connection, date(year, 1, 1), "Tết Dương lịch")
    assert "Chưa có ngày nghỉ nào" not in page(desk(Role.ADMIN).get("/operator/holidays"))
