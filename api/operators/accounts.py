"""Accounts: found by a receipt, by the account's number or by an identity; what is known of one; blocking it.

An identity that is typed is hashed at once: it comes in a form's body and stands in no address, no log and no table.
"""

from typing import Annotated

from fastapi import APIRouter, Response

from api.ended_sessions import all_before
from api.numbers import whole
from api.operators.access import MODERATOR, Acting, ConsoleProblem
from api.operators.claim_look import receipt_in
from api.operators.claim_words import vote_words
from api.operators.console import AWAY, Console
from api.operators.correction_form import PROOFS
from api.operators.effect import current_contest
from api.operators.language import N_
from api.voters.responses import see_other
from models.account_card import account_card, block_account, blocked_lately, count_blocked, unblock_account
from models.audit import record
from models.ballot_box.connection import BoxAway
from models.contest import Contest, contest_by_id
from models.event import MAX_ACCOUNT
from models.finding import account_of_receipt, find_account, titles_of
from models.identity import InvalidIdentityError, kind_of, normalise
from models.receipt import Receipts
from models.scratch.ended_sessions import end_now

PATH = "/operator/accounts"
_MOST_DIALLED = 12
_LONGEST_REASON = 500
_UNKNOWN = N_("Hãy nhập mã phiếu (20 ký tự), số tài khoản, địa chỉ email, hoặc số điện thoại di động Việt Nam.")
_FORGED = N_("Đây không phải mã phiếu của cuộc thi này: có ký tự sai, hoặc mã được bịa ra.")
_NOBODY = N_("Mã phiếu là thật, nhưng sổ phiếu chưa có phiếu này. Hãy thử lại sau ít phút.")
_NOT_HERE = N_("Hãy nhập email và số điện thoại vào ô bên dưới: chúng không được nằm trong địa chỉ trang.")
_WHY = N_("Hãy ghi lý do: lý do được lưu trong nhật ký.")
_LONG = N_("Nhiều nhất %(most)s ký tự.")
_NO_ACCOUNT = N_("Không có tài khoản này.")


def accounts_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def search(acting: Annotated[Acting, MODERATOR], q: str = "") -> Response:
        """`q`: a receipt or an account's number, for links from other pages; an identity must not come this way."""
        if not q.strip():
            return _search(console, acting)
        with console.ledger() as connection:
            contest = current_contest(console, connection)
        if _account_number(q.strip()) is not None or receipt_in(q):
            return _found(console, acting, contest, q.strip()[:100])
        return _search(console, acting, status=422, fault=acting.say(_NOT_HERE))

    @router.post(PATH)
    def find(acting: Annotated[Acting, MODERATOR]) -> Response:
        with console.ledger() as connection:
            contest = current_contest(console, connection)
        return _found(console, acting, contest, acting.text("who", limit=400))

    @router.get(PATH + "/{account:int}")
    def show(acting: Annotated[Acting, MODERATOR], account: int, done: str = "") -> Response:
        return _card(console, acting, account, ended=done == "sessions")

    @router.post(PATH + "/{account:int}/block")
    def block(acting: Annotated[Acting, MODERATOR], account: int) -> Response:
        return _decide(console, acting, account, block=True)

    @router.post(PATH + "/{account:int}/end-sessions")
    def end_sessions(acting: Annotated[Acting, MODERATOR], account: int) -> Response:
        return _end_sessions(console, acting, account)

    @router.post(PATH + "/{account:int}/unblock")
    def unblock(acting: Annotated[Acting, MODERATOR], account: int) -> Response:
        return _decide(console, acting, account, block=False)

    return router


def _account_number(text: str) -> int | None:
    """An account's number; None for what may be one to dial: 12 digits at most, that begin with 0 or the 8 of 84."""
    return None if len(text) <= _MOST_DIALLED and text.startswith(("0", "8")) else whole(text, MAX_ACCOUNT)


def _found(console: Console, acting: Acting, contest: Contest, typed: str) -> Response:
    """To the account's page, or the form again with why not."""
    account, by, fault = _account_of(console, contest, typed)
    if account is None:
        return _search(console, acting, status=422, fault=acting.say(fault), who=typed)
    with console.ledger() as connection:
        subject = f"account:{account}"
        record(connection, acting.actor, "account.look", subject, contest_id=contest.id, after={"by": by})
    return see_other(f"{PATH}/{account}")


