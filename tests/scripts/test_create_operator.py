"""`binhchon create-operator` as a technician runs it, and that no password is seen in `ps`."""

import io
import re
import sys

import pytest
from pydantic import SecretStr

from models.database import transaction, worker_engine
from models.operator import Operator, Role, operator_named
from models.operator_secrets import password_hash, set_totp
from models.password import fits
from models.scratch import operator_attempts as attempts
from models.scratch import operator_sessions as sessions
from models.scratch.connection import ScratchAway, scratch_client
from models.settings import Settings
from scripts.create_operator import run
from tests.api.contest import KEYS
from tests.api.running import settings_for

NOW = 1_800_000_000.0


@pytest.fixture
def settings(database: str, scratch: str) -> Settings:
    return settings_for(
        "unix:///nonexistent/box.sock",
        database_url=SecretStr(database),
        scratch_url=SecretStr(scratch),
        public_origin="https://binhchon.example.vn",
    )


def make(settings: Settings, name: str = "lan", role: str | None = "admin", **more: object) -> int:
    options = {"full_name": "", "reset": False, "from_stdin": False} | more
    return run(
        settings,
        name,
        role,
        str(options["full_name"]),
        reset=bool(options["reset"]),
        from_stdin=bool(options["from_stdin"]),
    )


def known(settings: Settings, name: str = "lan") -> tuple[Operator, str]:
    with transaction(worker_engine(settings.database())) as connection:
        operator = operator_named(connection, name)
        assert operator is not None
        return operator, password_hash(connection, operator.id) or ""


def log(settings: Settings) -> list[tuple[object, ...]]:
    with transaction(worker_engine(settings.database())) as connection:
        rows = connection.exec_driver_sql("SELECT operator, operator_id, action, before, after FROM audit ORDER BY id")
        return [tuple(row) for row in rows]


def test_a_new_operator_has_the_password_that_is_printed(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(settings, " LAN ", full_name="Nguyễn Thị Lan") == 0
    said = capsys.readouterr().out
    password = re.search(r"password for the first login: (\S+)", said)
    assert password
    assert "https://binhchon.example.vn/operator/login" in said
    operator, kept = known(settings)
    assert (operator.role, operator.full_name, operator.password_is_new) == (Role.ADMIN, "Nguyễn Thị Lan", True)
    assert fits(kept, password[1])
    after = {"name": "lan", "full_name": "Nguyễn Thị Lan", "role": "admin"}
    assert log(settings) == [("binhchon create-operator", None, "operator.create", None, after)]


def test_a_password_from_standard_input_is_not_printed(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("ba con mèo qua sông\n"))
    assert make(settings, role="viewer", from_stdin=True) == 0
    assert "mèo" not in capsys.readouterr().out
    operator, kept = known(settings)
    assert fits(kept, "ba con mèo qua sông")
    assert operator.password_is_new


@pytest.mark.parametrize(
    ("name", "role", "more"),
    [
        ("l", "admin", {}),
        ("lan nguyen", "admin", {}),
        ("lan", "owner", {}),
        ("lan", None, {}),
        ("lan", "owner", {"reset": True}),
        ("lan", "admin", {"full_name": "x" * 101}),
        ("lan", "admin", {"from_stdin": True}),
        ("lan", None, {"reset": True}),
    ],
)
def test_what_it_refuses_it_says_in_one_line(
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    role: str | None,
    more: dict[str, object],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("ngắn\n"))
    assert make(settings, name, role, **more) == 1
    said = capsys.readouterr()
    assert said.err.startswith("create-operator: ")
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert log(settings) == []


def test_a_name_that_exists_is_not_touched(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    make(settings)
    before = known(settings)
    assert make(settings, role="viewer") == 1
    assert "lan exists already (--reset" in capsys.readouterr().err
    assert known(settings) == before


def test_a_reset_takes_everything_away(settings: Settings, scratch: str, capsys: pytest.CaptureFixture[str]) -> None:
    make(settings, role="moderator")
    operator, old = known(settings)
    with transaction(worker_engine(settings.database())) as connection:
        set_totp(connection, operator.id, b"sealed", 60_000_000, ["digest"])
    with scratch_client(scratch) as client:
        sessions.begin(client, operator, full=True, address="", agent="", now=NOW)
        for _ in range(6):
            attempts.take(client, KEYS, attempts.PASSWORD, "lan", NOW)
        capsys.readouterr()
        assert make(settings, role=None, reset=True) == 0
        assert sessions.sessions_of(client, operator.id, NOW) == []
        assert attempts.waits_s(client, KEYS, attempts.PASSWORD, "lan", NOW) == 0
    password = re.search(r"password for the first login: (\S+)", capsys.readouterr().out)
    assert password
    operator, kept = known(settings)
    assert (operator.has_totp, operator.recovery_codes, operator.password_is_new) == (False, 0, True)
    assert operator.role is Role.MODERATOR
    assert fits(kept, password[1])
    assert kept != old
    assert log(settings)[-1][2:] == (
        "operator.reset",
        {"role": "moderator", "second_factor": True},
        {"role": "moderator", "second_factor": False, "password": "given"},
    )


def test_a_reset_may_change_the_role(settings: Settings) -> None:
    make(settings, role="viewer")
    assert make(settings, role="admin", reset=True) == 0
    assert known(settings)[0].role is Role.ADMIN


def test_without_scratch_a_reset_changes_nothing(settings: Settings) -> None:
    """Sessions could not be ended."""
    make(settings)
    before = known(settings)
    away = settings.model_copy(update={"scratch_url": SecretStr("unix:///nonexistent/scratch.sock")})
    with pytest.raises(ScratchAway):
        make(away, reset=True)
    assert known(settings) == before
