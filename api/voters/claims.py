"""“Tôi bị mất phiếu”: a claim, from the form into scratch. It asks the ledger nothing, so that it works without it too.

Nothing typed is lost: whatever is wrong or away, the page comes back with all of it. A form that is sent twice is one
claim with one reference (`models/scratch/claims.py`).
"""

import re
import unicodedata
from collections import defaultdict
from functools import lru_cache
from urllib.parse import unquote

from fastapi import APIRouter, Request, Response

from api.access import fields_of
from api.answers import HTML, NO_STORE, answer
from api.evidence import Evidence
from api.metrics import count_claim
from api.outcomes import REFUSALS, Code, VoterProblem
from api.sessions import Session
from api.snapshot import Snapshot
from api.voters.forms import Turned, Typed, read_form, retry_after
from api.voters.language import N_, Language
from api.voters.login_steps import Login
from api.voters.page import ENTRY, away_answer, no_contest_page
from api.voters.personal import tidy
from api.voters.responses import READS, respond, see_other
from api.voters.search import fold
from api.voters.templates import render
from api.voters.view import Catalogue, View
from models.claim import Claim, parse_reference, spelled
from models.scratch.claims import Claiming, Taken, take
from models.scratch.connection import ScratchAway

CLAIMS = "/tro-giup/mat-phieu"
LONGEST = {"chuyen": 2000, "bai": 300, "luc": 100, "ma": 100, "lien-he": 254}
"""Fields of the form and how many characters each may have."""
_BODY_LIMIT = 65_536  # bytes: 2,000 characters of four bytes each, percent-encoded, are 24,000
_SUGGESTED = 200  # entries that the form offers by name; more would make a heavy page
# Category Cc but the line end; and what reorders or breaks the text around it, for operators who read an address in it.
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_RECEIVED = (Claiming.RECEIVED, Claiming.REPEATED)
_MISSING = N_("Mời bạn viết vài dòng về chuyện đã xảy ra.")
_WRONG_RECEIPT = N_("Mã phiếu này không đúng. Hãy kiểm tra lại từng ký tự, hoặc để trống ô này.")
_TOO_LONG = N_("Phần này dài %(length)s ký tự; mời bạn rút lại còn nhiều nhất %(most)s ký tự.")
_TOO_LARGE = N_("Nội dung quá dài. Mời bạn bấm nút quay lại của trình duyệt để lấy lại những gì đã viết, rồi rút ngắn.")
_AWAY = N_("Chưa nhận được báo mất phiếu lúc này. Những gì bạn đã viết vẫn còn ở dưới: mời bạn gửi lại sau ít phút.")
_TOO_MANY = N_(
    "Hiện có quá nhiều người báo mất phiếu nên lần báo này chưa được nhận. Mời bạn gửi lại sau %(minutes)s phút."
)
_SENTENCES = {
    Claiming.CAPPED: N_(
        "Tài khoản của bạn đã gửi đủ số lần báo mất phiếu của một ngày. Mời bạn gửi lại sau %(hours)s giờ."
    ),
    Claiming.CROWDED: _TOO_MANY,
    Claiming.FULL: _TOO_MANY,
}


def claims_router(login: Login, evidence: Evidence, per_hour: int, language: Language) -> APIRouter:
    """The routes of one language's pages. `per_hour`: CLAIMS_PER_HOUR."""
    router = APIRouter(include_in_schema=False, prefix=language.prefix)

    @router.api_route(CLAIMS, methods=READS)
    async def form(bai: str = "", ma: str = "") -> Response:
        """The form; a link may say which entry (`bai`, a slug or title) and which receipt it is about."""
        view = login.watch.current.view
        if view is None:
            known = login.watch.current.read_at
            return respond(answer(200, HTML, no_contest_page(language)) if known else away_answer(language))
        entry = view.catalogue.by_slug.get(bai)
        typed = {"bai": (language.of(entry, "title") if entry else bai)[: LONGEST["bai"]], "ma": ma[: LONGEST["ma"]]}
        return _form(view, language, typed)

    @router.post(CLAIMS)
    async def claim(request: Request) -> Response:
        """Takes the claim, then 303 to the page with its reference; else the form again, with all that was typed."""
        typed: Typed = {}
        try:
            found = await read_form(login, request, limit=_BODY_LIMIT, errors="replace")
            typed |= {name: value for name, value in found.items() if name in LONGEST}
            examined = _examined(typed, login, fields_of(request.headers.raw), language)
        except VoterProblem as error:
            examined = _refused(error.code, language)
        ended: Taken | Turned
        if isinstance(examined, Claim):
            client = (request.client.host, request.client.port) if request.client else None
            sender = evidence.of(client, fields_of(request.headers.raw))
            ended = await _take(login, examined, sender, per_hour, language)
        else:
            ended = examined
        if isinstance(ended, Taken):
            return see_other(language.path(f"{CLAIMS}/da-nhan?bao={spelled(ended.reference)}"))
        return _form(login.watch.current.view, language, typed, ended)

    @router.api_route(f"{CLAIMS}/da-nhan", methods=READS)
    async def received(bao: str = "") -> Response:
        """The reference of a claim. Whoever has a reference learns nothing more here than that they have it."""
        reference = parse_reference(bao)
        if reference is None:
            return see_other(language.path(CLAIMS))
        shown, view = spelled(reference), login.watch.current.view
        path = f"{CLAIMS}/da-nhan?bao={shown}"
        return respond(
            answer(200, HTML, render("claim_received.html", language, view=view, path=path, reference=shown))
        )

    return router


