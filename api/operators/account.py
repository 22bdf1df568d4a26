"""The operator's own page: password, second factor, recovery codes, language, sessions."""

from typing import Annotated

from fastapi import APIRouter, Response

from api.operators.access import VIEWER, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.language import LANGUAGES, N_
from api.operators.login_steps import SAME, a_place, locked
from api.operators.new_password import faults_of
from api.operators.own_password import password_fault
from api.operators.preferences import with_language
from api.operators.second_factor import set_up_page
from api.voters.responses import see_other
from models import operator_secrets as secret_columns
from models.audit import record
from models.operator import change_operator, find_operator
from models.password import hashed
from models.scratch import operator_sessions as sessions
from models.second_factor import is_needed, new_recovery_codes, new_secret, recovery_digest

PATH = "/operator/account"
_DONE = {
    "password": N_("Đã đổi mật khẩu. Các phiên đăng nhập khác của bạn đã kết thúc."),
    "language": N_("Đã đổi ngôn ngữ."),
    "sessions": N_("Đã kết thúc phiên đăng nhập."),
    "removed": N_("Đã bỏ xác thực hai lớp."),
    "openid": N_("Đã liên kết. Từ nay bạn có thể đăng nhập bằng tài khoản đó thay cho mật khẩu."),
    "openid-removed": N_("Đã bỏ liên kết."),
}


def account_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def page(acting: Annotated[Acting, VIEWER], done: str = "") -> Response:
        return _page(console, acting, done=done)

    @router.post(PATH + "/password")
    def password(acting: Annotated[Acting, VIEWER]) -> Response:
        with a_place():
            return _password(console, acting)

    @router.post(PATH + "/second-factor")
    def second_factor(acting: Annotated[Acting, VIEWER]) -> Response:
        """A new app: its set-up begins, and the one before stays until a first code confirms it."""
        with a_place():
            fault = password_fault(console, acting)
        if fault:
            return _page(console, acting, {"second-factor": fault}, 422)
        return set_up_page(console, acting, new_secret(), PATH)

    @router.post(PATH + "/second-factor/remove")
    def remove(acting: Annotated[Acting, VIEWER]) -> Response:
        with a_place():
            return _remove(console, acting)

    @router.post(PATH + "/recovery-codes")
    def recovery_codes(acting: Annotated[Acting, VIEWER]) -> Response:
        with a_place():
            return _recovery_codes(console, acting)

    @router.post(PATH + "/language")
    def language(acting: Annotated[Acting, VIEWER]) -> Response:
        return _language(console, acting)

    @router.post(PATH + "/sessions")
    def end(acting: Annotated[Acting, VIEWER]) -> Response:
        return _end(console, acting)

    return router


def _page(
    console: Console, acting: Acting, faults: dict[str, str] | None = None, status: int = 200, *, done: str = ""
) -> Response:
    """`faults`: by the id of the field; the own password stands in several forms of the page."""
    with console.ledger() as connection:
        found = find_operator(connection, acting.operator.operator_id)
    if found is None:
        raise ConsoleProblem(403, N_("Tài khoản của bạn không còn nữa."))
    return console.page(
        acting,
        "account.html",
        status,
        found=found,
        factor_needed=is_needed(found.role),
        providers=console.settings.openid_providers(),
        own_sessions=sessions.sessions_of(console.scratch, found.id),
        faults=faults or {},
        done=acting.say(_DONE[done]) if done in _DONE else "",
    )


def _password(console: Console, acting: Acting) -> Response:
    faults = faults_of(acting)
    fault = password_fault(console, acting)
    if fault:
        faults = {"password": fault} | faults
    elif acting.secret("new") == acting.secret("password"):
        faults["new"] = acting.say(SAME)
    if faults:
        return _page(console, acting, faults, 422)
    kept = hashed(acting.secret("new"))
    with console.ledger() as connection:
        operator = locked(connection, console, acting)
        secret_columns.set_password(connection, operator.id, kept, given=False)
        record(connection, acting.actor, "operator.password", f"operator:{operator.id}", after={"password": "own"})
        sessions.end_all(console.scratch, operator.id, but=acting.operator.digest)
    return see_other(f"{PATH}?done=password")


def _remove(console: Console, acting: Acting) -> Response:
    """Only for whose role needs none."""
    if is_needed(acting.operator.role):
        raise ConsoleProblem(422, N_("Vai trò của bạn bắt buộc có xác thực hai lớp."))
    fault = password_fault(console, acting)
    if fault:
        return _page(console, acting, {"second-factor": fault}, 422)
    with console.ledger() as connection:
        operator = locked(connection, console, acting)
        secret_columns.remove_totp(connection, operator.id)
        before, after = {"second_factor": operator.has_totp}, {"second_factor": False}
        record(connection, acting.actor, "operator.set_up", f"operator:{operator.id}", before=before, after=after)
    return see_other(f"{PATH}?done=removed")


def _recovery_codes(console: Console, acting: Acting) -> Response:
    """Ten new ones, shown on this page and nowhere again."""
    fault = password_fault(console, acting)
    if fault:
        return _page(console, acting, {"recovery-codes": fault}, 422)
    codes = new_recovery_codes()
    with console.ledger() as connection:
        operator = locked(connection, console, acting)
        if not operator.has_totp:
            raise ConsoleProblem(422, N_("Hãy cài đặt xác thực hai lớp trước."))
        digests = [recovery_digest(console.keys, operator.id, code) for code in codes]
        secret_columns.set_recovery_codes(connection, operator.id, digests)
        before, after = {"recovery_codes": operator.recovery_codes}, {"recovery_codes": len(codes)}
        record(
            connection, acting.actor, "operator.recovery_codes", f"operator:{operator.id}", before=before, after=after
        )
    return console.page(acting, "recovery_codes.html", codes=codes, back=PATH)


def _language(console: Console, acting: Acting) -> Response:
    chosen = acting.text("language")
    if chosen not in {language.code for language in LANGUAGES}:
        raise ConsoleProblem(422, N_("Không có ngôn ngữ này."))
    with console.ledger() as connection:
        operator = locked(connection, console, acting)
        change_operator(connection, operator.id, language=chosen)
        before, after = {"language": operator.language}, {"language": chosen}
        record(connection, acting.actor, "operator.language", f"operator:{operator.id}", before=before, after=after)
    return with_language(console, see_other(f"{PATH}?done=language"), chosen)


def _end(console: Console, acting: Acting) -> Response:
    """Ends the session whose digest the form names, or with `others` all but this one."""
    own = acting.operator
    known = {session.digest for session in sessions.sessions_of(console.scratch, own.operator_id)}
    chosen = known - {own.digest} if acting.text("others") else known & {acting.text("digest")}
    if not chosen:
        return see_other(PATH)
    with console.ledger() as connection:
        after = {"ended": len(chosen)}
        record(connection, acting.actor, "operator.sessions", f"operator:{own.operator_id}", after=after)
        for digest in chosen:
            sessions.end(console.scratch, own.operator_id, digest)
    return see_other("/operator/login" if own.digest in chosen else f"{PATH}?done=sessions")
