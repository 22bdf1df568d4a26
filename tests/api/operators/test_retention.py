"""The page of retention: rules, dues, the dry run, erasing now, what was erased."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from models.database import transaction
from models.operator import Role
from tests.api.operators.desk import Desk, form_in
from tests.workers.contests import Stage
from workers.flush import drain

Sit = Callable[..., Desk]


def page(answer: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def typed(stage: Stage, **more: str) -> dict[str, str]:
    days = {"evidence_days": "30", "personal_days": "60", "contact_days": "5", "early_reason": ""}
    return {"contest": str(stage.contest_id), "version": "0"} | days | more


def rules(stage: Stage) -> list[tuple[Any, ...]]:
    return stage.rows("SELECT evidence_days, personal_days, contact_days, early_reason FROM retention_rules")


def over(stage: Stage, state: str) -> None:
    """Voting ended a hundred days ago."""
    with transaction(stage.engine) as connection:
        connection.execute(
            text(
                "UPDATE contests SET state = :state, opens_at = now() - interval '110 d',"
                " closes_at = now() - interval '100 d'"
            ),
            {"state": state},
        )


def test_the_rules_are_set_audited_and_shown(open_contest: Stage, desk: Sit) -> None:
    sitting = desk(Role.ADMIN)
    assert "Kết quả chưa được chốt nên chưa xoá gì" in page(sitting.get("/operator/retention"))
    assert sitting.post("/operator/retention", typed(open_contest)).status_code == 303
    assert rules(open_contest) == [(30, 60, 5, "")]
    ((before, after),) = open_contest.rows("SELECT before, after FROM audit WHERE action = 'retention.set'")
    assert before["evidence_days"] == 90
    assert after["evidence_days"] == 30
    assert "Đang áp dụng: 30 ngày, 60 ngày và 5 ngày." in page(sitting.get("/operator/retention"))


@pytest.mark.parametrize(
    "more",
    [
        {"evidence_days": "0"},
        {"evidence_days": ""},
        {"personal_days": "-5"},
        {"personal_days": "3651"},
        {"contact_days": "²"},
        {"contact_days": "9" * 40},
        {"evidence_days": "61"},
        {"early_reason": "x" * 501},
    ],
)
def test_rules_that_are_none_come_back_as_typed(open_contest: Stage, desk: Sit, more: dict[str, str]) -> None:
    answer = desk(Role.ADMIN).post("/operator/retention", typed(open_contest, **more))
    assert answer.status_code == 422
    ((name, value),) = more.items()
    assert value[:500] in answer.text
    assert f'href="#{name}"' in answer.text
    assert rules(open_contest) == []


def test_of_two_admins_the_second_is_told(open_contest: Stage, desk: Sit) -> None:
    desk(Role.ADMIN, "lan").post("/operator/retention", typed(open_contest))
    second = desk(Role.ADMIN, "minh").post("/operator/retention", typed(open_contest, evidence_days="44"))
    assert second.status_code == 409
    assert 'value="44"' in second.text
    assert "Đang áp dụng: 30 ngày" in page(second)
    assert rules(open_contest) == [(30, 60, 5, "")]


@pytest.mark.parametrize("contest", ["", "0", "999", "x", "9" * 19])
def test_no_such_contest(desk: Sit, open_contest: Stage, contest: str) -> None:
    sitting = desk(Role.ADMIN)
    for path in ("/operator/retention", "/operator/retention/count", "/operator/retention/erase"):
        assert sitting.post(path, typed(open_contest, contest=contest, sure="yes")).status_code == 404
    assert sitting.get("/operator/retention?contest=999").status_code == 404


def test_the_dry_run_then_erasing_now(open_contest: Stage, desk: Sit, work: Callable[[], None]) -> None:
    sitting, contest = desk(Role.ADMIN), {"contest": str(open_contest.contest_id)}
    open_contest.cast((77, 1), (78, 1))
    assert drain(open_contest.engine, open_contest.client, open_contest.contest_id, 0, seconds=10)
    sitting.post("/operator/retention", typed(open_contest))
    over(open_contest, "final")
    sitting.post("/operator/retention/count", contest)
    assert "Đang chờ xử lý" in page(sitting.get("/operator/retention"))
    work()
    told = page(sitting.get("/operator/retention"))
    assert "đã đến hạn, chưa xoá" in told
    assert "Dấu vết mạng và thiết bị của phiếu: 2" in told
    assert open_contest.rows("SELECT count(*) FROM votes WHERE evidence IS NULL") == [(0,)]
    assert sitting.post("/operator/retention/erase", contest).status_code == 422
    assert sitting.post("/operator/retention/erase", contest | {"sure": "yes"}).status_code == 303
    work()
    assert open_contest.rows("SELECT count(*) FROM votes WHERE evidence IS NULL") == [(2,)]
    told = page(sitting.get("/operator/retention"))
    assert "Đã xoá lúc" in told
    audited = open_contest.rows("SELECT operator, after FROM audit WHERE action = 'retention.erase'")
    assert audited[0][0] == "admin"
    assert audited[0][1]["evidence"] == 2


def test_of_two_admins_each_keeps_what_only_they_changed(open_contest: Stage, desk: Sit) -> None:
    first, second = desk(Role.ADMIN), desk(Role.ADMIN, "minh")
    form = form_in(first.get("/operator/retention"))
    assert second.post("/operator/retention", form | {"evidence_days": "30"}).status_code == 303
    told = first.post("/operator/retention", form | {"contact_days": "3"})
    assert told.status_code == 409
    assert first.post("/operator/retention", form_in(told)).status_code == 303
    assert rules(open_contest) == [(30, 180, 3, "")]


def test_before_the_results_are_final_nothing_goes_unless_an_admin_says_why(
    open_contest: Stage, desk: Sit, work: Callable[[], None]
) -> None:
    sitting, contest = desk(Role.ADMIN), {"contest": str(open_contest.contest_id), "sure": "yes"}
    open_contest.cast((77, 1))
    assert drain(open_contest.engine, open_contest.client, open_contest.contest_id, 0, seconds=10)
    sitting.post("/operator/retention", typed(open_contest))
    over(open_contest, "closed")
    sitting.post("/operator/retention/erase", contest)
    work()
    assert open_contest.rows("SELECT count(*) FROM votes WHERE evidence IS NULL") == [(0,)]
    assert "không có gì để xoá" in page(sitting.get("/operator/retention"))
    sitting.post("/operator/retention", typed(open_contest, version="1", early_reason="theo quyết định"))
    sitting.post("/operator/retention/erase", contest)
    work()
    assert open_contest.rows("SELECT count(*) FROM votes WHERE evidence IS NULL") == [(1,)]
    why = open_contest.rows("SELECT why FROM audit WHERE action = 'retention.erase'")
    assert why == [("theo quyết định",)]
