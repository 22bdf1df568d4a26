"""Embedded servers: start, locks, and PostgreSQL as root with and without user namespaces."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
import redis

from models.settings import load_settings
from scripts.children import embedded_servers
from scripts.embedded import lock, postgres, process, sockets, valkey
from tests.servers import PostgresServer, ValkeyServer, is_alive, libpq_url, wait_for

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="another user can only be played by root")


def test_box_keeps_votes_over_a_kill(valkey_factory):
    server = valkey_factory("box")
    with redis.Redis.from_url(server.url) as client:
        assert client.config_get("append*")["appendfsync"] == "always"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.set("kept", "1")
    server.kill()
    server.start()
    with redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"1"


def test_scratch_has_its_own_configuration(scratch):
    with redis.Redis.from_url(scratch) as client:
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}


def test_box_and_scratch_may_use_the_memory_of_the_settings(folder):
    sizes = {"box": 32 * 1024**2, "scratch": 48 * 1024**2}
    settings = load_settings(
        data_dir=folder,
        database_url="postgresql+psycopg://nobody@/none",
        ballot_box_url=None,
        scratch_url=None,
        **{f"{role}_maxmemory": size for role, size in sizes.items()},
    )
    (folder / "logs").mkdir()
    specs, addresses = embedded_servers(settings)
    for spec in specs:
        server = spec.start()
        try:
            process.wait_until(lambda spec=spec, server=server: spec.ready(server.pid), server, 30, folder / "none.log")
            with redis.Redis.from_url(addresses["BALLOT_BOX_URL" if spec.role == "box" else "SCRATCH_URL"]) as client:
                assert client.config_get("maxmemory") == {"maxmemory": str(sizes.pop(spec.role))}
        finally:
            process.end(server, spec.stop_signal, 10)
    assert sizes == {}


def test_sockets_are_private(valkey_factory):
    server = valkey_factory("box")
    assert server.socket.stat().st_mode & 0o777 == 0o700


def test_two_boxes_on_one_folder_are_refused(valkey_factory, folder):
    first = valkey_factory("box", folder / "box")
    second = ValkeyServer("box", first.folder)
    second.socket = folder / "other.sock"
    with pytest.raises(lock.LockTakenError, match=str(first.pid)):
        second.start()
    first.kill()
    second.start()
    second.stop()


def test_a_server_that_cannot_start_is_named(folder):
    server = ValkeyServer("box", folder / "box", extra=("--no-such-option", "1"))
    with pytest.raises(process.EmbeddedError, match=r"valkey-server: exit status 1, see .*box\.log"):
        server.start()


def test_a_server_that_outlives_its_owner_is_ended_in_order(valkey_factory):
    server = valkey_factory("box")
    server.hang()
    path = valkey.lock_path(server.folder)
    assert lock.holders(path) == [server.pid]
    assert lock.clear(path, wait_s=0.05) == [server.pid]
    assert server.process.wait() == 0
    os.close(lock.take(path))


def test_what_does_not_end_is_killed(folder):
    path = folder / "box.lock"
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    with lock.inherited(path) as held:
        holder = process.spawn(
            [sys.executable, "-c", stubborn], death_signal=signal.SIGKILL, log=folder / "log", pass_fds=(held,)
        )
    wait_for((folder / "log").read_text)
    assert lock.clear(path, wait_s=0.05, term_s=0.1) == [holder.pid]
    assert holder.wait() == -signal.SIGKILL


def test_a_free_lock_needs_no_clearing(folder):
    assert lock.clear(folder / "box.lock") == []


def test_children_die_with_their_parent(folder):
    log = folder / "child.log"
    code = (
        "import os, signal, sys, pathlib; from scripts.embedded import process;"
        "p = process.spawn(['sleep', '60'], death_signal=signal.SIGKILL, log=pathlib.Path(sys.argv[1]));"
        "print(p.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, log], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    wait_for(lambda: not is_alive(pid), what="the end of the orphan")


def test_socket_folder_of_a_stranger_is_refused(monkeypatch, folder):
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    made = sockets.socket_folder(folder / "data")
    assert made == sockets.socket_folder(folder / "data")
    assert made.stat().st_mode & 0o777 == 0o700
    made.rmdir()
    made.symlink_to(folder)
    with pytest.raises(process.EmbeddedError, match="not a folder of ours"):
        sockets.socket_folder(folder / "data")


def _rows(url: str) -> list:
    with psycopg.connect(libpq_url(url)) as connection:
        return connection.execute("SELECT * FROM kept").fetchall()


def _fill(url: str) -> None:
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'Thái Nguyên' AS name")


def test_postgres_keeps_rows_over_a_kill(postgres_factory):
    server = postgres_factory()
    _fill(server.url)
    server.kill()
    lock.clear(postgres.lock_path(server.data_dir))
    server.start()
    assert _rows(server.url) == [("Thái Nguyên",)]


def test_postgres_wants_its_password_and_runs_our_settings(postgres_factory):
    server = postgres_factory()
    with psycopg.connect(libpq_url(server.url)) as connection:
        for name, value in (("fsync", "on"), ("synchronous_commit", "on"), ("server_encoding", "UTF8")):
            assert connection.execute(f"SHOW {name}").fetchone() == (value,)
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(libpq_url(server.url), password="wrong")


def test_an_interrupted_set_up_begins_again(folder):
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18\n")
    server = PostgresServer(folder).start()
    try:
        _fill(server.url)
    finally:
        server.stop()
        shutil.rmtree(server.place.sockets)


def test_a_stale_pid_file_does_not_stop_postgres(postgres_factory):
    server = postgres_factory()
    server.stop()
    (server.place.data / "postmaster.pid").write_text(f"{os.getppid()}\n{server.place.data}\n1\n")
    server.start()


def test_a_second_postgres_on_one_folder_is_refused(postgres_factory):
    first = postgres_factory()
    with pytest.raises(lock.LockTakenError):
        PostgresServer(first.data_dir).start()


@pytest.fixture
def elsewhere():
    """Where root puts what another user must reach."""
    path = Path(tempfile.mkdtemp(prefix="bc-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@needs_root
def test_root_without_namespaces_drops_to_another_user(postgres_factory, elsewhere):
    server = postgres_factory(namespaces=False, elsewhere=elsewhere)
    assert Path(f"/proc/{server.pid}").stat().st_uid == server.place.user != 0
    _fill(server.url)
    server.stop()
    again = postgres_factory(server.data_dir, namespaces=True)  # it was moved: there it stays
    assert again.place.user == server.place.user
    assert _rows(again.url) == [("Thái Nguyên",)]


@needs_root
def test_a_database_moves_when_namespaces_become_forbidden(postgres_factory, elsewhere):
    server = postgres_factory()
    _fill(server.url)
    server.stop()
    moved = postgres_factory(server.data_dir, namespaces=False, elsewhere=elsewhere)
    assert (server.data_dir / "postgres").is_symlink()
    assert not (server.data_dir / "postgres.moved").exists()
    assert _rows(moved.url) == [("Thái Nguyên",)]


@needs_root
def test_a_move_that_was_killed_begins_again(postgres_factory, elsewhere):
    server = postgres_factory()
    _fill(server.url)
    server.stop()
    (server.data_dir / "postgres").rename(server.data_dir / "postgres.moved")
    moved = postgres_factory(server.data_dir, namespaces=False, elsewhere=elsewhere)
    assert _rows(moved.url) == [("Thái Nguyên",)]
