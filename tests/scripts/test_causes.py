"""Why a process ended: real servers that cannot go on, and what the supervisor says of it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from scripts import causes
from scripts.embedded import process, valkey
from scripts.supervisor import ChildSpec, Supervisor
from tests.servers import ValkeyServer, wait_for


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str], folder: Path) -> Iterator[Supervisor]:
    made = Supervisor(said.append, lambda _roles: None, folder)
    with made.signals():
        yield made
        made.haste = True
        made.stop(*{role for role, _ in made.running()})


def child(folder: Path, *command: str) -> ChildSpec:
    log = folder / "box.log"
    return ChildSpec("box", "box", lambda: process.spawn(command, death_signal=signal.SIGKILL, log=log))


def box(folder: Path, data: Path, *before: str) -> ChildSpec:
    """The box on `data`, started by a shell that first does `before`."""
    data.mkdir(exist_ok=True)
    words = valkey.command("box", data, folder / "box.sock", maxmemory=64 * 1024**2)
    return child(folder, "sh", "-c", "; ".join([*before, 'exec "$@"']), "sh", *words)


def fill(folder: Path) -> None:
    """Writes to the box until it is gone."""
    wait_for(lambda: valkey.answers(folder / "box.sock"))
    with redis.Redis(unix_socket_path=str(folder / "box.sock")) as client, pytest.raises(redis.ConnectionError):
        _write_much(client)


def _write_much(client: redis.Redis) -> None:
    for number in range(10_000):
        client.set(f"key{number}", os.urandom(4096))


def test_a_full_disk(supervisor: Supervisor, folder: Path, said: list[str]) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a disk of its own needs root")
    try:
        supervisor.add(box(folder, disk / "box"))
        fill(folder)
        assert supervisor.wait_for(lambda: bool(said), 10)
        assert said[0].startswith("box ended (exit status 1): the disk is full: make room, and it goes on by itself;")
    finally:
        supervisor.stop("box")
        subprocess.run(["umount", disk], check=True)


def test_a_file_that_may_not_grow(supervisor: Supervisor, folder: Path, said: list[str]) -> None:
    supervisor.add(box(folder, folder / "data", "ulimit -f 512"))
    fill(folder)
    assert supervisor.wait_for(lambda: bool(said), 10)
    assert "): a file may not grow any more (ulimit -f): raise the limit, and it goes on by itself;" in said[0]


def test_a_damaged_log(
    supervisor: Supervisor, folder: Path, said: list[str], valkey_factory: Callable[..., ValkeyServer]
) -> None:
    server = valkey_factory("box", folder / "data")
    with redis.Redis.from_url(server.url) as client:
        for number in range(100):
            client.set(f"key{number}", "x")
    server.stop()
    [written] = (folder / "data").glob("*/*.incr.aof")
    content = written.read_bytes()
    written.write_bytes(content[:500] + b"\0" * 100 + content[600:])
    supervisor.add(box(folder, folder / "data"))
    assert supervisor.wait_for(lambda: bool(said), 10)
    assert "): its files are damaged: copy the folder away before anything else, then see" in said[0]


def test_a_folder_of_a_newer_release(
    supervisor: Supervisor, folder: Path, said: list[str], valkey_factory: Callable[..., ValkeyServer]
) -> None:
    server = valkey_factory("box", folder / "data")
    server.stop()
    [base] = (folder / "data").glob("*/*.base.rdb")
    base.write_bytes(b"VALKEY999" + base.read_bytes()[9:])
    supervisor.add(box(folder, folder / "data"))
    assert supervisor.wait_for(lambda: bool(said), 10)
    assert "its folder was written by a newer Valkey" in said[0]


def test_too_little_memory(supervisor: Supervisor, folder: Path, said: list[str]) -> None:
    supervisor.add(child(folder, sys.executable, "-c", "import sys; bytearray(sys.maxsize // 4)"))
    assert supervisor.wait_for(lambda: bool(said), 10)
    assert "): the machine has too little memory for it: end other programs, or lower BOX_MAXMEMORY" in said[0]


def test_an_address_in_use(supervisor: Supervisor, folder: Path, said: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        words = ["--port", str(listener.getsockname()[1]), "--bind", "127.0.0.1"]
        (folder / "data").mkdir()
        command = valkey.command("box", folder / "data", folder / "box.sock", maxmemory=64 * 1024**2, extra=words)
        supervisor.add(child(folder, *command))
        assert supervisor.wait_for(lambda: bool(said), 10)
    assert "): its address is in use by another program: end that one, or set PORT;" in said[0]


def test_what_an_earlier_process_wrote_is_no_cause(supervisor: Supervisor, folder: Path, said: list[str]) -> None:
    (folder / "box.log").write_text("No space left on device\n")
    supervisor.add(child(folder, "sh", "-c", "exit 3"))
    assert supervisor.wait_for(lambda: bool(said), 10)
    assert said[0] == "box ended (exit status 3); starting it again in 0.1 s."


@pytest.mark.parametrize(
    ("status", "memory", "words", "beginning"),
    [
        (-signal.SIGKILL, True, b"", "the machine has too little memory"),
        (-signal.SIGKILL, False, b"No space left on device", None),
        (1, True, b"all is well", None),
        (1, False, b'PANIC:  could not write to file "pg_wal/xlogtemp.1": No space left on device', "the disk is full"),
        (1, False, b"Short write while writing to the AOF file: (nwritten=9, expected=4132)", "the disk is full"),
        (1, False, b"FATAL:  could not map anonymous shared memory: Cannot allocate memory", "the machine has too"),
        (1, False, b"PANIC:  could not locate a valid checkpoint record at 0/2A", "its files are damaged"),
        (1, False, b"No space left on device" + b" " * causes.TAIL_BYTES + b"done", None),
        (1, False, b"Permission denied ... then: No space left on device", "the disk is full"),
    ],
)
def test_how_it_ended_and_its_last_words_decide(
    tmp_path: Path, status: int, memory: bool, words: bytes, beginning: str | None
) -> None:
    (tmp_path / "log").write_bytes(words)
    found: Any = causes.cause(tmp_path / "log", 0, status, ended_for_memory=memory)
    assert found is None if beginning is None else found.startswith(beginning)


def test_a_log_that_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    assert causes.cause(tmp_path / "none", 0, 1) is None
    assert causes.size_of(tmp_path / "none") == 0
    assert causes.ended_by_kernel() >= 0
