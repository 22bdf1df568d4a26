"""`binhchon create-operator`: an operator and a password for the first login; with `--reset` anew."""

import sys
from contextlib import closing

from models import operator_secrets as secret_columns
from models.audit import Actor, record
from models.database import Engine, transaction, worker_engine
from models.operator import Role, change_operator, create_operator, is_operator_name, locked_operator, operator_named
from models.operator_openid import set_openid
from models.password import given_password, hashed, normal, weakness
from models.scratch import operator_attempts as attempts
from models.scratch.connection import scratch_client
from models.scratch.operator_sessions import end_all
from models.second_factor import is_needed
from models.settings import Settings

ACTOR = Actor("binhchon create-operator")
_LONGEST_FULL_NAME = 100
_ROLES = {role.value: role for role in Role}


class _RefusedError(Exception):
    """It cannot be done; the text is one line for people."""


def run(settings: Settings, name: str, role_name: str | None, full_name: str, *, reset: bool, from_stdin: bool) -> int:
    """Exit code 0, or 1 with one line why not. Errors: LedgerAway, ScratchAway."""
    name = name.strip().lower()
    role = _ROLES.get(role_name or "")
    password = normal(sys.stdin.readline().rstrip("\r\n")) if from_stdin else given_password()
    wrong = _wrong(name, role_name, full_name, password, reset=reset)
    if wrong:
        return _refuse(wrong)
    engine = worker_engine(settings.database())
    try:
        stands = (
            _reset(engine, settings, name, role, password)
            if reset
            else _create(engine, name, role or Role.VIEWER, full_name, password)
        )
    except _RefusedError as error:
        return _refuse(str(error))
    _say(settings, name, stands, "" if from_stdin else password)
    return 0


def _wrong(name: str, role_name: str | None, full_name: str, password: str, *, reset: bool) -> str:
    if not is_operator_name(name):
        return "a name has 2 to 32 of a-z, 0-9, '.', '_' and '-', and begins with a letter"
    if (role_name or not reset) and role_name not in _ROLES:
        return "--role is needed: viewer, moderator or admin"
    if len(full_name) > _LONGEST_FULL_NAME:
        return f"--full-name has at most {_LONGEST_FULL_NAME} letters"
    weak = weakness(password, name)
    return f"the password is not good enough: {weak.value}" if weak else ""


def _create(engine: Engine, name: str, role: Role, full_name: str, password: str) -> Role:
    """Errors: _RefusedError."""
    with transaction(engine) as connection:
        operator_id = create_operator(connection, name, full_name, role, hashed(password))
        if operator_id is None:
            raise _RefusedError(f"{name} exists already (--reset gives a new password)")
        after = {"name": name, "full_name": full_name, "role": role.value}
        record(connection, ACTOR, "operator.create", f"operator:{operator_id}", after=after)
    return role


def _reset(engine: Engine, settings: Settings, name: str, role: Role | None, password: str) -> Role:
    """A new password, no second factor, no session, no lock; with `role` that one. Errors: _RefusedError."""
    kept = hashed(password)
    with transaction(engine) as connection:
        known = operator_named(connection, name)
        operator = locked_operator(connection, known.id) if known else None
        if operator is None:
            raise _RefusedError(f"there is no operator {name}")
        if not operator.active:
            raise _RefusedError(f"{name} is disabled; an admin enables operators in the console")
        secret_columns.set_password(connection, operator.id, kept, given=True)
        set_openid(connection, operator.id, None)
        secret_columns.remove_totp(connection, operator.id)
        if role is not None and role is not operator.role:
            change_operator(connection, operator.id, role=role.value)
        before = {"role": operator.role.value, "second_factor": operator.has_totp}
        after = {"role": (role or operator.role).value, "second_factor": False, "password": "given"}
        record(connection, ACTOR, "operator.reset", f"operator:{operator.id}", before=before, after=after)
        _shut_out(settings, operator.id, name)
    return role or operator.role


def _shut_out(settings: Settings, operator_id: int, name: str) -> None:
    """Ends the operator's sessions, and forgets wrong tries. Errors: ScratchAway, with which nothing is changed."""
    with closing(scratch_client(settings.scratch())) as scratch:
        end_all(scratch, operator_id)
        attempts.clear(scratch, settings.keys(), attempts.PASSWORD, name)
        attempts.clear(scratch, settings.keys(), attempts.CODE, str(operator_id))


def _say(settings: Settings, name: str, role: Role, password: str) -> None:
    print(f"{name} ({role.value})")
    if password:
        print(f"password for the first login: {password}")
    print(f"Log in at {settings.origin()}/operator/login and choose a password of your own.")
    if is_needed(role):
        print("An app for codes (TOTP) is set up right after that: have a phone at hand.")


def _refuse(why: str) -> int:
    print(f"create-operator: {why}", file=sys.stderr)
    return 1
