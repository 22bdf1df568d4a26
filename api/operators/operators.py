"""Admins look after operators: who there is, what each may do, and help for who lost a password or a phone.

Nobody changes their own role here, and who acts must still be an active admin under the same lock as the change: so
one is always left. What gives somebody a way in asks for the own password: neither an unlocked screen nor a stolen
session may make itself a second one that lasts.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Response

from api.operators.access import ADMIN, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.language import N_
from api.operators.login_steps import a_place
from api.operators.own_password import password_fault
from api.voters.responses import see_other
from models.audit import record
from models.database import Connection
from models.operator import (
    Operator,
    Role,
    all_operators,
    change_operator,
    create_operator,
    find_operator,
    is_operator_name,
    locked_admins,
    locked_operator,
)
from models.password import given_password, hashed
from models.scratch import operator_attempts as attempts
from models.scratch import operator_sessions as sessions
from models.second_factor import is_needed

PATH = "/operator/operators"
_TYPED = ("name", "full_name", "role", "why")
_LONGEST_FULL_NAME = 100
_LONGEST_WHY = 500
_DONE = {
    "role": N_("Đã đổi vai trò; các phiên đăng nhập của người này đã kết thúc."),
    "active": N_("Đã lưu. Người bị ngừng không còn phiên đăng nhập nào."),
    "second-factor": N_("Đã bỏ xác thực hai lớp; lần đăng nhập tới sẽ cài đặt lại."),
    "unlock": N_("Đã mở khoá đăng nhập."),
    "sessions": N_("Đã kết thúc phiên đăng nhập."),
}
_NO_NAME = N_("Tên đăng nhập có 2 đến 32 ký tự a–z, 0–9, dấu chấm, gạch dưới, gạch nối; bắt đầu bằng chữ cái.")
_TAKEN = N_("Đã có người điều hành mang tên này.")
_NO_ROLE = N_("Hãy chọn một vai trò.")
_LONG = N_("Nhiều nhất %(letters)s ký tự.")


class Row(NamedTuple):
    """An operator in the list."""

    found: Operator
    sessions: int


def operators_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def listing(acting: Annotated[Acting, ADMIN]) -> Response:
        with console.ledger() as connection:
            everybody = all_operators(connection)
        rows = [Row(one, len(sessions.sessions_of(console.scratch, one.id))) for one in everybody]
        return console.page(acting, "operators.html", rows=rows)

    @router.get(PATH + "/new")
    def new(acting: Annotated[Acting, ADMIN]) -> Response:
        return console.page(acting, "operator_new.html", typed=dict.fromkeys(_TYPED, ""), faults={})

    @router.post(PATH)
    def create(acting: Annotated[Acting, ADMIN]) -> Response:
        with a_place():
            return _create(console, acting)

    @router.get(PATH + "/{operator_id:int}")
    def one(acting: Annotated[Acting, ADMIN], operator_id: int, done: str = "") -> Response:
        return _page(console, acting, operator_id, done)

    @router.post(PATH + "/{operator_id:int}/role")
    def role(acting: Annotated[Acting, ADMIN], operator_id: int) -> Response:
        with a_place():
            return _role(console, acting, operator_id)

    @router.post(PATH + "/{operator_id:int}/active")
    def active(acting: Annotated[Acting, ADMIN], operator_id: int) -> Response:
        with a_place():
            return _active(console, acting, operator_id)

    return router


@contextmanager
def changing(console: Console, acting: Acting, operator_id: int) -> Iterator[tuple[Connection, Operator]]:
    """One transaction on another operator, locked together with all active admins. Errors: ConsoleProblem, LedgerAway.

    Sessions are ended in it too: a login that is under way at this moment waits for the lock, and then sees the change.
    """
    if operator_id == acting.operator.operator_id:
        raise ConsoleProblem(422, N_("Không ai tự thay đổi tài khoản của mình ở đây. Hãy nhờ một quản trị viên khác."))
    with console.ledger() as connection:
        if acting.operator.operator_id not in {admin.id for admin in locked_admins(connection)}:
            raise ConsoleProblem(403, N_("Tài khoản của bạn không có quyền làm việc này."))
        yield connection, found_or_404(locked_operator(connection, operator_id))


def found_or_404(operator: Operator | None) -> Operator:
    """Errors: ConsoleProblem (404)."""
    if operator is None:
        raise ConsoleProblem(404, N_("Không có người điều hành này."))
    return operator


def why_of(acting: Acting) -> str:
    """The reason that was typed, which may be left empty."""
    return acting.text("why", limit=_LONGEST_WHY)


def refused(console: Console, acting: Acting, operator_id: int, form: str) -> Response | None:
    """The operator's page again, where what came of its `form` has not the own password of who acts. In `a_place()`."""
    fault = password_fault(console, acting)
    return _page(console, acting, operator_id, form=form, faults={f"{form}-own": fault}) if fault else None


