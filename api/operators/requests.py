"""Requests of data subjects: the list with its clock, and writing a new one down.

What a person is found by is typed here, hashed at once, and kept nowhere: the row has the account's number and a masked
hint.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Response

from api.operators.access import ADMIN, Acting, values_of
from api.operators.console import Console
from api.operators.effect import current_contest
from api.operators.language import N_
from api.voters.personal import tidy
from api.voters.responses import see_other
from models import audit
from models.claim import parse_reference
from models.claim_inbox import claims_referred
from models.contest import Contest
from models.data_request import FOUND_BY, KINDS, TERM_DAYS, all_requests, open_request, overdue
from models.finding import account_of_receipt
from models.identity import InvalidIdentityError, normalise
from models.personal_data import latest_hint
from models.receipt import Receipts
from models.times import VIETNAM
from models.working_days import read_holidays, term_ends

PATH = "/operator/requests"
OLDEST = timedelta(days=366)
KIND_WORDS = {
    "see": N_("Xem dữ liệu"),
    "correct": N_("Sửa dữ liệu"),
    "erase": N_("Xoá dữ liệu"),
    "withdraw": N_("Rút lại sự đồng ý"),
}
FOUND_WORDS = {
    "email": N_("Địa chỉ email đã dùng để đăng nhập"),
    "sms": N_("Số điện thoại đã dùng để đăng nhập"),
    "receipt": N_("Mã phiếu"),
    "claim": N_("Mã báo mất phiếu"),
}


class Person(NamedTuple):
    """Whose data it is. `fault` (marked) where nobody was found by what was typed."""

    account: int = 0
    hint: str = ""
    fault: str = ""


def requests_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def requests(acting: Annotated[Acting, ADMIN]) -> Response:
        with console.ledger() as connection:
            found, late = all_requests(connection), overdue(connection)
        now = datetime.now(UTC)
        return console.page(
            acting,
            "requests.html",
            rows=[(request, request.due_at <= now and request.answered_at is None) for request in found],
            late=late,
            kinds=KIND_WORDS,
            now=now,
        )

    @router.get(PATH + "/new")
    def new(acting: Annotated[Acting, ADMIN]) -> Response:
        return _form(console, acting, {"received_at": _local(datetime.now(UTC))}, {})

    @router.post(PATH + "/new")
    def create(acting: Annotated[Acting, ADMIN]) -> Response:
        with console.ledger() as connection:
            contest = current_contest(console, connection)
        person, received, faults = _examined(console, acting, contest)
        if faults:
            return _form(console, acting, values_of(acting.form), faults, status=422)
        kind, found_by = acting.text("kind"), acting.text("found_by")
        with console.ledger() as connection:
            due = term_ends(received, TERM_DAYS, read_holidays(connection))
            request_id = open_request(
                connection,
                contest.id,
                person.account,
                kind=kind,
                found_by=found_by,
                hint=person.hint or latest_hint(connection, person.account),
                received_at=received,
                due_at=due,
                actor=acting.actor,
            )
            after = {"kind": kind, "found_by": found_by, "account": str(person.account), "due_at": due.isoformat()}
            subject = f"request:{request_id}"
            audit.record(connection, acting.actor, "request.open", subject, contest_id=contest.id, after=after)
        return see_other(f"{PATH}/{request_id}")

    return router


def _examined(console: Console, acting: Acting, contest: Contest) -> tuple[Person, datetime, dict[str, str]]:
    """(whose, since when, what is wrong)."""
    faults = {}
    if acting.text("kind") not in KINDS:
        faults["kind"] = N_("Hãy chọn người này yêu cầu gì.")
    received, fault = _received(acting.text("received_at"))
    if fault:
        faults["received_at"] = fault
    person = Person()
    if acting.text("found_by") not in FOUND_BY:
        faults["found_by"] = N_("Hãy chọn tìm theo gì.")
    elif not acting.text("who"):
        faults["who"] = N_("Hãy nhập thông tin để tìm.")
    else:
        person = _person(console, contest, acting.text("found_by"), acting.text("who"))
        if person.fault:
            faults["who"] = person.fault
    return person, received, {name: acting.say(fault) for name, fault in faults.items()}


def _received(typed: str) -> tuple[datetime, str]:
    """When the request came, UTC, from the field's local time; and the fault, marked."""
    now = datetime.now(UTC)
    try:
        local = datetime.fromisoformat(typed)
    except ValueError:
        return now, N_("Hãy nhập ngày giờ nhận yêu cầu.")
    if local.tzinfo is not None or not 2000 <= local.year <= 2200:
        return now, N_("Hãy nhập ngày giờ nhận yêu cầu.")
    moment = local.replace(tzinfo=VIETNAM).astimezone(UTC)
    if moment > now + timedelta(minutes=1) or moment < now - OLDEST:
        return now, N_("Ngày giờ nhận phải trong vòng một năm qua, và không ở tương lai.")
    return moment, ""


def _person(console: Console, contest: Contest, found_by: str, typed: str) -> Person:
    if found_by == "receipt":
        return _by_receipt(console, contest, typed)
    if found_by == "claim":
        return _by_claim(console, typed)
    try:
        identity = normalise("sms" if found_by == "sms" else "email", typed)
    except InvalidIdentityError:
        if found_by == "sms":
            return Person(fault=N_("Đây không phải số điện thoại di động Việt Nam."))
        return Person(fault=N_("Đây không phải địa chỉ email."))
    return Person(identity.account(console.keys), identity.masked)


def _by_receipt(console: Console, contest: Contest, typed: str) -> Person:
    receipts = Receipts(console.keys, contest.id)
    number = receipts.parse(tidy(typed))
    if number is None:
        return Person(fault=N_("Mã phiếu này không đúng."))
    owner, _sure = account_of_receipt(console.engine, console.box, contest, receipts, number)
    if owner is None:
        return Person(fault=N_("Không tìm thấy phiếu của mã này. Hãy tra lại ở mục Báo mất phiếu."))
    return Person(owner[0])


def _by_claim(console: Console, typed: str) -> Person:
    reference = parse_reference(typed)
    if reference is None:
        return Person(fault=N_("Mã báo gồm 10 chữ và số, ví dụ 7F3K9-2QD0A."))
    with console.ledger() as connection:
        found = claims_referred(connection, reference)
    if not found:
        return Person(fault=N_("Không có báo mất phiếu nào mang mã này."))
    if found[0].account_id is None:
        return Person(fault=N_("Người báo không đăng nhập khi báo, nên không biết là tài khoản nào."))
    return Person(found[0].account_id)


def _local(moment: datetime) -> str:
    """As a `datetime-local` field takes it."""
    return moment.astimezone(VIETNAM).strftime("%Y-%m-%dT%H:%M")


def _form(
    console: Console, acting: Acting, typed: Mapping[str, Any], faults: dict[str, str], *, status: int = 200
) -> Response:
    return console.page(
        acting,
        "request_new.html",
        status=status,
        typed=typed,
        faults=faults,
        kinds=[("", acting.say(N_("Chọn…"))), *((kind, acting.say(words)) for kind, words in KIND_WORDS.items())],
        ways=[("", acting.say(N_("Chọn…"))), *((way, acting.say(words)) for way, words in FOUND_WORDS.items())],
    )
