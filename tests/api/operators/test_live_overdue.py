"""Who waits too long for an answer stands among the alarms, and is not asked for with each frame."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import insert

from api.operators.live_facts import read_ledger_facts
from models.claim import claims
from models.data_request import data_requests
from models.database import transaction
from models.operator import Role
from tests.api.operators.desk import Desk
from tests.workers.contests import Stage

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=30)


def file_claim(stage: Stage, received_at: datetime, state: str = "open") -> None:
    values = {
        "id": uuid4(),
        "reference": "7F3K92QD0A",
        "contest_id": stage.contest_id,
        "received_at": received_at,
        "language": "vi",
        "state": state,
    }
    with transaction(stage.engine) as connection:
        texts = dict.fromkeys(("happened", "entry", "moment", "contact"), "")
        connection.execute(insert(claims).values(values | texts))


def open_request(stage: Stage, due_at: datetime, answered_at: datetime | None = None) -> None:
    values = {
        "contest_id": stage.contest_id,
        "account_id": 7,
        "kind": "see",
        "found_by": "email",
        "hint": "",
        "received_at": LONG_AGO,
        "due_at": due_at,
        "answered_at": answered_at,
        "operator": "hoa",
    }
    with transaction(stage.engine) as connection:
        connection.execute(insert(data_requests).values(values))


def test_what_is_overdue_is_told_and_what_is_in_time_is_not(open_contest: Stage, desk: Callable[..., Desk]) -> None:
    file_claim(open_contest, NOW)
    file_claim(open_contest, LONG_AGO, "answered")
    open_request(open_contest, NOW + timedelta(days=1))
    open_request(open_contest, LONG_AGO, NOW)
    assert "quá hạn trả lời" not in desk(Role.VIEWER).get("/operator/").text


def test_the_live_view_says_so(open_contest: Stage, desk: Callable[..., Desk]) -> None:
    file_claim(open_contest, LONG_AGO)
    file_claim(open_contest, LONG_AGO, "reopened")
    open_request(open_contest, LONG_AGO)
    page = desk(Role.VIEWER).get("/operator/").text
    assert "2 báo mất phiếu đã quá hạn trả lời." in page
    assert "1 yêu cầu về dữ liệu cá nhân đã quá hạn trả lời." in page
    for code in ("late_claims", "late_requests"):
        assert f"/operator/help#{code}" in page


def test_they_are_not_counted_anew_while_the_last_count_is_good_enough(open_contest: Stage) -> None:
    file_claim(open_contest, LONG_AGO)
    with transaction(open_contest.engine) as connection:
        asked = (connection, open_contest.contest_id, 1, NOW)
        first = read_ledger_facts(*asked, None)
        assert (first.late_claims, first.late_requests) == (1, 0)
        connection.execute(claims.delete())
        assert read_ledger_facts(*asked, first).late_claims == 1
        assert read_ledger_facts(*asked, None).late_claims == 0
