"""The step of a login at which a given password is exchanged for one that only the operator knows."""

from typing import Annotated

from fastapi import APIRouter, Response

from api.operators.access import PASSWORD, Acting
from api.operators.console import Console
from api.operators.login_steps import (
    DIFFERENT,
    SAME,
    WEAK,
    Step,
    a_place,
    address_of,
    go_on,
    locked,
    own_path,
    renew,
    step_of,
)
from api.voters.responses import see_other
from models.audit import record
from models.operator import find_operator
from models.operator_secrets import password_hash, set_password
from models.password import fits, hashed, weakness
from models.scratch import operator_sessions as sessions


def new_password_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(Step.PASSWORD.value)
    def form(acting: Annotated[Acting, PASSWORD], next: str = "") -> Response:  # noqa: A002 - the query's name
        back = own_path(next)
        return _elsewhere(console, acting, back) or _form(console, acting, back, {})

    @router.post(Step.PASSWORD.value)
    def choose(acting: Annotated[Acting, PASSWORD]) -> Response:
        back = own_path(acting.text("next", limit=1_000))
        elsewhere = _elsewhere(console, acting, back)
        if elsewhere is not None:
            return elsewhere
        with a_place():
            return _choose(console, acting, back)

    return router


def faults_of(acting: Acting) -> dict[str, str]:
    """What is wrong with the new password of a form: fields `new` and `again`."""
    chosen = acting.secret("new")
    weak = weakness(chosen, acting.operator.name)
    if weak is not None:
        return {"new": acting.say(WEAK[weak])}
    return {} if acting.secret("again") == chosen else {"again": acting.say(DIFFERENT)}


def _elsewhere(console: Console, acting: Acting, back: str) -> Response | None:
    with console.ledger() as connection:
        operator = find_operator(connection, acting.operator.operator_id)
    stands = step_of(operator, second_factor=acting.operator.second_factor) if operator else Step.DONE
    return None if stands is Step.PASSWORD else see_other(address_of(stands, back))


def _form(console: Console, acting: Acting, back: str, faults: dict[str, str], status: int = 200) -> Response:
    return console.page(acting, "new_password.html", status, back=back, faults=faults)


def _choose(console: Console, acting: Acting, back: str) -> Response:
    faults = faults_of(acting)
    if faults:
        return _form(console, acting, back, faults, 422)
    chosen = acting.secret("new")
    with console.ledger() as connection:
        given = password_hash(connection, acting.operator.operator_id)
    if fits(given, chosen):
        return _form(console, acting, back, {"new": acting.say(SAME)}, 422)
    kept = hashed(chosen)
    with console.ledger() as connection:
        operator = locked(connection, console, acting)
        set_password(connection, operator.id, kept, given=False)
        record(connection, acting.actor, "operator.password", f"operator:{operator.id}", after={"password": "own"})
        sessions.end_all(console.scratch, operator.id, but=acting.operator.digest)
        changed = find_operator(connection, operator.id) or operator
        how = "code" if acting.operator.second_factor else ""
        token = renew(connection, console, acting, changed, second_factor=how)
    return go_on(console, changed, token, second_factor=acting.operator.second_factor, back=back)
