"""Accounts at the console: found by receipt, number or identity; blocked at once and let in again."""

import time
from collections.abc import Callable

import pytest

from api.sessions import Session, Sessions
from models.event import Proof
from models.identity import normalise
from models.operator import Role
from models.outcomes import Outcome
from tests.api.operators.desk import SOON_S, Desk
from tests.api.running import RunningApi
from tests.servers import wait_for
from tests.workers.contests import KEYS, Stage
from tests.workers.correcting import flushed

Sit = Callable[..., Desk]
ADDRESS = "nguyen.van.an@example.vn"


@pytest.fixture
def account(open_contest: Stage) -> int:
    """Of ADDRESS, with a vote for entry 1 and a recorded login."""
    made = normalise("email", ADDRESS).account(KEYS)
    assert open_contest.open_accounts(made) == "o"
    assert open_contest.cast((made, 1)) == [Outcome.COUNTED]
    flushed(open_contest)
    return made


def test_found_by_receipt_number_and_identity(desk: Sit, open_contest: Stage, account: int) -> None:
    code = open_contest.receipts.code(open_contest.receipts.number(account, 1))
    lan = desk(Role.MODERATOR)
    pasted = f"Mã phiếu: {code}"
    for typed in (code, code.lower().replace("-", " "), pasted, str(account), ADDRESS, "Nguyen.Van.An@EXAMPLE.vn "):
        answer = lan.post("/operator/accounts", {"who": typed})
        assert answer.status_code == 303, typed
        assert answer.headers["location"] == f"/operator/accounts/{account}"
    page = lan.get(f"/operator/accounts/{account}").text
    for part in (code, "Bài 1", "Phiếu đã được tính", "a•••@example.vn", "Mã gửi qua email"):
        assert part in page, part
    assert ADDRESS not in page


def test_what_was_typed_is_kept_nowhere(
    desk: Sit, open_contest: Stage, account: int, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = desk(Role.MODERATOR).post("/operator/accounts", {"who": ADDRESS})
    assert ADDRESS not in answer.headers["location"]
    found = open_contest.rows("SELECT subject, after::text FROM audit WHERE action = 'account.look'")
    assert found == [(f"account:{account}", '{"by": "email"}')]
    kept = str(open_contest.rows("SELECT * FROM audit")) + str(open_contest.rows("SELECT * FROM tasks"))
    told = capfd.readouterr()
    assert "nguyen.van.an" not in kept + told.out + told.err


def test_an_identity_in_the_address_is_not_looked_up(desk: Sit, open_contest: Stage, account: int) -> None:
    lan = desk(Role.MODERATOR)
    for typed in (ADDRESS, "0912345678", "84912345678"):
        answer = lan.get("/operator/accounts", params={"q": typed})
        assert answer.status_code == 422
        assert "không được nằm trong địa chỉ trang" in answer.text
        assert typed not in answer.text
    answer = lan.get("/operator/accounts", params={"q": str(account)})
    assert answer.headers["location"] == f"/operator/accounts/{account}"


def test_what_is_nobody(desk: Sit, open_contest: Stage, account: int) -> None:
    lan = desk(Role.MODERATOR)
    genuine = open_contest.receipts.code(open_contest.receipts.number(account, 2))
    for typed, sentence in {
        "7F3K-92QD-0A1B-2C3D-4E5F": "bịa ra",
        genuine: "chưa có phiếu này",
        "ai đó": "Hãy nhập mã phiếu",
        "9" * 19: "Hãy nhập mã phiếu",
    }.items():
        answer = lan.post("/operator/accounts", {"who": typed})
        assert answer.status_code == 422
        assert sentence in answer.text
        assert typed in answer.text
    assert lan.get(f"/operator/accounts/{2**63}").status_code == 404
    assert lan.get("/operator/accounts/12").status_code == 200


def test_blocked_at_once_and_let_in_again(desk: Sit, open_contest: Stage, account: int) -> None:
    lan = desk(Role.MODERATOR)
    path = f"/operator/accounts/{account}"
    refused = lan.post(path + "/block", {"reason": " "})
    assert refused.status_code == 422
    assert "Hãy ghi lý do" in refused.text
    assert lan.post(path + "/block", {"reason": "Máy tự động."}).status_code == 303
    assert open_contest.cast((account, 2)) == [Outcome.BLOCKED]  # nothing but the console has told the box
    assert open_contest.cast((account, 1)) == [Outcome.ALREADY_VOTED]
    assert "Máy tự động." in lan.get(path).text
    assert str(account) in lan.get("/operator/accounts").text
    assert lan.post(path + "/block", {"reason": "Lần nữa."}).status_code == 303
    assert "Máy tự động." in lan.get(path).text
    assert lan.post(path + "/unblock", {"reason": "Đã giải thích."}).status_code == 303
    assert open_contest.cast((account, 2)) == [Outcome.COUNTED]
    assert open_contest.rows("SELECT action, why FROM audit WHERE action LIKE 'account.%%block' ORDER BY id") == [
        ("account.block", "Máy tự động."),
        ("account.unblock", "Đã giải thích."),
    ]


def _session(account: int) -> str:
    now = int(time.time())
    return Sessions(KEYS).mint(Session(1, account, Proof.EMAIL, now - 10, now + 3600))


def test_sessions_of_an_account_are_ended_by_order(
    desk: Sit, console: RunningApi, open_contest: Stage, account: int
) -> None:
    lan, token, other = desk(Role.MODERATOR), _session(account), _session(account + 1)
    path = f"/operator/accounts/{account}"
    assert console.vote(1, token).status_code == 200
    refused = lan.post(path + "/end-sessions", {"reason": " "})
    assert refused.status_code == 422
    assert "Hãy ghi lý do" in refused.text
    ended = lan.post(path + "/end-sessions", {"reason": "Mất điện thoại."})
    assert "Đã kết thúc mọi phiên đăng nhập" in lan.get(ended.headers["location"]).text
    wait_for(lambda: console.vote(1, token).status_code == 401, SOON_S)
    assert console.vote(1, other).status_code == 201
    assert open_contest.rows("SELECT action, subject, why FROM audit WHERE action = 'account.sessions'") == [
        ("account.sessions", f"account:{account}", "Mất điện thoại.")
    ]


def test_who_is_blocked_is_logged_out(desk: Sit, console: RunningApi, open_contest: Stage, account: int) -> None:
    token = _session(account)
    assert console.vote(1, token).status_code == 200
    assert desk(Role.MODERATOR).post(f"/operator/accounts/{account}/block", {"reason": "Bot."}).status_code == 303
    wait_for(lambda: console.vote(1, token).status_code == 401, SOON_S)


def test_a_repair_keeps_who_is_blocked(desk: Sit, open_contest: Stage, account: int) -> None:
    desk(Role.MODERATOR).post(f"/operator/accounts/{account}/block", {"reason": "Máy tự động."})
    open_contest.repair()
    assert open_contest.cast((account, 3)) == [Outcome.BLOCKED]
