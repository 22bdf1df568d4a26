"""One request of a data subject: what is kept of the account, its export, erasing, the answer."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.operators.access import ADMIN, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.field_words import field_words, value_words
from api.operators.language import N_
from api.operators.requests import FOUND_WORDS, KIND_WORDS, PATH
from api.voters.responses import see_other
from models import audit
from models.account_erasing import erase_account
from models.data_request import DataRequest, answer_request, find_request, note_erased
from models.personal_data import everything_of

LONGEST_NOTE = 2_000
_NOUNS = {"claims": "claim", "clusters": "cluster", "corrections": "correction", "requests": "request"}
"""Section of what is kept of an account → what its records are (`field_words.py`)."""
_TOLD = N_("Người khác vừa sửa yêu cầu này. Chưa có gì thay đổi; hãy xem lại rồi làm tiếp. Những gì bạn viết vẫn còn.")


def request_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH + "/{request_id:int}")
    def request(acting: Annotated[Acting, ADMIN], request_id: int) -> Response:
        return _page(console, acting, request_id)

    @router.post(PATH + "/{request_id:int}/export")
    def export(acting: Annotated[Acting, ADMIN], request_id: int) -> Response:
        """Everything that is kept of the account, as a file for machines."""
        return _export(console, acting, request_id)

    @router.post(PATH + "/{request_id:int}/print")
    def printed(acting: Annotated[Acting, ADMIN], request_id: int) -> Response:
        """The same as a page for people."""
        found, kept = _everything(console, acting, request_id)
        return console.page(
            acting, "request_print.html", request=found, kept=_told(acting, kept), now=datetime.now(UTC)
        )

    @router.post(PATH + "/{request_id:int}/erase")
    def erase(acting: Annotated[Acting, ADMIN], request_id: int) -> Response:
        return _changed(console, acting, request_id, _erase_faults(acting), _erase)

    @router.post(PATH + "/{request_id:int}/answer")
    def answer(acting: Annotated[Acting, ADMIN], request_id: int) -> Response:
        faults = _text_faults(acting, "note", N_("Hãy ghi đã trả lời thế nào."))
        return _changed(console, acting, request_id, faults, _answer)

    return router


def _export(console: Console, acting: Acting, request_id: int) -> Response:
    found, kept = _everything(console, acting, request_id)
    told = {"made_at": datetime.now(UTC).isoformat(timespec="seconds"), **kept}
    name = f"du-lieu-yeu-cau-{found.id}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    body = json.dumps(told, ensure_ascii=False, indent=2).encode()
    return Response(body, media_type="application/json", headers=headers)


def _erase_faults(acting: Acting) -> dict[str, str]:
    faults = _text_faults(acting, "why", N_("Hãy ghi lý do xoá."))
    if acting.text("sure") != "yes":
        faults["sure"] = acting.say(N_("Hãy đánh dấu xác nhận: dữ liệu đã xoá không lấy lại được."))
    return faults


def _text_faults(acting: Acting, name: str, missing: str) -> dict[str, str]:
    """What is wrong with a text that must be there. `missing`: marked."""
    text = acting.text(name)
    if not text:
        return {name: acting.say(missing)}
    if len(text) > LONGEST_NOTE:
        return {name: acting.say(N_("Nội dung dài quá %(most)s ký tự."), most=LONGEST_NOTE)}
    return {}


def _changed(
    console: Console,
    acting: Acting,
    request_id: int,
    faults: dict[str, str],
    change: Callable[[Console, Acting, DataRequest], bool],
) -> Response:
    """Changes the request, if nothing is wrong and nobody else was first; then its page."""
    found, status = _request(console, request_id), 422
    if not faults:
        if change(console, acting, found):
            return see_other(f"{PATH}/{found.id}")
        faults, status = {"": acting.say(_TOLD)}, 409
    return _page(console, acting, request_id, faults=faults, typed=acting.form, status=status)


def _request(console: Console, request_id: int) -> DataRequest:
    """Errors: ConsoleProblem (404), LedgerAway."""
    with console.ledger() as connection:
        found = find_request(connection, request_id)
    if found is None:
        raise ConsoleProblem(404, N_("Không có yêu cầu này."))
    return found


def _everything(console: Console, acting: Acting, request_id: int) -> tuple[DataRequest, dict[str, Any]]:
    """What is kept of the account; that it was taken out is in the audit log."""
    found = _request(console, request_id)
    with console.ledger() as connection:
        kept = everything_of(connection, console.keys, found.account_id)
        subject = f"request:{found.id}"
        audit.record(connection, acting.actor, "request.export", subject, contest_id=found.contest_id)
    return found, kept


def _told(acting: Acting, kept: dict[str, Any]) -> dict[str, Any]:
    """The same for people: rows as `[(field, value)]` in words, without what is empty."""
    return {
        section: [_row(acting, _NOUNS.get(section, section), row) for row in rows] if isinstance(rows, list) else rows
        for section, rows in kept.items()
    }


def _row(acting: Acting, noun: str, row: dict[str, Any]) -> list[tuple[str, str]]:
    told = (
        (field_words(acting.language, noun, name), value_words(acting.language, noun, name, value))
        for name, value in row.items()
    )
    return [(name, value) for name, value in told if value]


def _erase(console: Console, acting: Acting, found: DataRequest) -> bool:
    """Returns False if another was first."""
    with console.ledger() as connection:
        if not note_erased(connection, found.id, _version(acting)):
            return False
        erased = erase_account(connection, found.account_id, datetime.now(UTC))
        audit.record(
            connection,
            acting.actor,
            "request.erase",
            f"request:{found.id}",
            contest_id=found.contest_id,
            after={"account": str(found.account_id), "erased": erased},
            why=acting.text("why"),
        )
    return True


def _answer(console: Console, acting: Acting, found: DataRequest) -> bool:
    """Returns False if another was first."""
    with console.ledger() as connection:
        if not answer_request(connection, found.id, _version(acting), acting.text("note")):
            return False
        late = datetime.now(UTC) >= found.due_at
        subject = f"request:{found.id}"
        after = {"kind": found.kind, "late": late}
        audit.record(connection, acting.actor, "request.answer", subject, contest_id=found.contest_id, after=after)
    return True


def _version(acting: Acting) -> int:
    """Which state of the request the admin saw; 0 is none."""
    return acting.number("version") or 0


def _page(
    console: Console,
    acting: Acting,
    request_id: int,
    *,
    faults: dict[str, str] | None = None,
    typed: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    found = _request(console, request_id)
    with console.ledger() as connection:
        kept = everything_of(connection, console.keys, found.account_id)
    now = datetime.now(UTC)
    return console.page(
        acting,
        "request.html",
        status=status,
        request=found,
        kind=KIND_WORDS[found.kind],
        found_by=FOUND_WORDS[found.found_by],
        late=found.answered_at is None and found.due_at <= now,
        hours=max(0, int((found.due_at - now).total_seconds() // 3600)),
        held={name: len(rows) for name, rows in kept.items() if isinstance(rows, list)},
        personal=_personal(kept),
        faults=faults or {},
        typed={name: str(value) for name, value in (typed or {}).items()},
    )


def _personal(kept: dict[str, Any]) -> int:
    """How many records still hold something that erasing takes away."""
    votes = sum(1 for vote in kept["votes"] if vote["device"])
    logins = sum(1 for login in kept["logins"] if login["hint"] or login["domain"] or login["fragments"])
    return votes + logins + sum(1 for claim in kept["claims"] if not claim["erased_at"])
