"""A stack of the bench's own: `binhchon up` in a folder of its own, with one API process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from loadtests.bench.generator import BenchError
from loadtests.ports import free_port
from models.ballot_box.connection import BoxClient, box_client
from models.ballot_box.keys import ShardKeys, shard_keys
from models.contest import Contest, find_contest, votable_entries
from models.database import Engine, transaction, worker_engine
from models.settings import EMBEDDED_ENV, ROOT, Settings, load_settings, read_env_file
from scripts.embedded import postgres, valkey
from scripts.embedded.process import end, spawn
from scripts.embedded.unprivileged import find_place

START_S = 60.0
STOP_S = 60.0
_COMMAND = [sys.executable, "-P", "-m", "scripts.cli"]


@dataclass(frozen=True)
class Stack:
    """A running stack and what the bench needs of it. `pids`: role → process id (`flush`: the worker of shard 0)."""

    port: int
    environment: Mapping[str, str]
    settings: Settings
    engine: Engine
    box: BoxClient
    contest: Contest
    entries: list[int]
    pids: dict[str, int]

    @property
    def keys(self) -> ShardKeys:
        return shard_keys(self.contest.id, 0)

    def superuser_url(self) -> str:
        """The ledger's address for what its owner may not do."""
        place, secrets_dir = find_place(self.settings.data_dir), self.settings.data_dir / "secrets"
        return postgres.url(place, secrets_dir, superuser=True)

    def command(self, *words: str, seconds: float = START_S) -> str:
        """The output of one of `binhchon`'s commands, which may take so long. Errors: BenchError with what it said."""
        return _run(self.environment, *words, seconds=seconds)

    def workers(self, queue: str) -> list[int]:
        """Process ids of those that work on `queue`."""
        found = [one["pid"] for one in json.loads(self.command("ps", "--json")) if one["role"] == "worker"]
        return [pid for pid in found if queue in psutil.Process(pid).cmdline()]


@contextmanager
def running_stack(folder: Path, *, tasks: bool = False) -> Iterator[Stack]:
    """Starts a stack with its data in `folder`, made if it is not there; stops it at the end. Errors: BenchError.

    `tasks`: whether the worker of operators' tasks works. Each ten minutes it searches all votes for signals; a run in
    which that falls, and it may fall into any, would tell of nothing else.
    """
    folder.mkdir(exist_ok=True)
    data_dir, log = folder / "data", folder / "stack.log"
    port = free_port()
    environment = _environment(data_dir, port)
    process = spawn([*_COMMAND, "up"], death_signal=signal.SIGTERM, log=log, environment=environment)
    try:
        wait_for(lambda: _is_up(process, log), START_S, "the stack to be ready")
        written = {name.lower(): value for name, value in read_env_file(data_dir / EMBEDDED_ENV).items()}
        ours: dict[str, Any] = {
            "data_dir": data_dir,
            "port": port,
            "contest": None,
            "identity_key": None,
            "session_keys": None,
        }
        settings = load_settings(**(written | ours))
        engine = worker_engine(settings.database())
        with transaction(engine) as connection:
            contest = find_contest(connection, None)
            entries = votable_entries(connection, contest.id)
        with closing(box_client(_box_of_people(settings))) as box:
            stack = Stack(port, environment, settings, engine, box, contest, entries, _pids(environment))
            with nullcontext() if tasks else held(stack.workers("tasks")):
                yield stack
    finally:
        end(process, signal.SIGTERM, STOP_S)


def _box_of_people(settings: Settings) -> str:
    """The box's address as its administrator: the bench weighs keys, which no process of ours does."""
    path = Path(settings.box().rpartition("@")[2])
    return valkey.box_url(path, settings.data_dir / "secrets", "admin")


@contextmanager
def held(pids: Collection[int]) -> Iterator[None]:
    """Processes that do nothing meanwhile."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def wait_for(condition: Callable[[], bool], seconds: float, what: str, every: float = 0.02) -> None:
    """Waits until `condition()`. Errors: BenchError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)


def _environment(data_dir: Path, port: int) -> dict[str, str]:
    """Nothing of the caller's installation: no address, key or contest of it."""
    ours = {"DATA_DIR": str(data_dir), "PORT": str(port), "WEB_CONCURRENCY": "1", "PYTHONPATH": str(ROOT)}
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ} | ours


def _is_up(process: subprocess.Popen[bytes], log: Path) -> bool:
    said = log.read_text(encoding="utf-8")
    if process.poll() is not None:
        raise BenchError(f"the stack does not start: {said.strip()}")
    return "is ready" in said


def _run(environment: Mapping[str, str], *words: str, seconds: float = START_S) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [*_COMMAND, *words], env=dict(environment), capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"binhchon {words[0]}: not done after {seconds:.0f} s") from None
    if done.returncode:
        raise BenchError(f"binhchon {words[0]}: {done.stderr.strip()}")
    return done.stdout


def _pids(environment: Mapping[str, str]) -> dict[str, int]:
    found: list[dict[str, Any]] = json.loads(_run(environment, "ps", "--json"))
    pids = {process["role"]: process["pid"] for process in found if process["role"] != "worker"}
    workers = [process["pid"] for process in found if process["role"] == "worker"]
    return pids | {"flush": next(pid for pid in workers if "flush.0" in psutil.Process(pid).cmdline())}