def _examined(typed: Typed, login: Login, fields: dict[bytes, bytes], language: Language) -> Claim | Turned:
    """The claim that was typed, or what is wrong with it. Errors: VoterProblem (not_ready)."""
    snapshot = login.watch.current
    if snapshot.reading is None or snapshot.view is None or snapshot.receipts is None or login.watch.other_key:
        raise VoterProblem(Code.NOT_READY)
    texts = {name: _clean(typed.get(name, "")) for name in LONGEST}
    receipt = snapshot.receipts.parse(tidy(texts["ma"])) if texts["ma"] else None
    faults = {
        name: language.text(_TOO_LONG, length=language.number(len(texts[name])), most=language.number(most))
        for name, most in LONGEST.items()
        if len(texts[name]) > most
    }
    if not texts["chuyen"]:
        faults["chuyen"] = language.text(_MISSING)
    if texts["ma"] and receipt is None:
        faults["ma"] = language.text(_WRONG_RECEIPT)
    if faults:
        count_claim(Code.INVALID.value)
        return Turned(422, faults=faults)
    return Claim(
        contest_id=snapshot.reading.contest_id,
        received_at=snapshot.now_ms(),
        language=language.code,
        happened=texts["chuyen"],
        entry_id=_entry_of(snapshot.view, texts["bai"]),
        entry=texts["bai"],
        moment=texts["luc"],
        receipt=receipt,
        contact=texts["lien-he"],
        account_id=_account(login, snapshot, fields),
    )


def _account(login: Login, snapshot: Snapshot, fields: dict[bytes, bytes]) -> int | None:
    """Who is logged in; a claim needs no session, since a login that fails may be what it is about."""
    voter = login.access.voter(fields, snapshot, changes=True)
    return voter.account if isinstance(voter, Session) else None


def _clean(text: str) -> str:
    """`text` with one kind of line end and no control characters: PostgreSQL's texts hold no NUL."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return _CONTROLS.sub("", lines).strip()


def _entry_of(view: View, typed: str) -> int | None:
    """The id of the published entry whose title, or the address of whose page, was typed; None where it is none."""
    _, is_address, slug = typed.rpartition(ENTRY)
    if is_address:
        entry = view.catalogue.by_slug.get(unquote(slug.split("?")[0].split("#")[0].rstrip("/")))
        return int(entry["id"]) if entry else None
    return _titles(view.catalogue).get(fold(typed))


@lru_cache(maxsize=2)
def _titles(catalogue: Catalogue) -> dict[str, int]:
    """Folded title → id of the one entry that has it. Made once for as long as the published document is the same: a
    thousand titles take some 20 ms, and votes share this process.
    """
    named: dict[str, set[int]] = defaultdict(set)
    for entry in catalogue.entries:
        for name in ("title", "title_en"):
            named[fold(entry.get(name, ""))].add(entry["id"])
    return {title: numbers.pop() for title, numbers in named.items() if title and len(numbers) == 1}


async def _take(login: Login, claim: Claim, sender: bytes, per_hour: int, language: Language) -> Taken | Turned:
    """Puts the claim into scratch, unless a limit is against it or scratch is away."""
    try:
        taken = await take(login.scratch, claim, sender=sender, per_hour=per_hour)
    except ScratchAway:
        return _refused(Code.NOT_READY, language)
    count_claim(taken.outcome.value)
    if taken.outcome in _RECEIVED:
        return taken
    hours, minutes = -(-taken.retry_after // 3600), -(-taken.retry_after // 60)
    sentence = language.text(_SENTENCES[taken.outcome], hours=hours, minutes=minutes)
    return Turned(429, sentence, headers=((b"retry-after", b"%d" % taken.retry_after),))


def _refused(code: Code, language: Language) -> Turned:
    refusal = REFUSALS[code]
    sentence = {Code.NOT_READY: _AWAY, Code.TOO_LARGE: _TOO_LARGE}.get(code, refusal.detail)
    count_claim(code.value)
    return Turned(refusal.status, language.text(sentence), headers=retry_after(code))


def _form(view: View | None, language: Language, typed: Typed, turned: Turned | None = None) -> Response:
    entries = view.catalogue.entries if view and len(view.catalogue.entries) <= _SUGGESTED else []
    body = render(
        "claim.html",
        language,
        view=view,
        path=CLAIMS,
        typed=typed,
        titles=[language.of(entry, "title") for entry in entries],
        problem=turned.sentence if turned else "",
        faults=turned.faults if turned else {},
    )
    return respond(
        answer(turned.status if turned else 200, HTML, body, (NO_STORE, *(turned.headers if turned else ())))
    )
