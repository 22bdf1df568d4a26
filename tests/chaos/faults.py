"""What is done to a stack: its files, its sockets, its servers. Each helper undoes itself or says what does."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg
import redis

from tests.chaos.arena import Arena
from tests.servers import is_alive, wait_for


def box_socket(arena: Arena) -> Path:
    return Path(urlsplit(arena.box_url).path)


def ledger_socket(arena: Arena) -> Path:
    [folder] = parse_qs(urlsplit(arena.ledger_url).query)["host"]
    return Path(folder) / ".s.PGSQL.5432"


def box_client(arena: Arena) -> redis.Redis:
    """A client that may do everything: as the box's user for people, where it has users."""
    secret = arena.data / "secrets" / "box_admin_password"
    user = f"admin:{secret.read_text().strip()}@" if secret.exists() else ""
    return redis.Redis.from_url(f"unix://{user}{box_socket(arena)}", decode_responses=True)


@contextmanager
def box_down(arena: Arena) -> Iterator[Path]:
    """The box is killed with -9 and stays down for the block, which gets its data folder."""
    with arena.unattended():
        arena.kill("box")
        yield arena.data / "box"


def log_of_the_disk(folder: Path) -> Path:
    """The append-only file that is written to."""
    return max((folder / "appendonlydir").glob("*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))


def cut(path: Path, octets: int) -> int:
    """Takes so many bytes off the end. Returns how many there were to take."""
    size = path.stat().st_size
    os.truncate(path, max(0, size - octets))
    return min(size, octets)


def copy_box(arena: Arena, to: Path) -> None:
    """As a backup of the disk takes it: the files as they stand at this moment, while the box writes."""
    shutil.copytree(arena.data / "box", to, dirs_exist_ok=True)


def put_back(saved: Path, folder: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(saved, folder, symlinks=True)


@contextmanager
def standing_still(pids: list[int]) -> Iterator[None]:
    """SIGSTOP, and SIGCONT after the block; with the children that they have."""
    everybody = [*pids, *(child.pid for pid in pids for child in psutil.Process(pid).children(recursive=True))]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in everybody:
            if is_alive(pid):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def ledger_away(arena: Arena) -> Iterator[None]:
    """PostgreSQL's socket is gone and all sessions are ended; the server itself goes on."""
    path = ledger_socket(arena)
    hidden = path.with_name("hidden")
    path.rename(hidden)
    try:
        end_sessions(arena)
        yield
    finally:
        hidden.rename(path)


def end_sessions(arena: Arena) -> None:
    """Ends every session of the ledger, as a restart of a router between would."""
    for postmaster in arena.pids("postgres"):
        for child in psutil.Process(postmaster).children(recursive=True):
            if any("binhchon [local]" in word for word in child.cmdline()):
                os.kill(child.pid, signal.SIGTERM)


@contextmanager
def postgres_down(arena: Arena) -> Iterator[Path]:
    """PostgreSQL is shut down in order and stays so for the block, which gets its data folder."""
    with arena.unattended():
        for pid in arena.signal("postgres", signal.SIGINT):
            wait_for(lambda pid=pid: not is_alive(pid), 30, "PostgreSQL is down")
        yield (arena.data / "postgres").resolve()


def ledger(arena: Arena) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(arena.ledger_url.replace("+psycopg", "", 1), autocommit=True)
