"""The inbox of claims: the list, and who waits for too long. One claim is `claim.py`."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from api.operators.access import MODERATOR, Acting
from api.operators.console import Console
from api.operators.effect import current_contest
from api.operators.language import N_
from api.voters.responses import see_other
from models.claim import parse_reference, spelled
from models.claim_inbox import PAGE, TERM_DAYS, claims_referred, counts, inbox, overdue
from models.working_days import read_holidays, term_ends

PATH = "/operator/claims"
_NO_REFERENCE = N_("Mã báo gồm 10 chữ và số, ví dụ 7F3K9-2QD0A.")


def claims_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def claims(acting: Annotated[Acting, MODERATOR], show: str = "waiting", q: str = "", page: int = 1) -> Response:
        return _list(console, acting, waiting=show != "answered", typed=q, page=max(1, min(page, 10_000)))

    return router


def _list(console: Console, acting: Acting, *, waiting: bool, typed: str, page: int) -> Response:
    """The claims with the reference that was typed, or a page of those that wait or were answered."""
    now = datetime.now(UTC)
    reference = parse_reference(typed) if typed.strip() else None
    with console.ledger() as connection:
        contest = current_contest(console, connection)
        if reference is not None:
            found = claims_referred(connection, reference)
            if len(found) == 1:
                return see_other(f"{PATH}/{found[0].id}")
        else:
            found = inbox(connection, contest.id, waiting=waiting, page=page)
        off = read_holidays(connection)
        waits, answered = counts(connection, contest.id)
        late = overdue(connection, contest.id, now)
    fault = acting.say(_NO_REFERENCE) if typed.strip() and reference is None else ""
    rows = [(claim, spelled(claim.reference), term_ends(claim.received_at, TERM_DAYS, off) <= now) for claim in found]
    show = "waiting" if waiting else "answered"
    return console.page(
        acting,
        "claims.html",
        contest=contest,
        rows=rows,
        waiting=waiting,
        waits=waits,
        answered=answered,
        late=late,
        typed=typed[:100],
        searched=reference is not None,
        fault=fault,
        page_number=page,
        more=len(found) == PAGE,
        earlier=urlencode({"show": show, "page": page - 1}),
        later=urlencode({"show": show, "page": page + 1}),
    )