def _page(
    console: Console,
    acting: Acting,
    operator_id: int,
    done: str = "",
    *,
    form: str = "",
    faults: dict[str, str] | None = None,
) -> Response:
    """`form`: the one that came, and is shown as it was typed."""
    with console.ledger() as connection:
        found = found_or_404(find_operator(connection, operator_id))
    now = time.time()
    shut_s = max(
        attempts.waits_s(console.scratch, console.keys, attempts.PASSWORD, found.name, now),
        attempts.waits_s(console.scratch, console.keys, attempts.CODE, str(found.id), now),
    )
    return console.page(
        acting,
        "operator.html",
        422 if faults else 200,
        found=found,
        form=form,
        typed={name: acting.text(name) if form else "" for name in ("role", "why", "factor")},
        faults=faults or {},
        is_self=found.id == acting.operator.operator_id,
        own_sessions=sessions.sessions_of(console.scratch, found.id, now),
        shut_s=shut_s,
        done=acting.say(_DONE[done]) if done in _DONE else "",
    )


def _create(console: Console, acting: Acting) -> Response:
    """The operator, and a page that shows the password for the first login once."""
    typed = {name: acting.text(name, limit=1_000) for name in _TYPED}
    name = typed["name"].lower()
    faults = {}
    if not is_operator_name(name):
        faults["name"] = acting.say(_NO_NAME)
    if len(typed["full_name"]) > _LONGEST_FULL_NAME:
        faults["full_name"] = acting.say(_LONG, letters=_LONGEST_FULL_NAME)
    if typed["role"] not in {role.value for role in Role}:
        faults["role"] = acting.say(_NO_ROLE)
    fault = "" if faults else password_fault(console, acting)
    if fault:
        faults["password"] = fault
    if faults:
        return console.page(acting, "operator_new.html", 422, typed=typed, faults=faults)
    role, password = Role(typed["role"]), given_password()
    kept = hashed(password)
    with console.ledger() as connection:
        operator_id = create_operator(connection, name, typed["full_name"], role, kept)
        if operator_id is not None:
            after = {"name": name, "full_name": typed["full_name"], "role": role.value}
            subject = f"operator:{operator_id}"
            record(connection, acting.actor, "operator.create", subject, after=after, why=why_of(acting))
    if operator_id is None:
        return console.page(acting, "operator_new.html", 422, typed=typed, faults={"name": acting.say(_TAKEN)})
    return given_page(console, acting, operator_id, name, role, password)


def given_page(console: Console, acting: Acting, operator_id: int, name: str, role: Role, password: str) -> Response:
    """The page that shows a given password, once."""
    return console.page(
        acting,
        "operator_password.html",
        name=name,
        password=password,
        factor_needed=is_needed(role),
        address=f"{console.settings.origin()}/operator/login",
        back=f"{PATH}/{operator_id}",
    )


def _role(console: Console, acting: Acting, operator_id: int) -> Response:
    chosen = acting.text("role")
    if chosen not in {role.value for role in Role}:
        raise ConsoleProblem(422, _NO_ROLE)
    if page := refused(console, acting, operator_id, "role"):
        return page
    with changing(console, acting, operator_id) as (connection, operator):
        change_operator(connection, operator.id, role=chosen)
        before, after = {"role": operator.role.value}, {"role": chosen}
        subject = f"operator:{operator.id}"
        record(connection, acting.actor, "operator.role", subject, before=before, after=after, why=why_of(acting))
        sessions.end_all(console.scratch, operator.id)
    return see_other(f"{PATH}/{operator_id}?done=role")


def _active(console: Console, acting: Acting, operator_id: int) -> Response:
    chosen = acting.text("active")
    if chosen not in {"yes", "no"}:
        raise ConsoleProblem(422, N_("Yêu cầu không hợp lệ."))
    if chosen == "yes" and (page := refused(console, acting, operator_id, "active")):
        return page
    with changing(console, acting, operator_id) as (connection, operator):
        change_operator(connection, operator.id, active=chosen == "yes")
        before, after = {"active": operator.active}, {"active": chosen == "yes"}
        subject = f"operator:{operator.id}"
        record(connection, acting.actor, "operator.active", subject, before=before, after=after, why=why_of(acting))
        sessions.end_all(console.scratch, operator.id)
    return see_other(f"{PATH}/{operator_id}?done=active")
