"""One claim: what is known of its vote, the answer, opening it again.

What an operator types to find an account (an address, a number) is hashed at once; it stands in no address, no log and
no table. That somebody looked is in the audit log, with the account's number.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response

from api.operators.access import MODERATOR, Acting, ConsoleProblem
from api.operators.claim_look import Looked, look_at, look_for
from api.operators.claim_words import VERDICTS, draft, verdict_on, vote_words
from api.operators.claims import PATH
from api.operators.console import Console
from api.operators.language import N_, language_called
from api.voters.responses import see_other
from models import audit
from models.claim import spelled
from models.claim_answer import WAYS, add_answer, answers_of
from models.claim_inbox import TERM_DAYS, Filed, find_claim, latest_operator, move
from models.contest import Contest, contest_by_id
from models.database import Connection
from models.finding import titles_of
from models.identity import InvalidIdentityError, normalise
from models.receipt import Receipts
from models.working_days import read_holidays, term_ends

LONGEST_ANSWER = 5_000
_NO_CLAIM = N_("Không có báo mất phiếu này.")
_TOLD = N_(
    "%(name)s vừa xử lý báo mất phiếu này trong lúc bạn đang viết. Chưa có gì được gửi; hãy xem lại câu trả lời ở dưới"
    " rồi quyết định. Những gì bạn đã viết vẫn còn."
)
_SOMEBODY = N_("Người khác")


def claim_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH + "/{claim_id}")
    def claim(acting: Annotated[Acting, MODERATOR], claim_id: str) -> Response:
        found, contest = _claim(console, claim_id)
        return _page(console, acting, found, contest, look_at(console, contest, found))

    @router.post(PATH + "/{claim_id}/look")
    def look(acting: Annotated[Acting, MODERATOR], claim_id: str) -> Response:
        """The same page with what is known of a receipt or an identity that the operator typed."""
        return _look(console, acting, *_claim(console, claim_id))

    @router.post(PATH + "/{claim_id}/answer")
    def answer(acting: Annotated[Acting, MODERATOR], claim_id: str) -> Response:
        found, contest = _claim(console, claim_id)
        faults, way, address = _faults(console, acting, found)
        status = 422
        if not faults:
            told = _answer(console, acting, found, way, address)
            if not told:
                return see_other(f"{PATH}/{found.id}")
            faults, status = {"": told}, 409
            found, contest = _claim(console, claim_id)
        known = look_at(console, contest, found)
        return _page(console, acting, found, contest, known, status=status, faults=faults, typed=acting.form)

    @router.post(PATH + "/{claim_id}/reopen")
    def reopen(acting: Annotated[Acting, MODERATOR], claim_id: str) -> Response:
        found, contest = _claim(console, claim_id)
        if _reopen(console, acting, found):
            return see_other(f"{PATH}/{found.id}")
        found, contest = _claim(console, claim_id)
        faults = {"": acting.say(_TOLD, name=acting.say(_SOMEBODY))}
        return _page(console, acting, found, contest, look_at(console, contest, found), status=409, faults=faults)

    return router


def _claim(console: Console, claim_id: str) -> tuple[Filed, Contest]:
    """Errors: ConsoleProblem (404), LedgerAway."""
    try:
        number = UUID(claim_id)
    except ValueError:
        raise ConsoleProblem(404, _NO_CLAIM) from None
    with console.ledger() as connection:
        found = find_claim(connection, number)
        if found is None:
            raise ConsoleProblem(404, _NO_CLAIM)
        return found, contest_by_id(connection, found.contest_id)


def _look(console: Console, acting: Acting, claim: Filed, contest: Contest) -> Response:
    typed = acting.text("who")
    looked, fault = look_for(console, contest, claim, typed)
    if looked is None:
        known, faults = look_at(console, contest, claim), {"who": acting.say(fault)}
        return _page(console, acting, claim, contest, known, status=422, faults=faults, who=typed)
    after = {"by": looked.by, "account": str(looked.finding.account) if looked.finding else None}
    with console.ledger() as connection:
        audit.record(connection, acting.actor, "claim.look", f"claim:{claim.id}", contest_id=contest.id, after=after)
    return _page(console, acting, claim, contest, looked)


def _reopen(console: Console, acting: Acting, claim: Filed) -> bool:
    """Returns False if another operator was first."""
    with console.ledger() as connection:
        moved = claim.state == "answered" and move(connection, claim.id, _version(acting), "reopened")
        if moved:
            _write_down(connection, acting, claim, "claim.reopen", {"state": "reopened"})
    return moved


def _faults(console: Console, acting: Acting, claim: Filed) -> tuple[dict[str, str], str, str]:
    """(what is wrong, the way, the address to send to)."""
    way, body = acting.text("way"), acting.text("body")
    faults = {}
    if not body:
        faults["body"] = acting.say(N_("Hãy viết câu trả lời."))
    elif len(body) > LONGEST_ANSWER:
        faults["body"] = acting.say(N_("Câu trả lời dài quá %(most)s ký tự."), most=LONGEST_ANSWER)
    if way not in WAYS:
        faults["way"] = acting.say(N_("Hãy chọn cách trả lời."))
    address = _mail_address(claim) if way == "email" else ""
    if way == "email" and not address:
        faults["way"] = acting.say(N_("Người báo không để lại địa chỉ email: hãy trả lời qua điện thoại."))
    elif way == "email" and not _mails(console):
        faults["way"] = acting.say(N_("Hệ thống này không có máy chủ thư: hãy trả lời qua điện thoại."))
    return faults, way, address


def _answer(console: Console, acting: Acting, claim: Filed, way: str, address: str) -> str:
    """Writes the answer down, and the claim as answered. Returns a sentence if another operator was first."""
    with console.ledger() as connection:
        if not move(connection, claim.id, _version(acting), "answered"):
            name = latest_operator(connection, claim.id) or acting.say(_SOMEBODY)
            return acting.say(_TOLD, name=name)
        answer_id = add_answer(connection, claim.id, way, address, claim.language, acting.text("body"), acting.actor)
        after = {"state": "answered", "way": way, "answer": answer_id}
        _write_down(connection, acting, claim, "claim.answer", after)
    return ""


def _write_down(connection: Connection, acting: Acting, claim: Filed, action: str, after: dict[str, Any]) -> None:
    subject, before = f"claim:{claim.id}", {"state": claim.state}
    audit.record(connection, acting.actor, action, subject, contest_id=claim.contest_id, before=before, after=after)


def _version(acting: Acting) -> int:
    """Which state of the claim the operator saw; 0 is none."""
    return acting.number("version") or 0


def _mail_address(claim: Filed) -> str:
    """The address in the contact; empty where it is none."""
    try:
        return normalise("email", claim.contact).address if claim.contact else ""
    except InvalidIdentityError:
        return ""


def _mails(console: Console) -> bool:
    channels = console.settings.channels()
    return bool(channels.mail or channels.shown)


def _page(
    console: Console,
    acting: Acting,
    claim: Filed,
    contest: Contest,
    looked: Looked,
    *,
    status: int = 200,
    faults: dict[str, str] | None = None,
    typed: Mapping[str, Any] | None = None,
    who: str = "",
) -> Response:
    verdict = verdict_on(looked.finding, looked.entry_id, receipt=looked.receipt, sure=looked.sure)
    asked = looked.finding.of(looked.entry_id) if looked.finding else None
    with console.ledger() as connection:
        answers = answers_of(connection, claim.id)
        titles = titles_of(connection, contest.id)
        off = read_holidays(connection)
    due = term_ends(claim.received_at, TERM_DAYS, off)
    receipts = Receipts(console.keys, contest.id)
    voters = language_called(claim.language)
    begun = draft(voters, spelled(claim.reference), contest.title, verdict, asked)
    return console.page(
        acting,
        "claim.html",
        status=status,
        contest=contest,
        claim=claim,
        reference=spelled(claim.reference),
        receipt=receipts.code(claim.receipt) if claim.receipt is not None else "",
        due=due,
        late=claim.waits and due <= datetime.now(UTC),
        looked=looked,
        words=VERDICTS[verdict],
        reason=asked.vote.reason if asked else "",
        votes=[
            (titles.get(facts.entry_id, str(facts.entry_id)), receipts.code(facts.receipt), facts, vote_words(facts))
            for facts in (looked.finding.votes if looked.finding else ())
        ],
        entry_title=titles.get(looked.entry_id or 0, ""),
        answers=answers,
        mail_address=_mail_address(claim),
        mails=_mails(console),
        faults=faults or {},
        way=str((typed or {}).get("way", "")) or ("email" if _mail_address(claim) and _mails(console) else "phone"),
        body=str((typed or {}).get("body", "")) or begun,
        who=who,
    )
