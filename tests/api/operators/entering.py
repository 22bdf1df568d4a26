"""Somebody at the console's login pages, as HTTP sees them."""

import re
import time
from typing import Any, Self

import httpx
import pyotp

from api.operators.access import csrf_token
from models.database import Engine, transaction
from models.operator import Role, change_operator, create_operator
from models.operator_secrets import set_password, set_totp
from models.password import hashed
from models.second_factor import new_recovery_codes, new_secret, recovery_digest, sealed_for_operator
from tests.api.operators.desk import OWN
from tests.api.running import RunningApi
from tests.workers.contests import KEYS

PASSWORD = "ba con mèo qua sông 27"
_kept: list[str] = []


class Known:
    """An operator with PASSWORD. `secret`: of the app, "" without a second factor; `recovery`: the codes."""

    def __init__(
        self, engine: Engine, role: Role = Role.ADMIN, name: str = "lan", *, given: bool = False, factor: bool = True
    ) -> None:
        if not _kept:
            _kept.append(hashed(PASSWORD))  # once: it takes a while
        self.name, self.engine = name, engine
        self.secret, self.recovery = (new_secret(), new_recovery_codes()) if factor else ("", [])
        with transaction(engine) as connection:
            made = create_operator(connection, name, "", role, _kept[0])
            assert made is not None
            self.id = made
            set_password(connection, made, _kept[0], given=given)
            if factor:
                digests = [recovery_digest(KEYS, made, code) for code in self.recovery]
                set_totp(connection, made, sealed_for_operator(KEYS, made, self.secret), 0, digests)

    def code(self, steps: int = 0) -> str:
        """The app's code now, or so many steps from now."""
        return pyotp.TOTP(self.secret).at(int(time.time()) + 30 * steps)

    def change(self, **values: Any) -> None:
        with transaction(self.engine) as connection:
            change_operator(connection, self.id, **values)


class Visitor:
    """A browser: it keeps cookies, and its forms carry the token of its session."""

    def __init__(self, api: RunningApi) -> None:
        self.client = httpx.Client(base_url=api.url, timeout=20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    @property
    def token(self) -> str:
        return self.client.cookies.get("operator") or ""

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, **more)

    def post(self, path: str, **fields: str) -> httpx.Response:
        csrf = {"csrf": csrf_token(KEYS.derived("csrf"), self.token)} if self.token else {}
        return self.client.post(path, data=csrf | fields, headers=OWN)

    def log_in(self, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
        return self.post("/operator/login", name=name, password=password, **more)

    def enter(self, known: Known, steps: int = 0) -> "Visitor":
        """Logs in with everything that is needed. Each step's code counts once: `steps` chooses another."""
        self.log_in(known.name)
        if known.secret:
            answer = self.post("/operator/second-factor", code=known.code(steps))
            assert answer.status_code == 303, answer.text
        assert self.get("/operator/account").status_code == 200
        return self


def audited(engine: Engine, action: str) -> list[Any]:
    """`(operator, subject, before, after)` of the lines of an action, oldest first."""
    with transaction(engine) as connection:
        rows = connection.exec_driver_sql(
            "SELECT operator, subject, before, after FROM audit WHERE action = %(action)s ORDER BY id",
            {"action": action},
        )
        return [tuple(row) for row in rows]


def hidden(page: httpx.Response, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return found[1]
