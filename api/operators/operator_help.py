"""What an admin does for an operator who cannot log in, or whose sessions must end."""

from typing import Annotated

from fastapi import APIRouter, Response

from api.operators.access import ADMIN, Acting
from api.operators.console import Console
from api.operators.login_steps import a_place
from api.operators.operators import PATH, changing, given_page, refused, why_of
from api.voters.responses import see_other
from models import operator_secrets as secret_columns
from models.audit import record
from models.operator import Operator
from models.operator_openid import set_openid
from models.password import given_password, hashed
from models.scratch import operator_attempts as attempts
from models.scratch import operator_sessions as sessions


def operator_help_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False, prefix=PATH + "/{operator_id:int}")

    @router.post("/password")
    def password(acting: Annotated[Acting, ADMIN], operator_id: int) -> Response:
        with a_place():
            return refused(console, acting, operator_id, "password") or _password(console, acting, operator_id)

    @router.post("/second-factor")
    def second_factor(acting: Annotated[Acting, ADMIN], operator_id: int) -> Response:
        with a_place():
            page = refused(console, acting, operator_id, "second-factor")
        if page is not None:
            return page
        with changing(console, acting, operator_id) as (connection, operator):
            secret_columns.remove_totp(connection, operator.id)
            before, after = {"second_factor": operator.has_totp}, {"second_factor": False}
            subject = f"operator:{operator.id}"
            record(connection, acting.actor, "operator.reset", subject, before=before, after=after, why=why_of(acting))
            sessions.end_all(console.scratch, operator.id)
        return see_other(f"{PATH}/{operator_id}?done=second-factor")

    @router.post("/unlock")
    def unlock(acting: Annotated[Acting, ADMIN], operator_id: int) -> Response:
        with changing(console, acting, operator_id) as (connection, operator):
            record(connection, acting.actor, "operator.unlock", f"operator:{operator.id}", why=why_of(acting))
            _forget_tries(console, operator)
        return see_other(f"{PATH}/{operator_id}?done=unlock")

    @router.post("/sessions")
    def end(acting: Annotated[Acting, ADMIN], operator_id: int) -> Response:
        """Ends the session whose digest the form names, or with `all` every one."""
        with changing(console, acting, operator_id) as (connection, operator):
            known = {session.digest for session in sessions.sessions_of(console.scratch, operator.id)}
            chosen = known if acting.text("all") else known & {acting.text("digest")}
            if chosen:
                after = {"ended": len(chosen)}
                record(connection, acting.actor, "operator.sessions", f"operator:{operator.id}", after=after)
            for digest in chosen:
                sessions.end(console.scratch, operator.id, digest)
        return see_other(f"{PATH}/{operator_id}?done=sessions")

    return router


def _password(console: Console, acting: Acting, operator_id: int) -> Response:
    """A new password for the next login, shown once; with `factor` the second factor goes too."""
    password = given_password()
    kept = hashed(password)
    with changing(console, acting, operator_id) as (connection, operator):
        secret_columns.set_password(connection, operator.id, kept, given=True)
        set_openid(connection, operator.id, None)
        before, after = {"second_factor": operator.has_totp}, {"second_factor": operator.has_totp, "password": "given"}
        if acting.text("factor"):
            secret_columns.remove_totp(connection, operator.id)
            after["second_factor"] = False
        subject = f"operator:{operator.id}"
        record(connection, acting.actor, "operator.reset", subject, before=before, after=after, why=why_of(acting))
        sessions.end_all(console.scratch, operator.id)
        _forget_tries(console, operator)
    return given_page(console, acting, operator.id, operator.name, operator.role, password)


def _forget_tries(console: Console, operator: Operator) -> None:
    attempts.clear(console.scratch, console.keys, attempts.PASSWORD, operator.name)
    attempts.clear(console.scratch, console.keys, attempts.CODE, str(operator.id))
