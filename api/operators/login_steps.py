"""From a right password to a session that opens the console: one step after the other, each with a new token.

password ─▶ code (where there is a second factor) ─▶ own password (where it was given) ─▶ set-up ─▶ console
                                                                 (where the role needs a second factor)
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from urllib.parse import quote

from fastapi import Response

from api.operators.access import LOGIN, Acting, ConsoleProblem, LoginNeeded
from api.operators.console import Console
from api.operators.known_browser import remember
from api.operators.language import N_
from api.voters.responses import see_other
from models.audit import Actor, record
from models.database import Connection
from models.operator import Operator, locked_operator
from models.operator_secrets import note_login
from models.password import HashingBusy, Weak, place
from models.scratch import operator_sessions as sessions
from models.second_factor import is_needed

HOME = "/operator/"
_OWN_PATH = re.compile(r"/operator(/[A-Za-z0-9_/-]{0,200})?(\?[A-Za-z0-9_.,:=&%+~-]{0,300})?")
_OF_LOGIN = (LOGIN, "/operator/openid/", "/operator/logout")

WEAK = {
    Weak.SHORT: N_("Mật khẩu cần ít nhất 12 ký tự."),
    Weak.LONG: N_("Mật khẩu có nhiều nhất 200 ký tự."),
    Weak.NAME: N_("Mật khẩu không được chứa tên đăng nhập."),
    Weak.COMMON: N_("Mật khẩu này quá dễ đoán. Hãy chọn vài từ không liên quan đến nhau."),
}
DIFFERENT = N_("Hai lần nhập mật khẩu mới không giống nhau.")
SAME = N_("Mật khẩu mới phải khác mật khẩu hiện tại.")


class Step(StrEnum):
    """What is still missing of a login: the page where it is given."""

    CODE = "/operator/second-factor"
    PASSWORD = "/operator/new-password"  # noqa: S105 - an address
    SET_UP = "/operator/second-factor/set-up"
    DONE = ""


def step_of(operator: Operator, *, second_factor: bool) -> Step:
    """`second_factor`: it was given at this login."""
    if operator.has_totp and not second_factor:
        return Step.CODE
    if operator.password_is_new:
        return Step.PASSWORD
    if is_needed(operator.role) and not operator.has_totp:
        return Step.SET_UP
    return Step.DONE


def own_path(text: str) -> str:
    """`text` if it is the path of a page of the console that may follow a login, else that of its first page."""
    return text if _OWN_PATH.fullmatch(text) and not text.startswith(_OF_LOGIN) else HOME


def address_of(step: Step, back: str) -> str:
    """The page of the step, or where the operator wanted to go."""
    return back if step is Step.DONE else f"{step.value}?next={quote(back, safe='/')}"


@contextmanager
def a_place(stranger: str = "") -> Iterator[None]:
    """One of this process's places for passwords that are looked at, as `models.password.place` gives them.

    Errors: ConsoleProblem (503).
    """
    try:
        with place(stranger):
            yield
    except HashingBusy:
        raise ConsoleProblem(503, N_("Đang có quá nhiều lượt đăng nhập. Hãy thử lại sau ít giây.")) from None


def locked(connection: Connection, console: Console, acting: Acting) -> Operator:
    """Who acts, kept as they are until this transaction ends: whoever changes an operator ends the sessions under the
    same lock, so that a step of a login either sees the change or is ended by it.

    Errors: LoginNeeded where the session has been ended meanwhile.
    """
    found = locked_operator(connection, acting.operator.operator_id)
    if found is None or not found.active or not sessions.is_in_force(console.scratch, acting.operator.digest):
        raise LoginNeeded("")
    return found


def renew(
    connection: Connection,
    console: Console,
    acting: Acting,
    operator: Operator,
    *,
    second_factor: str,
    is_login: bool = True,
) -> str:
    """A session as far as the login has got, in place of the one before; returns its token.

    `operator`: locked by this transaction; `second_factor`: how it was given, "" for not at all; `is_login`: False for
    who was logged in already.
    """
    done = step_of(operator, second_factor=bool(second_factor)) is Step.DONE
    if done and is_login:
        note_login(connection, operator.id)
        actor = Actor(operator.name, operator.id, acting.address)
        after = {"second_factor": second_factor}
        record(connection, actor, "operator.login", f"operator:{operator.id}", after=after)
    if acting.session is not None:
        sessions.end(console.scratch, acting.session.operator_id, acting.session.digest)
    return sessions.begin(
        console.scratch,
        operator,
        full=done,
        second_factor=bool(second_factor),
        address=acting.address,
        agent=acting.request.headers.get("user-agent", ""),
        now=time.time(),
    )


def go_on(console: Console, operator: Operator, token: str, *, second_factor: bool, back: str) -> Response:
    """To the next step with the new session; at the end of a login this browser is known."""
    step = step_of(operator, second_factor=second_factor)
    response = with_session(console, see_other(address_of(step, back)), token)
    return remember(console, response, operator.name, time.time()) if step is Step.DONE else response


def with_session(console: Console, response: Response, token: str) -> Response:
    """`response` with the session's cookie; "" ends the one that there is."""
    response.set_cookie(
        console.cookie,
        token,
        max_age=None if token else 0,
        path="/",
        secure=console.secure,
        httponly=True,
        samesite="lax",
    )
    return response
