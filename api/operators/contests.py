"""The contests of this installation, the page of one, and the deliberate act that puts a draft into the box."""

from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Response

from api.operators.access import ADMIN, Acting
from api.operators.console import Console
from api.operators.contest_form import PATH
from api.operators.contest_words import DONE, MISSING, STATES
from api.operators.effect import chosen_contest, effect_of
from api.operators.language import N_
from api.voters.responses import see_other
from models.contest import Contest, UnknownContestError, all_contests, find_contest
from models.contest_editing import ContestRefusedError, missing, put_into_box
from models.database import Connection
from models.entry import entries_of
from models.jobs import BOOKS, REPAIR, enqueue
from models.scratch.connection import ScratchAway

log = structlog.get_logger()

_LIVE = N_("Cuộc thi đã ở trong hòm phiếu.")
_LACKING = N_("Cuộc thi chưa đủ để đưa vào hòm phiếu: xem phần “Còn thiếu”.")


def contests_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def show_all(acting: Annotated[Acting, ADMIN], done: str = "") -> Response:
        with console.ledger() as connection:
            known = all_contests(connection)
            current = _current(console, connection)
        said = DONE.get(done, "")
        return console.page(acting, "contests.html", contests=known, current=current, states=STATES, done=said)

    @router.get(PATH + "/{contest_id:int}")
    def show(acting: Annotated[Acting, ADMIN], contest_id: int, done: str = "") -> Response:
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, str(contest_id))
            return _page(console, connection, acting, contest, done=DONE.get(done, ""))

    @router.post(PATH + "/{contest_id:int}/publish")
    def publish(acting: Annotated[Acting, ADMIN], contest_id: int) -> Response:
        """Into the box: a worker opens it there at once, or when the ticker says so."""
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, str(contest_id))
            if not acting.text("sure"):
                faults = {"sure": acting.say(N_("Hãy đánh dấu ô xác nhận trước."))}
                return _page(console, connection, acting, contest, faults=faults)
            try:
                put_into_box(connection, contest_id, console.keys.fingerprint(), acting.actor, datetime.now(UTC))
            except ContestRefusedError as error:
                words = _LIVE if error.code == "live" else _LACKING
                return _page(console, connection, acting, contest, faults={"": acting.say(words)})
        try:
            enqueue(console.scratch, BOOKS, REPAIR, contest_id)
        except ScratchAway as error:
            log.warning("a contest waits for the ticker", contest=contest.slug, problem=str(error))
        return see_other(f"{PATH}/{contest_id}?done=live")

    return router


def _current(console: Console, connection: Connection) -> int | None:
    """The id of the contest that the site shows."""
    try:
        contest = find_contest(connection, console.settings.contest)
    except UnknownContestError:
        return None
    return None if contest.draft else contest.id


def _page(
    console: Console,
    connection: Connection,
    acting: Acting,
    contest: Contest,
    *,
    faults: dict[str, str] | None = None,
    done: str = "",
) -> Response:
    entries = entries_of(connection, contest.id)
    lacking = missing(connection, contest, console.keys.fingerprint(), datetime.now(UTC)) if contest.draft else []
    current = _current(console, connection)
    chosen = console.settings.contest
    return console.page(
        acting,
        "contest.html",
        422 if faults else 200,
        contest=contest,
        state="draft" if contest.draft else contest.state,
        states=STATES,
        numbers={
            state: sum(entry.state == state for entry in entries) for state in ("published", "draft", "withdrawn")
        },
        missing=[(name, MISSING[name]) for name in lacking],
        is_current=contest.id == current,
        # Without the setting the newest contest is shown.
        becomes_current=chosen == contest.slug or (not chosen and (current is None or contest.id > current)),
        replaces=current is not None,
        effect=effect_of(console, contest),
        faults=faults or {},
        done=done,
    )
