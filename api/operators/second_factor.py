"""The second factor at login: a code, and its set-up with a picture for the app, a first code and recovery codes."""

import time
from typing import Annotated

import segno
from fastapi import APIRouter, Response
from markupsafe import Markup

from api.operators.access import PASSWORD, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.guesses import note_guess
from api.operators.known_browser import mark_of, remember
from api.operators.language import N_
from api.operators.login import SHUT
from api.operators.login_steps import Step, address_of, go_on, locked, own_path, renew, step_of, with_session
from api.voters.responses import see_other
from models import operator_secrets as secret_columns
from models.audit import Actor, record
from models.database import Connection
from models.operator import Operator, find_operator
from models.scratch import operator_attempts as attempts
from models.scratch import operator_sessions as sessions
from models.second_factor import (
    app_address,
    new_recovery_codes,
    new_secret,
    offer,
    offered,
    opened_of_operator,
    recovery_digest,
    sealed_for_operator,
)
from models.second_factor import step_of as code_step

_WRONG = N_("Mã không đúng hoặc đã được dùng. Hãy nhập mã đang hiện trên ứng dụng.")
_LOST = N_("Không đọc được khoá của xác thực hai lớp. Hãy nhờ quản trị viên đặt lại cho bạn.")
_OLD = N_("Lần cài đặt này đã hết hạn. Hãy bắt đầu lại.")
_LONGEST = 200


def second_factor_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(Step.CODE.value)
    def form(acting: Annotated[Acting, PASSWORD], next: str = "") -> Response:  # noqa: A002 - the query's name
        back = own_path(next)
        return _elsewhere(console, acting, Step.CODE, back) or _form(console, acting, back)

    @router.post(Step.CODE.value)
    def enter(acting: Annotated[Acting, PASSWORD]) -> Response:
        back = own_path(acting.text("next", limit=1_000))
        return _elsewhere(console, acting, Step.CODE, back) or _enter(console, acting, back)

    @router.get(Step.SET_UP.value)
    def set_up(acting: Annotated[Acting, PASSWORD], next: str = "") -> Response:  # noqa: A002 - the query's name
        back = own_path(next)
        return _elsewhere(console, acting, Step.SET_UP, back) or set_up_page(console, acting, new_secret(), back)

    @router.post(Step.SET_UP.value)
    def confirm(acting: Annotated[Acting, PASSWORD]) -> Response:
        return _confirm(console, acting)

    return router


def _elsewhere(console: Console, acting: Acting, step: Step, back: str) -> Response | None:
    """Where the login stands at another step: the way there."""
    with console.ledger() as connection:
        operator = find_operator(connection, acting.operator.operator_id)
    if operator is None:
        raise ConsoleProblem(403, N_("Tài khoản của bạn không còn nữa."))
    stands = step_of(operator, second_factor=acting.operator.second_factor)
    return None if stands is step else see_other(address_of(stands, back))


def _form(console: Console, acting: Acting, back: str, fault: str = "", status: int = 200) -> Response:
    faults = {"code": fault} if fault else {}
    return console.page(acting, "second_factor.html", status, back=back, faults=faults)


def _enter(console: Console, acting: Acting, back: str) -> Response:
    """One try, counted before anything is compared; a right code or recovery code counts once."""
    typed, who = acting.text("code", limit=_LONGEST), str(acting.operator.operator_id)
    mark = mark_of(console, acting.request, acting.operator.name, time.time())
    counted = (attempts.KNOWN_CODE, mark) if mark else (attempts.CODE, who)
    tried = attempts.take(console.scratch, console.keys, *counted, time.time())
    if tried.wait_s:
        note_guess(console, acting)
        return _form(console, acting, back, acting.say(SHUT, seconds=tried.wait_s), 429)
    with console.ledger() as connection:
        operator = locked(connection, console, acting)
        how = _accepted(connection, console, operator, typed)
        if how:
            attempts.clear(console.scratch, console.keys, *counted)
            token = renew(connection, console, acting, operator, second_factor=how)
        elif tried.shuts:
            nobody = Actor("login", None, acting.address)
            record(connection, nobody, "operator.shut_out", f"operator:{who}", after={"wrong_codes": tried.tries})
    if not how:
        note_guess(console, acting)
        return _form(console, acting, back, acting.say(_WRONG), 422)
    return go_on(console, operator, token, second_factor=True, back=back)


def _accepted(connection: Connection, console: Console, operator: Operator, typed: str) -> str:
    """`code` or `recovery code`, which is used from now on; "" for a wrong one. Errors: ConsoleProblem."""
    digest = recovery_digest(console.keys, operator.id, typed)
    if digest:
        used = secret_columns.use_recovery_code(connection, operator.id, digest)
        return "recovery code" if used else ""
    sealed = secret_columns.totp_secret(connection, operator.id)
    secret = opened_of_operator(console.keys, operator.id, sealed) if sealed else None
    if secret is None:
        raise ConsoleProblem(409, _LOST)
    step = code_step(secret, typed, time.time())
    return "code" if step is not None and secret_columns.use_step(connection, operator.id, step) else ""


def set_up_page(
    console: Console, acting: Acting, secret: str, back: str, fault: str = "", status: int = 200
) -> Response:
    """The picture for the app, the secret to type, and the field for the first code."""
    drawn = segno.make(app_address(secret, acting.operator.name), error="m")
    return console.page(
        acting,
        "second_factor_set_up.html",
        status,
        back=back,
        picture=Markup(drawn.svg_inline(scale=5, dark="#000", light="#fff", svgclass=None, lineclass=None)),  # noqa: S704 - ours
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        offer=offer(console.keys, acting.operator.digest, secret),
        faults={"code": fault} if fault else {},
    )


def _confirm(console: Console, acting: Acting) -> Response:
    """With the first right code the second factor is in force, and every other session of the operator ends."""
    back = own_path(acting.text("next", limit=1_000))
    secret = offered(console.keys, acting.operator.digest, acting.text("offer", limit=1_000))
    if secret is None:
        raise ConsoleProblem(422, _OLD)
    step = code_step(secret, acting.text("code", limit=_LONGEST), time.time())
    if step is None:
        return set_up_page(console, acting, secret, back, acting.say(_WRONG), 422)
    codes = new_recovery_codes()
    with console.ledger() as connection:
        operator = locked(connection, console, acting)
        if operator.has_totp and not acting.operator.full:
            raise ConsoleProblem(422, _OLD)  # set up in another window meanwhile
        sealed = sealed_for_operator(console.keys, operator.id, secret)
        digests = [recovery_digest(console.keys, operator.id, code) for code in codes]
        secret_columns.set_totp(connection, operator.id, sealed, step, digests)
        before = {"second_factor": operator.has_totp}
        subject = f"operator:{operator.id}"
        record(connection, acting.actor, "operator.set_up", subject, before=before, after={"second_factor": True})
        sessions.end_all(console.scratch, operator.id, but=acting.operator.digest)
        changed = find_operator(connection, operator.id) or operator
        is_login = not acting.operator.full
        token = renew(connection, console, acting, changed, second_factor="set up", is_login=is_login)
    page = console.page(acting, "recovery_codes.html", token=token, codes=codes, back=back)
    return remember(console, with_session(console, page, token), operator.name, time.time())