def _account_of(console: Console, contest: Contest, typed: str) -> tuple[int | None, str, str]:
    """(account, how it was found, why not). The identity lives no longer than this call."""
    letters = receipt_in(typed)
    if letters:
        receipts = Receipts(console.keys, contest.id)
        number = receipts.parse(letters)
        if number is None:
            return None, "", _FORGED
        owner, _sure = account_of_receipt(console.engine, console.box, contest, receipts, number)
        return (owner[0], "receipt", "") if owner else (None, "", _NOBODY)
    account = _account_number(typed)
    if account is not None:
        return account, "number", ""
    try:
        identity = normalise(kind_of(typed), typed)
    except InvalidIdentityError:
        return None, "", _UNKNOWN
    return identity.account(console.keys), identity.kind, ""


def _search(console: Console, acting: Acting, *, status: int = 200, fault: str = "", who: str = "") -> Response:
    with console.ledger() as connection:
        contest = current_contest(console, connection)
        blocked = blocked_lately(connection, contest.id)
        number = count_blocked(connection, contest.id)
    return console.page(
        acting,
        "accounts.html",
        status=status,
        contest=contest,
        blocked=blocked,
        number=number,
        faults={"who": fault} if fault else {},
        who=who,
    )


def _decide(console: Console, acting: Acting, account: int, *, block: bool) -> Response:
    """Who is blocked is logged out too, as whoever used the account must prove themselves again."""
    reason = _reason(acting, account)
    if fault := _fault(acting, reason):
        return _card(console, acting, account, status=422, faults={"reason": fault}, reason=reason)
    with console.ledger() as connection:
        contest = current_contest(console, connection)
        decide = block_account if block else unblock_account
        decide(connection, contest.id, account, reason, acting.actor)  # one that is so already is left as it is
        contest = contest_by_id(connection, contest.id)
    console.in_effect(contest)
    if block:
        _end_all(console, account)
    return see_other(f"{PATH}/{account}")


def _end_sessions(console: Console, acting: Acting, account: int) -> Response:
    """Written down first: what is not done then can be done again, by the same button."""
    reason = _reason(acting, account)
    if fault := _fault(acting, reason):
        return _card(console, acting, account, status=422, faults={"reason-sessions": fault}, reason_sessions=reason)
    with console.ledger() as connection:
        contest = current_contest(console, connection)
        subject = f"account:{account}"
        record(connection, acting.actor, "account.sessions", subject, contest_id=contest.id, why=reason)
    _end_all(console, account)
    return see_other(f"{PATH}/{account}?done=sessions")


def _end_all(console: Console, account: int) -> None:
    """Ends every session of the account, in every process within a second. Errors: ScratchAway, ConsoleProblem."""
    now_ms = console.watch.current.now_ms()
    if not now_ms:
        raise ConsoleProblem(503, AWAY[BoxAway])  # there is no clock to end them by
    end_now(console.scratch, all_before(account, now_ms))


def _reason(acting: Acting, account: int) -> str:
    """The reason as it was typed. Errors: ConsoleProblem where there can be no such account."""
    if not 0 <= account <= MAX_ACCOUNT:
        raise ConsoleProblem(404, _NO_ACCOUNT)
    return " ".join(acting.text("reason").split())


def _fault(acting: Acting, reason: str) -> str:
    if reason and len(reason) <= _LONGEST_REASON:
        return ""
    return acting.say(_LONG, most=_LONGEST_REASON) if reason else acting.say(_WHY)


def _card(
    console: Console,
    acting: Acting,
    account: int,
    *,
    status: int = 200,
    faults: dict[str, str] | None = None,
    reason: str = "",
    reason_sessions: str = "",
    ended: bool = False,
) -> Response:
    if not 0 <= account <= MAX_ACCOUNT:
        raise ConsoleProblem(404, _NO_ACCOUNT)
    with console.ledger() as connection:
        contest = current_contest(console, connection)
        card = account_card(connection, contest.id, account)
        titles = titles_of(connection, contest.id)
    receipts = Receipts(console.keys, contest.id)
    finding = find_account(console.engine, console.box, contest, receipts, account)
    votes = [
        (titles.get(facts.entry_id, str(facts.entry_id)), receipts.code(facts.receipt), facts.vote, vote_words(facts))
        for facts in finding.votes
    ]
    return console.page(
        acting,
        "account_card.html",
        status=status,
        contest=contest,
        account=account,
        card=card,
        finding=finding,
        votes=votes,
        proofs={int(proof): words for proof, words in PROOFS.items()},
        faults=faults or {},
        reason=reason,
        reason_sessions=reason_sessions,
        ended=ended,
    )
