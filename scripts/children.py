"""The processes of a stack on one machine: how each is started, known to be ready, and stopped."""

import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from models.jobs import BOOKS, CODES, TASKS, flush_queue
from models.settings import Settings, environment_with
from scripts.embedded import lock, postgres, process, unprivileged, valkey
from scripts.embedded.sockets import socket_folder
from scripts.private_file import write_private
from scripts.supervisor import ChildSpec

_DURABLE_STOP_S = 60.0


@dataclass(frozen=True)
class Context:
    """What children need: settings, the descriptor of the roles' lock, the API's listening socket's descriptor."""

    settings: Settings
    roles_lock: int
    listener: int

    def log(self, name: str) -> Path:
        return self.settings.data_dir / "logs" / f"{name}.log"


def embedded_servers(settings: Settings) -> tuple[list[ChildSpec], dict[str, str]]:
    """The servers that the environment gives no address for, and the addresses that they will have."""
    specs: list[ChildSpec] = []
    addresses: dict[str, str] = {}
    roles: tuple[tuple[valkey.Role, str, bool, int], ...] = (
        ("box", "BALLOT_BOX_URL", settings.ballot_box_url is None, settings.box_maxmemory),
        ("scratch", "SCRATCH_URL", settings.scratch_url is None, settings.scratch_maxmemory),
    )
    for role, variable, embedded, maxmemory in roles:
        if embedded:
            path = _valkey_socket(settings, role)
            specs.append(_valkey(role, settings.data_dir, path, maxmemory))
            own = valkey.box_url(path, settings.data_dir / "secrets", "keeper") if role == "box" else f"unix://{path}"
            addresses[variable] = own
    if settings.database_url is None:
        place = unprivileged.find_place(settings.data_dir)
        specs.append(_postgres(place, settings.data_dir))
        addresses["DATABASE_URL"] = postgres.url(place, settings.data_dir / "secrets")
    return specs, addresses


def _valkey_socket(settings: Settings, role: valkey.Role) -> Path:
    return socket_folder(settings.data_dir) / f"{role}.sock"


def _valkey(role: valkey.Role, data_dir: Path, path: Path, maxmemory: int) -> ChildSpec:
    folder = data_dir / role
    log = data_dir / "logs" / f"{role}.log"

    def start() -> Popen[bytes]:
        lock.clear(valkey.lock_path(folder))
        users = valkey.box_users(data_dir / "secrets") if role == "box" else ()
        return valkey.start_valkey(role, folder, path, maxmemory=maxmemory, log=log, users=users)

    return ChildSpec(
        role,
        role,
        start,
        ready=lambda _pid: valkey.answers(path),
        stop_signal=valkey.STOP_SIGNAL,
        stop_s=_DURABLE_STOP_S,
        durable=True,
    )


def _postgres(place: unprivileged.Place, data_dir: Path) -> ChildSpec:
    log = data_dir / "logs" / "postgres.log"

    def start() -> Popen[bytes]:
        lock.clear(postgres.lock_path(data_dir))
        return postgres.start_postgres(place, data_dir, log=log)

    return ChildSpec(
        "postgres",
        "postgres",
        start,
        ready=lambda pid: postgres.accepts(place.data, pid),
        stop_signal=postgres.STOP_SIGNAL,
        stop_s=_DURABLE_STOP_S,
        durable=True,
    )


def prepare(context: Context) -> ChildSpec:
    """Migrations, and the demo contest where there is none."""
    return _ours(context, "prepare", "prepare", ["prepare"], once=True)


def apis(context: Context) -> list[ChildSpec]:
    count = context.settings.web_concurrency
    words = ["api", "--fd", str(context.listener)]
    own = _addresses_of_api(context.settings)
    return [
        _ours(context, "api", f"api.{number}", words, (context.listener,), own=own) for number in range(1, count + 1)
    ]


def _addresses_of_api(settings: Settings) -> dict[str, str]:
    """What it must not take from stack.env, where workers and commands find the servers as those who may do more."""
    own = _database_of(settings, "api")
    if settings.ballot_box_url is None:
        own["BALLOT_BOX_URL"] = valkey.box_url(_valkey_socket(settings, "box"), settings.data_dir / "secrets", "app")
    return own


def _database_of(settings: Settings, user: postgres.User) -> dict[str, str]:
    """The embedded ledger as `user`; in stack.env it is its owner's, for migrations and commands."""
    if settings.database_url is not None:
        return {}
    place = unprivileged.find_place(settings.data_dir)
    return {"DATABASE_URL": postgres.url(place, settings.data_dir / "secrets", user=user)}


def workers(context: Context) -> list[ChildSpec]:
    queues = [*(flush_queue(shard) for shard in range(context.settings.flush_workers)), BOOKS, CODES, TASKS]
    own = _database_of(context.settings, "worker")
    return [_ours(context, "worker", f"worker.{queue}", ["worker", queue], own=own) for queue in queues]


def ticker(context: Context) -> ChildSpec:
    return _ours(context, "ticker", "ticker", ["ticker"], own=_database_of(context.settings, "worker"))


def drain(context: Context, seconds: float) -> ChildSpec:
    """One last flush of the whole log into the ledger."""
    return _ours(context, "drain", "drain", ["drain", "--seconds", f"{seconds:.0f}"])


def _ours(
    context: Context,
    role: str,
    name: str,
    words: Sequence[str],
    fds: Sequence[int] = (),
    *,
    once: bool = False,
    own: Mapping[str, str] | None = None,
) -> ChildSpec:
    """A child that runs one of `binhchon`'s own commands. `-P`: nothing in the current folder is taken for ours.

    `own`: addresses of servers for this child alone, each kept in a file of its own, so that none stands in `ps e`.
    """
    command = [sys.executable, "-P", "-m", "scripts.cli", *words]

    def start() -> Popen[bytes]:
        return process.spawn(
            command,
            death_signal=signal.SIGKILL,
            log=context.log(name),
            environment=_environment(context.settings.data_dir / "secrets", role, own or {}),
            pass_fds=(context.roles_lock, *fds),
        )

    return ChildSpec(role, name, start, once=once)


def _environment(secrets_dir: Path, role: str, own: Mapping[str, str]) -> dict[str, str]:
    files = {variable: secrets_dir / f"{role}.{variable.lower()}" for variable in own}
    for variable, path in files.items():
        write_private(path, own[variable] + "\n")
    return environment_with(files)
