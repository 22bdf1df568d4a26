"""Deleting drafts: a page says what goes, an admin confirms. What voters have seen is withdrawn, never deleted."""

from typing import Annotated

from fastapi import APIRouter, Response

from api.operators.access import ADMIN, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.contest_form import PATH
from api.operators.effect import chosen_contest
from api.operators.entries import LIST, known_entry
from api.operators.language import N_
from api.voters.responses import see_other
from models.category import categories_of
from models.draft_deletion import DeletionRefusedError, delete_contest, delete_entry
from models.entry import EntryChangedError, entries_of

_CHANGED = N_("Người khác vừa sửa bản nháp này. Chưa có gì bị xoá; hãy xem lại rồi làm tiếp.")
_REFUSED = {
    "published": N_("Chỉ xoá được bản nháp chưa từng công bố. Bài đã công bố thì rút, cuộc thi thì kết thúc."),
    "busy": N_("Cuộc thi này đang có việc chưa xong, ví dụ nhập từ bảng tính. Hãy thử lại khi việc đó xong."),
}


def draft_deletion_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(LIST + "/{entry_id:int}/delete")
    def ask_entry(acting: Annotated[Acting, ADMIN], entry_id: int) -> Response:
        with console.ledger() as connection:
            entry = known_entry(connection, entry_id)
        if entry.state != "draft":
            raise ConsoleProblem(409, _REFUSED["published"])
        return console.page(acting, "entry_delete.html", entry=entry)

    @router.post(LIST + "/{entry_id:int}/delete")
    def entry(acting: Annotated[Acting, ADMIN], entry_id: int) -> Response:
        with console.ledger() as connection:
            known_entry(connection, entry_id)
            try:
                gone = delete_entry(connection, entry_id, acting.number("version") or 0, acting.actor)
            except EntryChangedError:
                raise ConsoleProblem(409, _CHANGED) from None
            except DeletionRefusedError as error:
                raise ConsoleProblem(409, _REFUSED[error.code]) from None
        return see_other(f"{LIST}?contest={gone.contest_id}&done=deleted")

    @router.get(PATH + "/{contest_id:int}/delete")
    def ask_contest(acting: Annotated[Acting, ADMIN], contest_id: int) -> Response:
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, str(contest_id))
            numbers = (len(categories_of(connection, contest.id)), len(entries_of(connection, contest.id)))
        if not contest.draft:
            raise ConsoleProblem(409, _REFUSED["published"])
        return console.page(acting, "contest_delete.html", contest=contest, categories=numbers[0], entries=numbers[1])

    @router.post(PATH + "/{contest_id:int}/delete")
    def contest(acting: Annotated[Acting, ADMIN], contest_id: int) -> Response:
        with console.ledger() as connection:
            chosen_contest(console, connection, str(contest_id))
            try:
                delete_contest(connection, contest_id, acting.actor)
            except DeletionRefusedError as error:
                raise ConsoleProblem(409, _REFUSED[error.code]) from None
        return see_other(f"{PATH}?done=deleted")

    return router
