"""An operator at the console, as HTTP sees one."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import redis
from pydantic import SecretStr
from sqlalchemy import text

from api.operators.access import csrf_token
from models.database import Engine, transaction
from models.operator import Role, operator_named
from models.scratch import operator_sessions
from tests.api.running import RunningApi, settings_for
from tests.workers.contests import KEYS

OWN = {"Sec-Fetch-Site": "same-origin"}
PASSWORD_HASH = "no password fits"
_UNTICKED = r'<input type="checkbox"(?![^>]* checked)[^>]*>'
SOON_S = 3.0  # what reaches every process within a second, on a machine that has other things to do


def made_operator(engine: Engine, role: Role, name: str = "") -> str:
    """An operator in the ledger, without a password that fits. Returns the name."""
    with transaction(engine) as connection:
        connection.execute(
            text(
                "INSERT INTO operators (name, role, password_hash, password_is_new) VALUES (:name, :role, :hash, false)"
                " ON CONFLICT DO NOTHING"
            ),
            {"name": name or role.value, "role": role.value, "hash": PASSWORD_HASH},
        )
    return name or role.value


def form_in(page: httpx.Response) -> dict[str, str]:
    """What the form of a page sends when nothing is typed, without its token."""
    sent = re.sub(_UNTICKED, "", page.text)
    values = dict(re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', sent))
    values |= dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\n?(.*?)</textarea>', page.text, re.DOTALL))
    values |= dict(re.findall(r'<select[^>]* name="(\w+)".*?<option value="(\w*)" selected', page.text, re.DOTALL))
    return {name: unescape(value) for name, value in values.items() if name != "csrf"}


@contextmanager
def console_on(box: str, database: str, scratch: str, folder: Path, **more: Any) -> Iterator[RunningApi]:
    """An API process with the console on these stores, ready. `more`: further settings."""
    settings = settings_for(
        box,
        database_url=SecretStr(database),
        scratch_url=SecretStr(scratch),
        identity_key=SecretStr(KEYS.identity_key),
        session_keys=SecretStr(",".join(KEYS.session_keys)),
        data_dir=folder,
        **more,
    )
    running = RunningApi(settings)
    try:
        running.wait_ready()
        yield running
    finally:
        running.stop()


class Desk:
    """An operator who is logged in, both factors given. Forms carry the token, as those of the pages do."""

    def __init__(self, api: RunningApi, engine: Engine, scratch: str, role: Role, name: str = "") -> None:
        self.name = made_operator(engine, role, name)
        with transaction(engine) as connection:
            operator = operator_named(connection, self.name)
        assert operator is not None
        self.id = operator.id
        with redis.Redis.from_url(scratch) as client:
            self.token = operator_sessions.begin(
                client, operator, full=True, address="127.0.0.1", agent="tests", now=time.time()
            )
        self.client = httpx.Client(base_url=api.url, timeout=10, cookies={"operator": self.token})
        self.csrf = csrf_token(KEYS.derived("csrf"), self.token)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, **more)

    def post(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        headers = OWN | more.pop("headers", {})
        return self.client.post(path, data={"csrf": self.csrf} | (data or {}), headers=headers, **more)

    def close(self) -> None:
        self.client.close()
