"""The vote as a form, for browsers without JavaScript: the same function as `PUT /api/entries/{id}/vote`."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from api.access import Access, fields_of
from api.answers import HTML, Answer, answer
from api.casting import Voted
from api.evidence import Evidence
from api.metrics import Metrics
from api.outcomes import Code
from api.sessions import Session
from api.snapshot import Snapshot, Watch
from api.voters.language import Language
from api.voters.listing import beside
from api.voters.page import CONFIRM, ENTRY, absent_page, refusal_page
from api.voters.responses import READS, respond, see_other
from api.voters.templates import render

Cast = Callable[[Session, int, Snapshot, bytes], Awaitable[Voted | Code]]
"""`FastPath.cast`: (who, entry, snapshot, evidence) → what became of the vote."""
VOTED_PAGE = "/da-binh-chon"
"""What the address of the page with the receipt ends with, after the entry's."""
_AGAIN = (Code.BUSY, Code.NOT_READY, Code.NOT_CONFIRMED)


def vote_router(
    cast: Cast, access: Access, watch: Watch, evidence: Evidence, metrics: Metrics, language: Language
) -> APIRouter:
    """The routes of one language's pages."""
    router = APIRouter(include_in_schema=False, prefix=language.prefix)
    home = language.path(ENTRY)

    @router.post(ENTRY + "{slug}" + CONFIRM)
    async def vote(slug: str, request: Request) -> Response:
        """Votes, then 303 to the page with the receipt; without a session to the login, which leads back."""
        snapshot = watch.current
        fields = fields_of(request.headers.raw)
        voter = access.voter(fields, snapshot, changes=True)
        if voter is Code.NO_SESSION:
            metrics.refused(voter.value)
            return see_other(language.path(f"/dang-nhap?next={home}{quote(slug, safe='')}{CONFIRM}"))
        if isinstance(voter, Code):
            metrics.refused(voter.value)
            return respond(_refusal(voter, snapshot, slug, language))
        entry = snapshot.view.catalogue.by_slug.get(slug) if snapshot.view else None
        if entry is None:
            metrics.refused(Code.UNKNOWN_ENTRY.value)
            return respond(absent_page(snapshot.view, language))
        client = (request.client.host, request.client.port) if request.client else None
        decided = await cast(voter, entry["id"], snapshot, evidence.of(client, fields))
        if isinstance(decided, Code):
            return respond(_refusal(decided, snapshot, slug, language))
        again, _, receipt = decided
        more = "&lai=1" if again else ""
        return see_other(f"{home}{quote(slug, safe='')}{VOTED_PAGE}?ma={receipt}{more}")

    @router.api_route(ENTRY + "{slug}" + VOTED_PAGE, methods=READS)
    async def voted(slug: str, request: Request, ma: str = "", lai: str = "") -> Response:
        """The receipt of a vote, shown to the account that it was given to, without asking the box again."""
        snapshot = watch.current
        voter = access.voter(fields_of(request.headers.raw), snapshot, changes=False)
        entry = snapshot.view.catalogue.by_slug.get(slug) if snapshot.view else None
        if isinstance(voter, Code) or entry is None or snapshot.receipts is None or snapshot.view is None:
            return see_other(language.path(f"/tra-cuu?ma={quote(ma[:100])}"))
        number = snapshot.receipts.number(voter.account, entry["id"])
        if snapshot.receipts.parse(ma) != number:
            return see_other(language.path(f"/tra-cuu?ma={quote(ma[:100])}"))
        body = render(
            "voted.html",
            language,
            view=snapshot.view,
            path=f"{ENTRY}{slug}",
            entry=entry,
            others=beside(snapshot.view, entry),
            receipt=snapshot.receipts.code(number),
            again=bool(lai),
        )
        return respond(answer(200, HTML, body))

    return router


def _refusal(code: Code, snapshot: Snapshot, slug: str, language: Language) -> Answer:
    return refusal_page(code, snapshot.view, language, slug=slug, again=code in _AGAIN)
