"""Pages made anew for each request: one's own votes, the look-up of a receipt."""

import unicodedata
from datetime import datetime
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from api.access import Access
from api.answers import HTML, Answer, answer
from api.ballot import read_votes
from api.outcomes import REFUSALS, Code, VoterProblem, problem_headers
from api.receipts import Receipts
from api.schemas import Receipt
from api.snapshot import Watch
from api.voters.language import N_, Language
from api.voters.page import refusal_page
from api.voters.responses import READS, respond
from api.voters.templates import render
from api.voters.view import View
from models.times import milliseconds

LETTERS = 20  # of a receipt
_FOUND = {
    "received": (N_("Đã nhận"), N_("Hòm phiếu đã nhận phiếu này. Phiếu sẽ được ghi vào sổ phiếu trong giây lát."), ""),
    "in_ledger": (N_("Đã vào sổ phiếu"), N_("Phiếu này đã được ghi vào sổ phiếu và được tính."), ""),
    "voided": (N_("Phiếu đã bị loại"), N_("Phiếu này đã bị loại khỏi kết quả."), "bad"),
}
_NOT_FOUND = {
    Code.UNKNOWN_RECEIPT: (N_("Không có mã phiếu này"), "bad"),
    Code.LEDGER_AWAY: (N_("Mã phiếu đúng, phiếu đã được nhận"), "still"),  # only a genuine code is asked about
    Code.NOT_READY: (N_("Chưa tra cứu được"), "still"),
}


def personal_router(access: Access, watch: Watch, receipts: Receipts, language: Language) -> APIRouter:
    """The routes of one language's pages."""
    router = APIRouter(include_in_schema=False, prefix=language.prefix)

    @router.api_route("/phieu-cua-toi", methods=READS)
    async def ballot(request: Request) -> Response:
        """The votes of the account with their receipts, or the way to the login."""
        view = watch.current.view
        try:
            found = await read_votes(access, watch, request.headers.raw)
        except VoterProblem as refusal:
            if refusal.code is Code.NO_SESSION:
                return respond(_ballot(view, language, None))
            return respond(refusal_page(refusal.code, view, language))
        by_id = view.catalogue.by_id if view else {}
        votes = []
        for vote in found.votes:
            entry = by_id.get(vote.entry_id)
            title = language.of(entry, "title") if entry else _gone(language, vote.entry_id)
            votes.append((title, entry["slug"] if entry else "", vote.receipt))
        return respond(_ballot(view, language, votes))

    @router.api_route("/tra-cuu", methods=READS)
    async def look_up(ma: str = "") -> Response:
        """What became of the vote with the receipt `ma`, however it was written down."""
        view = watch.current.view
        if not ma.strip():
            return respond(_receipt(view, language, ""))
        try:
            found = await receipts.look_up(tidy(ma))
        except VoterProblem as refusal:
            return respond(_receipt(view, language, ma, refusal=refusal.code))
        return respond(_receipt(view, language, ma, found=found))

    return router


def tidy(code: str) -> str:
    """The letters and digits of a pasted receipt, whatever stands between them, and before them: `Mã phiếu: 7F3K-…`."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", code) if letter.isalnum())[-LETTERS:]


def _gone(language: Language, entry_id: int) -> str:
    return language.text(N_("Bài dự thi số %(number)s (không còn được đăng)"), number=entry_id)


def _ballot(view: View | None, language: Language, votes: list[tuple[str, str, str]] | None) -> Answer:
    return answer(200, HTML, render("ballot.html", language, view=view, path="/phieu-cua-toi", votes=votes))


def _reason(view: View | None, language: Language, reason: str) -> str:
    """The reason of a void in the reader's language, where the public log has it in both."""
    lines = view.corrections if view else []
    return next((language.of(line, "reason") for line in lines if line["reason"] == reason), reason)


def _receipt(
    view: View | None,
    language: Language,
    code: str,
    *,
    found: Receipt | None = None,
    refusal: Code | None = None,
) -> Answer:
    """The page of a look-up: of a vote that was `found`, of none (`refusal`), or before the question."""
    status = found.status if found else ""
    entry_id = found.entry_id if found else None
    words, more, kind = _FOUND.get(status, ("", "", ""))
    if refusal is not None:
        words, kind = _NOT_FOUND[refusal]
        more = REFUSALS[refusal].detail
    body = render(
        "receipt.html",
        language,
        view=view,
        path="/tra-cuu" + (f"?ma={quote(code[:100])}" if code else ""),
        code=code[:100],
        status=status or (refusal.value if refusal else ""),
        words=language.text(words) if words else "",
        more=language.text(more) if more else "",
        kind=kind,
        reason=_reason(view, language, found.reason) if found and found.reason else None,
        cast_at=milliseconds(datetime.fromisoformat(found.cast_at)) if found and found.cast_at else None,
        entry=view.catalogue.by_id.get(entry_id) if view and entry_id is not None else None,
    )
    if refusal is None:
        return answer(200, HTML, body)
    return answer(REFUSALS[refusal].status, HTML, body, problem_headers(refusal))
