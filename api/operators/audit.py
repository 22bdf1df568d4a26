"""The audit log as a page: newest first, searched by who, what, to what, in which words and when."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from api.numbers import whole
from api.operators.access import VIEWER, Acting
from api.operators.audit_words import choices, words_of
from api.operators.console import Console
from api.operators.field_words import field_words, value_words
from api.operators.language import N_, Language
from models.audit import AuditLine, AuditSearch, audit_lines
from models.operator import Role
from models.times import VIETNAM

PATH = "/operator/audit"
PER_PAGE = 50
_LONGEST = 200  # letters of a searched text
_LARGEST_ID = 2**63 - 1
_NO_DATE = N_("Ngày cần có dạng năm-tháng-ngày, chẳng hạn 2026-11-05.")


class Change(NamedTuple):
    """One value that changed, in words; "" where there was none."""

    name: str
    before: str
    after: str


def audit_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def log(
        acting: Annotated[Acting, VIEWER],
        operator: str = "",
        action: str = "",
        subject: str = "",
        words: str = "",
        since: str = "",
        until: str = "",
        below: str = "",
    ) -> Response:
        typed = {
            "operator": operator,
            "action": action,
            "subject": subject,
            "words": words,
            "since": since,
            "until": until,
        }
        typed = {name: value.replace("\0", "").strip()[:_LONGEST] for name, value in typed.items()}
        return _page(console, acting, typed, below)

    return router


def changes_of(language: Language, line: AuditLine) -> list[Change]:
    """What changed in words, value by value in the order of the fields' names."""
    before, after, noun = line.before or {}, line.after or {}, line.action.partition(".")[0]
    return [
        Change(
            field_words(language, noun, name),
            value_words(language, noun, name, before.get(name)),
            value_words(language, noun, name, after.get(name)),
        )
        for name in sorted(before | after)
    ]


def _page(console: Console, acting: Acting, typed: dict[str, str], below: str) -> Response:
    faults = {name: acting.say(_NO_DATE) for name in ("since", "until") if typed[name] and _day(typed[name]) is None}
    since, until = _day(typed["since"]), _day(typed["until"])
    search = AuditSearch(
        typed["operator"].lower(),
        typed["action"],
        typed["subject"],
        typed["words"],
        _midnight(since),
        _midnight(until + timedelta(days=1)) if until and until < date.max else None,
    )
    with console.ledger() as connection:
        found = audit_lines(connection, search, below=whole(below, _LARGEST_ID), limit=PER_PAGE + 1)
    shown = found[:PER_PAGE]
    older = (
        urlencode({name: value for name, value in typed.items() if value} | {"below": shown[-1].id}) if shown else ""
    )
    return console.page(
        acting,
        "audit.html",
        422 if faults else 200,
        typed=typed,
        searched=any(typed.values()),
        faults=faults,
        lines=[(line, words_of(acting.language, line.action), changes_of(acting.language, line)) for line in shown],
        actions=choices(acting.language),
        older=f"{PATH}?{older}" if len(found) > PER_PAGE else "",
        first=not below,
        addresses=acting.may(Role.ADMIN),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date | None) -> datetime | None:
    """Where the day begins by the clock that people read."""
    return datetime.combine(day, time(), VIETNAM) if day else None
