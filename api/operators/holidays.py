"""The list of holidays, by which terms of working days are counted."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.operators.access import ADMIN, Acting, values_of
from api.operators.console import Console
from api.operators.language import N_
from api.voters.responses import see_other
from models import audit
from models.times import VIETNAM
from models.working_days import add_holiday, drop_holiday, read_holidays

PATH = "/operator/holidays"
LONGEST_NAME = 100


def holidays_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def holidays(acting: Annotated[Acting, ADMIN]) -> Response:
        return _page(console, acting, {}, {})

    @router.post(PATH)
    def add(acting: Annotated[Acting, ADMIN]) -> Response:
        day, name = _day(acting), acting.text("name")
        faults = {}
        if day is None:
            faults["day"] = acting.say(N_("Hãy nhập một ngày."))
        if not name or len(name) > LONGEST_NAME:
            faults["name"] = acting.say(N_("Hãy ghi tên ngày nghỉ, nhiều nhất 100 ký tự."))
        if day is None or faults:
            return _page(console, acting, values_of(acting.form), faults, status=422)
        with console.ledger() as connection:
            before = read_holidays(connection).get(day)
            add_holiday(connection, day, name)
            old = {"name": before} if before else None
            audit.record(connection, acting.actor, "holiday.add", f"holiday:{day}", before=old, after={"name": name})
        return see_other(PATH)

    @router.post(PATH + "/drop")
    def drop(acting: Annotated[Acting, ADMIN]) -> Response:
        day = _day(acting)
        if day is None:
            return _page(console, acting, {}, {"day": acting.say(N_("Hãy nhập một ngày."))}, status=422)
        with console.ledger() as connection:
            name = read_holidays(connection).get(day)
            if drop_holiday(connection, day):
                audit.record(connection, acting.actor, "holiday.drop", f"holiday:{day}", before={"name": name})
        return see_other(PATH)

    return router


def _day(acting: Acting) -> date | None:
    try:
        day = date.fromisoformat(acting.text("day"))
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2200 else None


def _page(
    console: Console, acting: Acting, typed: Mapping[str, Any], faults: dict[str, str], *, status: int = 200
) -> Response:
    today = datetime.now(UTC).astimezone(VIETNAM).date()
    with console.ledger() as connection:
        kept = read_holidays(connection)
    return console.page(
        acting,
        "holidays.html",
        status=status,
        rows=[(day, name, day < today) for day, name in sorted(kept.items(), reverse=True)],
        missing=not any(day.year == today.year + 1 for day in kept),
        year=today.year + 1,
        typed=typed,
        faults=faults,
    )
