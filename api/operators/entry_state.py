"""Publishing an entry, and withdrawing it for a reason."""

from typing import Annotated

from fastapi import APIRouter, Response

from api.operators.access import MODERATOR, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.entries import LIST, known_entry
from api.operators.entry_page import conflict_with, entry_page, refused, seen_version
from api.operators.language import N_
from api.voters.responses import see_other
from models.contest import contest_by_id
from models.entry import EntryChangedError, EntryRefusedError, change_entry_state
from models.tally import contest_tallies


def entry_state_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(LIST + "/{entry_id:int}/withdraw")
    def ask(acting: Annotated[Acting, MODERATOR], entry_id: int) -> Response:
        return _withdrawal(console, acting, entry_id)

    @router.post(LIST + "/{entry_id:int}/withdraw")
    def withdraw(acting: Annotated[Acting, MODERATOR], entry_id: int) -> Response:
        if not acting.text("why"):
            return _withdrawal(console, acting, entry_id, {"why": acting.say(N_("Lý do: chưa nhập."))})
        return _turn(console, acting, entry_id, "withdrawn")

    @router.post(LIST + "/{entry_id:int}/publish")
    def publish(acting: Annotated[Acting, MODERATOR], entry_id: int) -> Response:
        return _turn(console, acting, entry_id, "published")

    return router


def _turn(console: Console, acting: Acting, entry_id: int, state: str) -> Response:
    with console.ledger() as connection:
        entry = known_entry(connection, entry_id)
        conflict, faults = None, {}
        try:
            change_entry_state(connection, entry_id, seen_version(acting), state, acting.actor, why=acting.text("why"))
        except EntryChangedError as error:
            conflict = conflict_with(connection, acting, error.entry, error.entry.fields)
        except EntryRefusedError as error:
            faults = refused(error, acting)
        contest = contest_by_id(connection, entry.contest_id)
        if conflict or faults:
            entry = known_entry(connection, entry_id)
            return entry_page(
                console, connection, acting, contest, entry, entry.fields, faults=faults, conflict=conflict
            )
    console.in_effect(contest)
    return see_other(f"{LIST}/{entry_id}?done={state}")


def _withdrawal(console: Console, acting: Acting, entry_id: int, faults: dict[str, str] | None = None) -> Response:
    """Says what withdrawing does, and asks for the reason."""
    with console.ledger() as connection:
        entry = known_entry(connection, entry_id)
        votes = contest_tallies(connection, entry.contest_id).get(entry_id, 0)
        contest = contest_by_id(connection, entry.contest_id)
    if contest.state == "final":
        raise ConsoleProblem(409, N_("Kết quả cuộc thi đã chốt: không rút bài được nữa."))
    if entry.state != "published":
        raise ConsoleProblem(409, N_("Chỉ rút được bài đang công bố."))
    return console.page(
        acting,
        "entry_withdraw.html",
        422 if faults else 200,
        entry=entry,
        votes=votes,
        version=seen_version(acting) or entry.version,
        faults=faults or {},
    )
