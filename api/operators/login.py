"""Login by name and password, and log-out. The answer to a name that nobody has reads the same as to a wrong password,
and takes as long.
"""

import time
from typing import Annotated

from fastapi import APIRouter, Response

from api.operators.access import ANYBODY, PASSWORD, Acting
from api.operators.console import Console
from api.operators.guesses import note_guess
from api.operators.known_browser import mark_of, network_of
from api.operators.language import N_
from api.operators.login_steps import a_place, address_of, go_on, own_path, renew, step_of, with_session
from api.voters.responses import see_other
from models.audit import Actor, record
from models.operator import Operator, locked_operator, operator_named
from models.operator_secrets import keep_rehashed, password_hash
from models.password import fits, hashed, is_outdated
from models.scratch import operator_attempts as attempts
from models.scratch import operator_sessions as sessions

WRONG = N_("Tên đăng nhập hoặc mật khẩu không đúng.")
SHUT = N_("Đã nhập sai nhiều lần. Hãy thử lại sau %(seconds)s giây.")
_LONGEST = 1_000  # letters of a field


def login_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/operator/login")
    def form(acting: Annotated[Acting, ANYBODY], next: str = "") -> Response:  # noqa: A002 - the query's name
        """The form; who is logged in already goes on from where the login stands."""
        if acting.session is not None:
            return _onwards(console, acting, own_path(next))
        return _page(console, acting, "", own_path(next))

    @router.post("/operator/login")
    def login(acting: Annotated[Acting, ANYBODY]) -> Response:
        name = acting.text("name", limit=_LONGEST).lower()
        mark = mark_of(console, acting.request, name, time.time())
        with a_place("" if mark else network_of(acting.address)):
            return _login(console, acting, name, mark)

    @router.post("/operator/logout")
    def logout(acting: Annotated[Acting, PASSWORD]) -> Response:
        with console.ledger() as connection:
            record(connection, acting.actor, "operator.logout", f"operator:{acting.operator.operator_id}")
            sessions.end(console.scratch, acting.operator.operator_id, acting.operator.digest)
        return with_session(console, see_other("/operator/login"), "")

    return router


def _onwards(console: Console, acting: Acting, back: str) -> Response:
    with console.ledger() as connection:
        operator = operator_named(connection, acting.operator.name)
    if operator is None:
        return _page(console, acting, "", back)
    return see_other(address_of(step_of(operator, second_factor=acting.operator.second_factor), back))


def _login(console: Console, acting: Acting, name: str, mark: str) -> Response:
    """One try: counted, compared, and with the right password a session that leads to the next step. `mark`: of a
    browser in which the operator has logged in before.
    """
    password, back = acting.secret("password", limit=_LONGEST), own_path(acting.text("next", limit=_LONGEST))
    if not name or not password:
        missing = {field: N_("Hãy nhập ô này.") for field in ("name", "password") if not acting.text(field)}
        return _page(console, acting, name, back, {field: acting.say(text) for field, text in missing.items()}, 422)
    counted = (attempts.KNOWN, mark) if mark else (attempts.PASSWORD, name)
    tried = attempts.take(console.scratch, console.keys, *counted, time.time())
    if tried.wait_s:
        note_guess(console, acting)
        return _page(console, acting, name, back, {"": acting.say(SHUT, seconds=tried.wait_s)}, 429)
    with console.ledger() as connection:
        operator = operator_named(connection, name)
        kept = password_hash(connection, operator.id) if operator else None
    if not fits(kept, password) or kept is None or operator is None or not operator.active:
        note_guess(console, acting)
        if tried.shuts and operator is not None:
            _note_shut(console, acting, operator, tried.tries)
        return _page(console, acting, name, back, {"": acting.say(WRONG)}, 422)
    fresh = hashed(password) if is_outdated(kept) else ""
    with console.ledger() as connection:
        found = locked_operator(connection, operator.id)
        if found is None or not found.active or password_hash(connection, found.id) != kept:
            return _page(console, acting, name, back, {"": acting.say(WRONG)}, 422)  # changed at this moment
        attempts.clear(console.scratch, console.keys, *counted)
        if fresh:
            keep_rehashed(connection, found.id, kept, fresh)
        token = renew(connection, console, acting, found, second_factor="")
    return go_on(console, found, token, second_factor=False, back=back)


def _note_shut(console: Console, acting: Acting, operator: Operator, tries: int) -> None:
    """Somebody goes on guessing: a line of the audit log for each time that the door shuts, and none for a name that
    nobody has, of which there are as many as one likes.
    """
    with console.ledger() as connection:
        nobody = Actor("login", None, acting.address)
        record(connection, nobody, "operator.shut_out", f"operator:{operator.id}", after={"wrong_passwords": tries})


def _page(
    console: Console, acting: Acting, name: str, back: str, faults: dict[str, str] | None = None, status: int = 200
) -> Response:
    """The form, with the name as it was typed."""
    providers = console.settings.openid_providers()
    return console.page(acting, "login.html", status, back=back, name=name, faults=faults or {}, providers=providers)
