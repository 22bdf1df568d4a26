"""Moving the voting time of a live contest: two steps, the consequence in words between them, a reason with it."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from api.operators.access import ADMIN, Acting
from api.operators.conflict import marks_of, resolved
from api.operators.console import AWAY, Console
from api.operators.contest_form import PATH, moment_shown
from api.operators.contest_words import CONSEQUENCES, LABELS, WINDOW_REFUSALS
from api.operators.effect import chosen_contest
from api.operators.fault_words import invalid
from api.operators.language import N_
from api.voters.responses import see_other
from models.ballot_box.connection import BoxAway
from models.contest import Contest
from models.contest_fields import Moment
from models.contest_window import WindowRefusedError, box_moment, consequences, move_window

FIELDS = ("opens_at", "closes_at", "why")


class _Window(BaseModel):
    model_config = ConfigDict(strict=True)

    opens_at: Moment
    closes_at: Moment


def contest_window_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH + "/{contest_id:int}/window")
    def show(acting: Annotated[Acting, ADMIN], contest_id: int) -> Response:
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, str(contest_id))
        if contest.draft:
            return see_other(f"{PATH}/{contest_id}/edit")
        return _page(console, acting, contest, _as_it_is(contest))

    @router.post(PATH + "/{contest_id:int}/window")
    def move(acting: Annotated[Acting, ADMIN], contest_id: int) -> Response:
        """First says what it does; with `sure` does it."""
        typed = {name: acting.text(name) for name in FIELDS}
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, str(contest_id))
            try:
                if acting.text("seen") != _seen(contest):
                    raise WindowRefusedError("changed")  # noqa: TRY301 - said as the others are
                window = _window(contest, typed)
                now = box_moment(console.box, contest)
                follows = consequences(contest, window.opens_at, window.closes_at, now)
                if not typed["why"]:
                    return _page(console, acting, contest, typed, {"why": acting.say(N_("Lý do: chưa nhập."))})
                if acting.text("sure") != "1":
                    said = [CONSEQUENCES[name] for name in follows]
                    return _page(console, acting, contest, typed, follows=said, window=window)
                contest = move_window(
                    connection, contest, window.opens_at, window.closes_at, acting.actor, why=typed["why"], now=now
                )
            except ValidationError as error:
                return _page(console, acting, contest, typed, invalid(error, LABELS, acting))
            except WindowRefusedError as error:
                return _refused(console, acting, contest, typed, error)
            except BoxAway:
                return _page(console, acting, contest, typed, {"": acting.say(AWAY[BoxAway])})
        console.in_effect(contest)
        return see_other(f"{PATH}/{contest_id}?done=window")

    return router


def _as_it_is(contest: Contest) -> dict[str, str]:
    return {"opens_at": moment_shown(contest.opens_at), "closes_at": moment_shown(contest.closes_at), "why": ""}


def _seen(contest: Contest) -> str:
    """Names the voting time that the form was made of."""
    return f"{contest.opens_at.isoformat()}/{contest.closes_at.isoformat()}"


def _window(contest: Contest, typed: dict[str, str]) -> _Window:
    """What was typed; a moment that nobody touched keeps its seconds. Errors: pydantic.ValidationError."""
    now = _as_it_is(contest)
    values: dict[str, Any] = {
        name: getattr(contest, name) if typed[name] == now[name] else typed[name] for name in ("opens_at", "closes_at")
    }
    return _Window.model_validate(values, context={"now": datetime.now(UTC)})


def _refused(
    console: Console, acting: Acting, contest: Contest, typed: dict[str, str], error: WindowRefusedError
) -> Response:
    """The form again. What the other one moved meanwhile is in it where this one had left it as it was."""
    if error.code == "changed":
        theirs = _as_it_is(contest) | {"why": typed["why"]}
        typed = resolved(typed, theirs, acting.text("marks")).form
    field = "closes_at" if error.code == "order" else ""
    return _page(console, acting, contest, typed, {field: acting.say(WINDOW_REFUSALS[error.code])})


def _page(
    console: Console,
    acting: Acting,
    contest: Contest,
    typed: dict[str, str],
    faults: dict[str, str] | None = None,
    *,
    follows: list[str] | None = None,
    window: _Window | None = None,
) -> Response:
    """The form; with `follows` and the new `window` the question whether it shall be done."""
    return console.page(
        acting,
        "contest_window.html",
        422 if faults else 200,
        contest=contest,
        typed=typed,
        seen=_seen(contest),
        marks=marks_of(_as_it_is(contest)),
        faults=faults or {},
        follows=follows,
        window=window,
    )
