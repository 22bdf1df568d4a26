"""`binhchon up`: everything on one machine, from an empty folder to a contest that takes votes."""

import contextlib
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from models.ballot_box.connection import BoxAway, BoxRefused, box_client
from models.ballot_box.drain import read_room
from models.settings import Settings, SettingsError
from scripts import children, stack
from scripts.embedded import lock
from scripts.embedded.process import EmbeddedError, rotate
from scripts.embedded.sockets import socket_folder
from scripts.saying import sayer
from scripts.supervisor import Child, Supervisor

BACKLOG = 4096
"""Connections that wait in the kernel while an API process is started again."""
DRAIN_S = 20.0
_PATIENCE_S = 30.0
_BIND_S = 1.0


def run(settings: Settings) -> int:
    """Start everything, keep it running until Ctrl-C or SIGTERM, stop it in order. Exit code 0.

    Errors: EmbeddedError (one line) or SettingsError when it cannot start.
    """
    data_dir = settings.data_dir
    stack.open_data_dir(data_dir)
    settings.require_complete()  # what is missing is a line here; in the processes it would be a crash again and again
    owner = stack.take_supervisor_lock(data_dir)
    try:
        for log in (data_dir / "logs").glob("*.log"):
            rotate(log)
        # Processes of a supervisor that was killed; they died with it, but for what they themselves had forked.
        lock.clear(stack.roles_lock(data_dir), wait_s=0.2, term_s=1.0)
        with _listening(settings) as listener, _roles_locked(data_dir) as roles_lock:
            _supervise(children.Context(settings, roles_lock, listener.fileno()), sayer(data_dir))
        lock.clear(stack.roles_lock(data_dir), wait_s=0.5, term_s=0.5)
        stack.forget(data_dir)
        shutil.rmtree(socket_folder(data_dir), ignore_errors=True)
    finally:
        os.close(owner)
    return 0


def _supervise(context: children.Context, say: Callable[[str], None]) -> None:
    data_dir = context.settings.data_dir

    def record(roles: list[tuple[str, int]]) -> None:
        with contextlib.suppress(OSError):  # a full disk must not end the stack
            stack.write_processes(data_dir, [("supervisor", os.getpid()), *roles])

    supervisor = Supervisor(say, record, data_dir / "logs")
    with supervisor.signals():
        try:
            if _start(supervisor, context, say):
                address = _address(context.settings)
                say(f"Bình Chọn is ready: {address}  (data: {data_dir}; stop with Ctrl-C)")
                first = f"{sys.argv[0]} create-operator NAME --role admin"
                say(f"The console: {address}/operator/  (its first operator: {first})")
                supervisor.run_until_stop()
        finally:
            _stop(supervisor, context, say)


def _start(supervisor: Supervisor, context: children.Context, say: Callable[[str], None]) -> bool:
    """Start all roles in order. False when a stop was asked for meanwhile. Errors: EmbeddedError."""
    say(f"Starting … (logs in {context.settings.data_dir / 'logs'})")
    specs, addresses = children.embedded_servers(context.settings)
    servers = [supervisor.add(spec) for spec in specs]
    own = {"HOST": _reachable(context.settings.host), "PORT": str(context.settings.port)}
    stack.write_addresses(context.settings.data_dir, addresses | own)
    # One that loads for minutes, or cannot start, keeps nothing else from starting: pages need no server at all.
    supervisor.wait_for(lambda: all(child.ready or child.failures > 2 for child in servers), _PATIENCE_S)
    if supervisor.stop_asked:
        return False
    if problem := _wrong_box(context.settings):
        say(f"{problem[0].upper()}{problem[1:]}. No vote is taken until it is.")
    prepared = supervisor.add(children.prepare(context))
    # Voting needs no ledger: with the database away everything else starts, and this is tried again meanwhile.
    if not _patiently(supervisor, lambda: prepared.done or prepared.failures > 0, [prepared], say):
        return False
    specs = [*children.apis(context), *children.workers(context), children.ticker(context)]
    everything = [*servers, prepared, *(supervisor.add(spec) for spec in specs)]

    def missing() -> str | None:
        return _unready(context.settings)

    return _patiently(
        supervisor, lambda: all(child.ready for child in everything) and not missing(), everything, say, missing
    )


def _patiently(
    supervisor: Supervisor,
    condition: Callable[[], bool],
    waiting: list[Child],
    say: Callable[[str], None],
    missing: Callable[[], str | None] = lambda: None,
) -> bool:
    """Wait for `condition()` as long as it takes, saying so now and then. False when a stop was asked for.

    `missing`: what else is waited for, in words.
    """
    while not supervisor.wait_for(condition, _PATIENCE_S):
        if supervisor.stop_asked:
            return False
        names = ", ".join(child.spec.name for child in waiting if not child.ready) or missing() or "the API"
        say(f"Still waiting for {names}; see the logs.")
    return True


def _stop(supervisor: Supervisor, context: children.Context, say: Callable[[str], None]) -> None:
    """Stop accepting, bring the log into the ledger, stop everything."""
    say("Stopping …")
    accepted = supervisor.has("api")
    supervisor.stop("prepare", "api")
    supervisor.stop("ticker")
    if accepted and not supervisor.haste:
        _drain(supervisor, context, say)
    supervisor.stop("worker")
    supervisor.stop("box", "scratch")
    supervisor.stop("postgres")
    say("Stopped.")


def _drain(supervisor: Supervisor, context: children.Context, say: Callable[[str], None]) -> None:
    try:
        status = supervisor.run(children.drain(context, DRAIN_S), DRAIN_S + 10)
    except EmbeddedError as error:
        say(str(error))
        return
    if status != 0:
        say(f"Not every vote is in the ledger yet (see {context.log('drain')}); the box keeps them for the next start.")


def _unready(settings: Settings) -> str | None:
    """Why the API cannot serve, in its own words; None when it can."""
    connection = HTTPConnection(_reachable(settings.host), settings.port, timeout=0.5)
    with contextlib.suppress(OSError, HTTPException, ValueError), contextlib.closing(connection):
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        if answer.status == 200:
            return None
        return f"the API ({json.loads(answer.read()).get('reason', answer.status)})"
    return "an answer of the API"


def _wrong_box(settings: Settings) -> str | None:
    """What is wrong with the box's settings, in its own words; None where nothing is, or it does not answer yet."""
    try:
        with contextlib.closing(box_client(settings.require_stack().box(), timeout=2.0)) as box:
            read_room(box, ())
    except BoxRefused as error:
        return str(error)
    except (BoxAway, SettingsError):
        pass
    return None


def _address(settings: Settings) -> str:
    host = _reachable(settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """The API's socket, bound once for all its processes: a busy port shows at once, and connections wait while one
    is started again.

    Errors: EmbeddedError.
    """
    address = (settings.host, settings.port)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    deadline = time.monotonic() + _BIND_S
    while True:
        try:
            listener = socket.create_server(address, family=family, backlog=BACKLOG)
            break
        except OSError as error:
            if time.monotonic() > deadline:
                number = error.errno or 0  # positive but for unknown names; its own text repeats the address
                reason = os.strerror(number) if number > 0 else error.strerror or str(error)
                raise EmbeddedError(f"cannot listen on {settings.host}:{settings.port}: {reason} (set PORT)") from None
            time.sleep(0.05)
    with listener:
        yield listener


@contextlib.contextmanager
def _roles_locked(data_dir: Path) -> Iterator[int]:
    descriptor = lock.take(stack.roles_lock(data_dir))
    try:
        yield descriptor
    finally:
        os.close(descriptor)
