"""Real servers for tests: each in its own folder, started, killed and stopped as the test wants."""

import itertools
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import redis

from scripts.embedded import postgres, process, unprivileged, valkey
from scripts.private_file import write_private

if TYPE_CHECKING:
    import subprocess

BOX_PASSWORD = ROLE_PASSWORD = "of-a-test"
_numbers = itertools.count(1)


def wait_for(condition: Callable[[], object], seconds: float = 10.0, what: str = "") -> None:
    """Wait until `condition()` is true. Errors: AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def short_folder() -> Path:
    """A new private folder with a short path; whoever asked for it removes it."""
    return Path(tempfile.mkdtemp(prefix="bc-"))


class Server:
    """One server process, and what a test does to it."""

    stop_signal: signal.Signals
    stop_s: float
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """`kill -9`, and wait for the end."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """An orderly stop (a stopped one is continued for it)."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            process.end(self.process, self.stop_signal, self.stop_s)

    def hang(self) -> None:
        """SIGSTOP: connections are accepted by the kernel, nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


def as_user(url: str, name: str) -> str:
    """The address of a test's box as a process of ours would be given it: "app" (the API) or "keeper" (workers)."""
    return url.replace("://", f"://{name}:{BOX_PASSWORD}@", 1)


def as_role(url: str, name: postgres.User) -> str:
    """The address of a test's ledger as a process of ours would be given it: as the role of "api" or "worker"."""
    address = re.sub(rf"//{postgres.ROLE}:[^@]*@", f"//{postgres.ROLE}:@", url)
    return address.replace(f"//{postgres.ROLE}:@", f"//{postgres.role(name)}:{ROLE_PASSWORD}@")


def denied(url: str) -> list[str]:
    """What a box has refused to its users since its log of that was emptied: `app: del`; that log is emptied.

    But for the functions: an API that misses them tries to load them, as it may where there are no users.
    """
    with redis.Redis.from_url(url, protocol=2, socket_timeout=5) as client:
        lines: Any = client.acl_log()
        client.acl_log_reset()
    return sorted({f"{line['username']}: {line['object']}" for line in lines} - {"app: function|load"})


class ValkeyServer(Server):
    """One Valkey of `role` ("box" or "scratch") on `folder`. `url` stays the same over restarts.

    Who has no name may do everything, so that a test can look at all and break what it likes; see `as_user`.
    """

    stop_signal, stop_s = valkey.STOP_SIGNAL, 10

    def __init__(self, role: valkey.Role, folder: Path, *, maxmemory: int = 256 * 1024**2, extra: tuple[str, ...] = ()):
        self.role, self.folder, self.maxmemory, self.extra = role, folder, maxmemory, extra
        self.socket = folder.parent / f"{folder.name}.sock"
        self.url = f"unix://{self.socket}"

    def start(self) -> "ValkeyServer":
        """Start it and wait until it answers."""
        self.process = valkey.start_valkey(
            self.role,
            self.folder,
            self.socket,
            maxmemory=self.maxmemory,
            extra=self.extra,
            users=_box_users() if self.role == "box" else (),
        )
        log = self.folder.with_name(self.folder.name + ".log")
        process.wait_until(lambda: valkey.answers(self.socket), self.process, 30, log)
        return self


def _box_users() -> list[str]:
    rules = valkey.user_rules()
    return ["user default on nopass ~* &* +@all", *valkey.user_lines(rules, dict.fromkeys(rules, BOX_PASSWORD))]


class PostgresServer(Server):
    """One PostgreSQL on `data_dir`/postgres."""

    stop_signal, stop_s = postgres.STOP_SIGNAL, 20

    def __init__(self, data_dir: Path, *, namespaces: bool | None = None, elsewhere: Path = unprivileged.ELSEWHERE):
        self.data_dir = data_dir
        self.place = unprivileged.find_place(data_dir, namespaces=namespaces, elsewhere=elsewhere)
        self.url = postgres.url(self.place, data_dir / "secrets")
        self.superuser_url = postgres.url(self.place, data_dir / "secrets", superuser=True)

    def start(self) -> "PostgresServer":
        """Start it, set up first where it is new, and wait until it accepts connections."""
        for name in ("api", "worker", "auditor"):
            write_private(self.data_dir / "secrets" / f"database_{name}_password", ROLE_PASSWORD + "\n")
        self.process = postgres.start_postgres(self.place, self.data_dir)
        log = self.data_dir / "postgres.log"
        process.wait_until(lambda: postgres.accepts(self.place.data, self.pid), self.process, 30, log)
        with psycopg.connect(libpq_url(self.superuser_url), autocommit=True, dbname="postgres") as connection:
            reads_only = "SELECT pg_is_in_recovery()"  # one that reads an archive answers before it has read it all
            process.wait_until(lambda: connection.execute(reads_only).fetchone() == (False,), self.process, 60, log)
        self.execute(f"GRANT pg_read_all_stats TO {postgres.ROLE}")  # tests look at what the other roles wait for
        return self

    def new_database(self, template: str = "template0") -> str:
        """`postgresql+psycopg://…` of a new database that is a copy of `template`, owned by the ordinary role."""
        name = f"test_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} OWNER {postgres.ROLE} TEMPLATE {template}")
        return postgres.url(self.place, self.data_dir / "secrets", database=name)

    def drop_database(self, url: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {database_name(url)} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        with psycopg.connect(libpq_url(self.superuser_url), autocommit=True, dbname="postgres") as connection:
            connection.execute(statement)


def database_name(url: str) -> str:
    return url.rsplit("@/", 1)[1].split("?", 1)[0]


def libpq_url(url: str) -> str:
    """SQLAlchemy's spelling of a database's address as psycopg itself takes it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def empty_valkey(url: str) -> None:
    """Take all keys and all functions out of a Valkey."""
    with redis.Redis.from_url(url) as client:
        client.flushall()
        client.function_flush()


class Servers:
    """The servers of a test session, each started when it is first asked for."""

    def __init__(self) -> None:
        self.folder = short_folder()
        self._valkeys: dict[str, ValkeyServer] = {}
        self._postgres: PostgresServer | None = None

    def valkey(self, role: valkey.Role) -> ValkeyServer:
        if role not in self._valkeys:
            self._valkeys[role] = ValkeyServer(role, self.folder / role).start()
        return self._valkeys[role]

    def postgres(self) -> PostgresServer:
        if self._postgres is None:
            self._postgres = PostgresServer(self.folder).start()
        return self._postgres

    def close(self) -> None:
        for server in (*self._valkeys.values(), self._postgres):
            if server is not None:
                server.stop()
        if self._postgres is not None:
            shutil.rmtree(self._postgres.place.sockets, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
