"""The process as `binhchon api` runs it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from api.serve import use_metrics_directory
from tests.api.contest import KEYS
from tests.api.running import AWAY_DATABASE, new_account, token_for
from tests.servers import wait_for

SERVE = (
    "import sys; from models.settings import load_settings; from api.serve import serve;"
    "sys.exit(serve(load_settings().require_stack(), int(sys.argv[1]) if len(sys.argv) > 1 else None))"
)


@pytest.fixture
def environment(open_box, tmp_path):
    return {
        "PATH": os.environ["PATH"],
        "BALLOT_BOX_URL": open_box,
        "SCRATCH_URL": "unix:///nonexistent.sock",
        "DATABASE_URL": AWAY_DATABASE,
        "IDENTITY_KEY": KEYS.identity_key,
        "SESSION_KEYS": KEYS.session_keys[0],
        "DATA_DIR": str(tmp_path),
        "ENVIRONMENT": "production",
        "PUBLIC_ORIGIN": "https://binhchon.example.vn",
        "WEB_CONCURRENCY": "1",
        "SMTP_URL": "smtp://127.0.0.1:1",
        "MAIL_FROM": "binhchon@example.vn",
    }


def start(environment, *args, **more):
    return subprocess.Popen(
        [sys.executable, "-c", SERVE, *args], env=environment, stderr=subprocess.PIPE, text=True, **more
    )


def answers(url):
    try:
        return httpx.get(url + "/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_two_processes_on_one_inherited_socket_count_together_and_end_with_0(environment, tmp_path):
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        url, fd = f"http://127.0.0.1:{listening.getsockname()[1]}", listening.fileno()
        processes = [start(environment, str(fd), pass_fds=[fd]) for _ in range(2)]
        try:
            wait_for(lambda: len(list(tmp_path.glob("metrics/*/counter_*.db"))) == 2, what="both have started")
            wait_for(lambda: answers(url))
            tokens = [token_for(new_account(), time.time()) for _ in range(20)]
            for token in tokens:
                headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
                assert httpx.put(url + "/api/entries/1/vote", headers=headers).status_code == 201
            wait_for(lambda: counted(url) == 20, 3)
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            logs = [process.communicate(timeout=10)[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0]
    for log in logs:
        lines = [json.loads(line) for line in log.splitlines()]
        assert all(line["role"] == "api" for line in lines)
        assert not any(line["level"] == "error" for line in lines)
        assert not any(token in log for token in tokens)


def counted(url):
    text = httpx.get(url + "/metrics", headers={"Connection": "close"}).text
    return sum(float(value) for value in re.findall(r'votes_total\{outcome="counted"\} (\S+)', text))


def test_without_a_socket_uvicorn_keeps_its_own_group(environment):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = start(environment | {"PORT": str(port), "WEB_CONCURRENCY": "2"})
    try:
        wait_for(lambda: answers(url), 20)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)
    assert process.returncode == 0


def test_metrics_of_dead_leaders_are_removed_and_the_own_ones_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    gone = tmp_path / "metrics" / "999999999-1"
    reused = tmp_path / "metrics" / f"{os.getppid()}-1"
    for folder in (gone, reused):
        folder.mkdir(parents=True)
        (folder / "counter_1.db").touch()
    mine = use_metrics_directory(tmp_path, os.getpid())
    (mine / "counter_2.db").touch()
    parents = use_metrics_directory(tmp_path, os.getppid())
    assert use_metrics_directory(tmp_path, os.getpid()) == mine
    assert sorted((tmp_path / "metrics").iterdir()) == sorted([mine, parents])
    assert (mine / "counter_2.db").exists()
