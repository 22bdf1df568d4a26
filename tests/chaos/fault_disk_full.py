"""A disk without room: the box's, and PostgreSQL's write-ahead log's. Each is a small file system in memory."""

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from scripts.embedded import postgres, unprivileged
from tests.chaos.arena import Arena
from tests.servers import wait_for

MB = 1024**2


def _small_disk(arena: Arena, folder: Path, size: int) -> None:
    """Puts a file system of `size` bytes in the folder's place, with what the folder holds."""
    if os.getuid():
        pytest.skip("only root may mount a small file system")
    saved = folder.with_name(folder.name + ".saved")
    folder.rename(saved)
    folder.mkdir(mode=0o700)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", folder], check=False, capture_output=True
    )
    if done.returncode:
        folder.rmdir()
        saved.rename(folder)
        pytest.skip(f"no file system may be mounted here: {done.stderr.decode().strip()}")
    arena.undo.callback(subprocess.run, ["umount", "--lazy", folder], check=True)
    shutil.copytree(saved, folder, symlinks=True, dirs_exist_ok=True)


def _fill(folder: Path, leave: int) -> Path:
    """A file that takes all room but so many bytes."""
    path = folder / "fill"
    room = shutil.disk_usage(folder).free - leave
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room)
    return path


def test_disk_of_the_box_full(arena: Arena) -> None:
    """The disk of the box full: no vote is taken without room, and everything goes on by itself with room"""
    _small_disk(arena, arena.data / "box", 64 * MB)
    arena.start()
    with arena.load() as voters:
        arena.some_moment()
        arena.mark_fault("disk of the box full")
        filler = _fill(arena.data / "box", leave=20_000)
        arena.stopped["box"] += 1000  # a server whose disk is full ends, as often as it is started
        refused = voters.counts["refused"] + 100
        wait_for(lambda: voters.counts["refused"] > refused, 40, "votes are refused")
        arena.lasts(5)
        filler.unlink()
        arena.mark_heal()
        arena.goes_on()
    arena.verify()


def test_disk_of_the_write_ahead_log_full(arena: Arena) -> None:
    """The disk of PostgreSQL's write-ahead log full: voters notice nothing, and the flush goes on with room"""
    wal = arena.data / "postgres" / "pg_wal"
    if not wal.exists():
        pytest.skip("the ledger's folder is elsewhere here")
    _small_disk(arena, wal, 160 * MB)
    arena.start()
    place = unprivileged.find_place(arena.data)
    admin = postgres.url(place, arena.data / "secrets", superuser=True).replace("+psycopg", "", 1)
    with arena.load() as voters:
        arena.some_moment()
        arena.mark_fault("disk of the write-ahead log full")
        arena.stopped["postgres"] += 1000
        refused = voters.counts["refused"]
        filler = _fill(wal, leave=100_000)
        with pytest.raises(psycopg.Error):  # noqa: PT012 - some segments were made beforehand
            for _ in range(40):
                with closing(psycopg.connect(admin, autocommit=True)) as connection:
                    connection.execute("SELECT pg_switch_wal()")
                    connection.execute("SELECT pg_logical_emit_message(false, 'chaos', repeat('x', 1000))")
        arena.lasts(5)
        assert voters.counts["refused"] == refused, "voters noticed"
        filler.unlink()
        arena.mark_heal()
        arena.goes_on()
    arena.verify()
