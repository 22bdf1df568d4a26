"""The form of a contest: made as a draft, changed as one, and its words when it is live."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import ValidationError

from api.numbers import whole
from api.operators.access import ADMIN, MAX_FORM, Acting
from api.operators.conflict import Conflict, conflict_over, marks_of
from api.operators.console import Console
from api.operators.contest_words import ENGLISH, HINTS, LABELS, ROWS, VIETNAMESE
from api.operators.effect import chosen_contest
from api.operators.fault_words import invalid, sentences
from api.operators.language import N_
from api.voters.responses import see_other
from models.contest import Contest
from models.contest_editing import (
    ContestChangedError,
    ContestRefusedError,
    ContestWords,
    change_contest,
    create_contest,
    editable,
    seen_of,
)
from models.contest_file import FileContest
from models.contest_texts import TEXTS
from models.entry_fields import Fault, slug_of
from models.times import VIETNAM

PATH = "/operator/contests"
FIELDS = ("title", "slug", "opens_at", "closes_at", "result_policy", *TEXTS, "minted_sessions", "shards")
POLICIES = [
    ("live", N_("Hiện số phiếu trong lúc bình chọn")),
    ("hidden", N_("Ẩn số phiếu cho đến khi công bố kết quả")),
]
REFUSED = {
    "taken": Fault("slug", "taken", {}),
    "live": Fault("", "state", {}),
}
_START: dict[str, str] = dict.fromkeys(FIELDS, "") | {"result_policy": "live", "shards": "1"}


def contest_form_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH + "/new")
    def new(acting: Annotated[Acting, ADMIN]) -> Response:
        return _page(console, acting, None, _START)

    @router.post(PATH + "/new")
    def create(acting: Annotated[Acting, ADMIN]) -> Response:
        return _create(console, acting)

    @router.get(PATH + "/{contest_id:int}/edit")
    def edit(acting: Annotated[Acting, ADMIN], contest_id: int) -> Response:
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, str(contest_id))
        return _page(console, acting, contest, shown(contest))

    @router.post(PATH + "/{contest_id:int}/edit")
    def save(acting: Annotated[Acting, ADMIN], contest_id: int) -> Response:
        return _save(console, acting, contest_id)

    return router


def moment_shown(moment: datetime) -> str:
    """As a `datetime-local` field takes it, by the clock of Viet Nam: `2026-11-05T00:00`."""
    return moment.astimezone(VIETNAM).replace(tzinfo=None).isoformat(timespec="minutes")


def shown(contest: Contest) -> dict[str, str]:
    """The form of a contest to which nobody has done anything yet."""
    return {
        name: moment_shown(value) if isinstance(value, datetime) else value for name, value in editable(contest).items()
    }


def _typed(acting: Acting) -> dict[str, str]:
    return {name: acting.text(name, limit=MAX_FORM) for name in FIELDS}


def _whole(typed: dict[str, str], **fixed: Any) -> FileContest:
    """Errors: pydantic.ValidationError."""
    shards = whole(typed["shards"])
    values: dict[str, Any] = typed | {
        "slug": typed["slug"] or slug_of(typed["title"], "cuoc-thi"),
        "minted_sessions": bool(typed["minted_sessions"]),
        "shards": typed["shards"] if shards is None else shards,
    }
    return FileContest.model_validate(values | fixed, context={"now": datetime.now(UTC)})


def _create(console: Console, acting: Acting) -> Response:
    typed = _typed(acting)
    try:
        fields = _whole(typed)
        with console.ledger() as connection:
            contest_id = create_contest(connection, fields, console.keys.fingerprint(), acting.actor)
    except ValidationError as error:
        return _page(console, acting, None, typed, faults=invalid(error, LABELS, acting))
    except ContestRefusedError as error:
        return _page(console, acting, None, typed, faults=sentences([REFUSED[error.code]], LABELS, acting))
    return see_other(f"{PATH}/{contest_id}?done=created")


def _save(console: Console, acting: Acting, contest_id: int) -> Response:
    typed = _typed(acting)
    with console.ledger() as connection:
        contest = chosen_contest(console, connection, str(contest_id))
        faults: dict[str, str] = {}
        try:
            kept = {"slug": contest.slug, "minted_sessions": contest.minted_sessions, "shards": contest.shards}
            words = {name: typed[name] for name in ("title", *TEXTS)}
            fields = _whole(typed, **kept) if contest.draft else ContestWords.model_validate(words)
            contest = change_contest(connection, contest_id, acting.text("seen"), fields, acting.actor)
        except ValidationError as error:
            faults = invalid(error, LABELS, acting)
        except ContestRefusedError as error:
            faults = sentences([REFUSED[error.code]], LABELS, acting)
        except ContestChangedError as error:
            theirs, subject = shown(error.contest), f"contest:{contest_id}"
            conflict = conflict_over(connection, subject, typed, theirs, acting.text("marks"), action="contest.")
            return _page(console, acting, error.contest, conflict.form, conflict=conflict)
    if faults:
        seen, marks = acting.text("seen"), acting.text("marks")
        return _page(console, acting, contest, typed, faults=faults, seen=seen, marks=marks)
    console.in_effect(contest)
    return see_other(f"{PATH}/{contest_id}?done=saved")


def _page(
    console: Console,
    acting: Acting,
    contest: Contest | None,
    typed: dict[str, str],
    *,
    faults: dict[str, str] | None = None,
    conflict: Conflict | None = None,
    seen: str = "",
    marks: str = "",
) -> Response:
    return console.page(
        acting,
        "contest_form.html",
        422 if faults or conflict else 200,
        contest=contest,
        typed=_START | typed,
        seen=seen or (seen_of(contest) if contest else ""),
        marks=marks or (marks_of(shown(contest)) if contest else ""),
        faults=faults or {},
        conflict=conflict,
        labels=LABELS,
        hints=HINTS,
        rows=ROWS,
        vietnamese=VIETNAMESE,
        english=ENGLISH,
        policies=[(value, acting.say(words)) for value, words in POLICIES],
    )
