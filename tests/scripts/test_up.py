"""`binhchon up` as a process: how it starts, stops, comes back, and what it says when it cannot start."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from models.settings import ROOT
from scripts.embedded import lock, unprivileged, valkey
from tests.servers import is_alive, wait_for

DUMMIES = str(Path(__file__).with_name("dummy_stack.py"))
READY = "Bình Chọn is ready: "
PRODUCTION = {"ENVIRONMENT": "production", "PUBLIC_ORIGIN": "https://binhchon.example.vn"}


class Stack:
    """A `binhchon up` on `data_dir`; the API, workers and ticker are stand-ins."""

    def __init__(self, data_dir, port, prefix=(), **environment):
        self.data_dir, self.port, self.prefix = data_dir, port, prefix
        self.output = data_dir.parent / "output"
        self.environment = {
            "DATA_DIR": str(data_dir),
            "PORT": str(port),
            "WEB_CONCURRENCY": "2",
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        self.process = None

    def command(self, *words):
        return subprocess.run(
            [*self.prefix, sys.executable, DUMMIES, *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def start(self):
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, DUMMIES, "up"],
                env=self.environment,
                stdout=output,
                stderr=output,
                process_group=0,
            )
        wait_for(lambda: READY in self.said() or self.process.poll() is not None, 30)
        assert self.process.poll() is None, self.said()
        return self

    def said(self):
        return self.output.read_text()

    def events(self):
        path = self.data_dir / "events"
        return path.read_text().splitlines() if path.exists() else []

    def processes(self):
        return json.loads((self.data_dir / "stack.json").read_text())

    def pids(self, role):
        return [found["pid"] for found in self.processes() if found["role"] == role]

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(30)


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def stack(folder, port):
    made = Stack(folder / "data", port)
    yield made
    _end(made)


def _end(stack):
    if stack.process is not None and stack.process.poll() is None:
        stack.process.terminate()
        stack.process.wait(30)
    for name in ("box", "scratch", "postgres"):
        path = stack.data_dir / f"{name}.lock"
        if path.exists():
            lock.clear(path, wait_s=1)


def test_a_stack_starts_and_stops_in_order(stack):
    stack.start()
    assert stack.said().count(READY) == 1
    assert f"{READY}http://127.0.0.1:{stack.port}  (data: {stack.data_dir}; stop with Ctrl-C)" in stack.said()
    assert f"The console: http://127.0.0.1:{stack.port}/operator/" in stack.said()
    assert "create-operator NAME --role admin" in stack.said()
    listed = stack.command("ps", "--json")
    assert listed.returncode == 0
    roles = sorted(found["role"] for found in json.loads(listed.stdout))
    assert roles == sorted(["supervisor", "api", "api", *["worker"] * 4, "ticker", "box", "scratch", "postgres"])
    assert (stack.data_dir / "stack.env").stat().st_mode & 0o777 == 0o600
    assert f"HOST=127.0.0.1\nPORT={stack.port}\n" in (stack.data_dir / "stack.env").read_text()
    pids = [found["pid"] for found in stack.processes()]

    assert stack.stop(signal.SIGINT) == 0
    assert not any(is_alive(pid) for pid in pids)
    stopped = [event.split()[0] for event in stack.events() if event.endswith("stop") or event == "drain start"]
    assert sorted(stopped[:2]) == ["api.1", "api.2"]
    assert stopped[2:4] == ["ticker", "drain"]
    assert sorted(stopped[4:]) == ["worker.books", "worker.codes", "worker.flush.0", "worker.tasks"]
    assert "interrupted" not in " ".join(stack.events())
    listed = stack.command("ps", "--json")
    assert (listed.returncode, listed.stdout) == (3, "[]\n")
    assert not (stack.data_dir / "stack.env").exists()


def test_ctrl_c_reaches_the_supervisor_only(stack):
    stack.start()
    os.killpg(stack.process.pid, signal.SIGINT)  # what a terminal does
    assert stack.process.wait(30) == 0
    assert not [event for event in stack.events() if "interrupted" in event]


def test_a_killed_api_is_replaced_while_connections_wait(stack):
    stack.start()
    for pid in (old := stack.pids("api")):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(is_alive(pid) for pid in old))  # a dying process may still take a connection with it
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.port}/", timeout=10) as answer:
        assert answer.status == 200
    wait_for(lambda: len(stack.pids("api")) == 2 and not set(stack.pids("api")) & set(old))
    assert "ended (killed by SIGKILL); starting it again in 0.1 s." in stack.said()


@pytest.mark.parametrize("role", ["box", "scratch", "postgres"])
def test_a_killed_server_comes_back(stack, role):
    stack.start()
    (old,) = stack.pids(role)
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: (now := stack.pids(role)) and now != [old])
    assert stack.stop() == 0


def test_a_killed_supervisor_takes_all_with_it_and_the_next_one_starts_clean(stack):
    stack.start()
    pids = [found["pid"] for found in stack.processes()]
    (box,) = stack.pids("box")
    os.kill(box, signal.SIGSTOP)  # the worst case: it cannot even die in an orderly way
    stack.process.kill()
    stack.process.wait()
    wait_for(lambda: not any(is_alive(pid) for pid in pids if pid != box))
    assert is_alive(box)
    assert stack.command("ps", "--json").returncode == 3
    stack.start()
    assert not is_alive(box)
    assert stack.stop() == 0


def test_what_a_role_has_forked_is_ended_by_the_next_start(stack):
    stack.start()
    assert stack.stop() == 0
    descriptor = lock.take(stack.data_dir / "roles.lock")
    orphan = subprocess.Popen(["sleep", "60"], pass_fds=(descriptor,))
    os.close(descriptor)
    stack.start()
    assert orphan.wait(5) == -signal.SIGTERM
    assert stack.stop() == 0


def test_servers_given_by_the_environment_are_not_embedded(folder, port, valkey_factory):
    own = valkey_factory("box", folder / "own")
    stack = Stack(folder / "data", port, BALLOT_BOX_URL=own.url)
    try:
        stack.start()
        assert stack.pids("box") == []
        assert len(stack.pids("scratch")) == 1
        assert "BALLOT_BOX_URL" not in (stack.data_dir / "stack.env").read_text()
        assert stack.stop() == 0
    finally:
        _end(stack)
    assert valkey.answers(own.socket)


def test_a_box_that_is_set_otherwise_is_named(folder, port, valkey_factory):
    own = valkey_factory("box", folder / "own", extra=("--appendfsync", "everysec"))
    stack = Stack(folder / "data", port, BALLOT_BOX_URL=own.url)
    try:
        stack.start()
        wrong = "The box is not set as votes need it: appendfsync is 'everysec', must be 'always'."
        assert f"{wrong} No vote is taken until it is." in stack.said()
        assert stack.stop() == 0
    finally:
        _end(stack)


def test_a_box_that_cannot_start_keeps_nothing_else_from_starting(stack):
    stack.start()
    assert stack.stop() == 0
    (manifest,) = (stack.data_dir / "box").glob("*/*.manifest")
    sound = manifest.read_bytes()
    manifest.write_text("not a manifest\n")
    with stack.output.open("w") as output:
        stack.process = subprocess.Popen(
            [sys.executable, DUMMIES, "up"], env=stack.environment, stdout=output, stderr=output
        )
    wait_for(lambda: stack.events().count("api.1 start") == 2, 30)
    wait_for(lambda: "box ended (exit status 1): its files are damaged: copy the folder away" in stack.said(), 30)
    assert READY not in stack.said()
    manifest.write_bytes(sound)
    wait_for(lambda: READY in stack.said(), 30)
    assert stack.stop() == 0


def _fails(stack, *texts):
    """`up` ends with exit code 1 and one line on stderr for each of `texts`, that has it."""
    done = stack.command("up")
    assert done.returncode == 1, done
    lines = done.stderr.splitlines()
    assert len(lines) == len(texts), lines
    assert all(text in line and line.startswith("binhchon: ") for text, line in zip(texts, lines, strict=True)), lines
    assert done.stdout == ""


def test_a_second_up_is_refused(stack):
    stack.start()
    _fails(stack, f"already running (pid {stack.process.pid})")
    assert stack.process.poll() is None


def test_a_busy_port_is_named(stack):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stack.environment["PORT"] = str(listener.getsockname()[1])
        _fails(stack, f"cannot listen on 127.0.0.1:{stack.environment['PORT']}: Address already in use (set PORT)")
    assert not (stack.data_dir / "box").exists()


def test_a_file_in_the_place_of_the_data_folder_is_named(stack):
    stack.data_dir.write_text("")
    _fails(stack, f"cannot write to the data folder {stack.data_dir}: File exists")


def test_a_wrong_setting_is_named(stack):
    stack.environment["PORT"] = "eighty"
    _fails(stack, "PORT: ")


NO_ADDRESS = "PUBLIC_ORIGIN must be set in production"
NO_SECRETS = "IDENTITY_KEY and SESSION_KEYS must be set in production"
NO_WAY_IN = "SMTP_URL, SMS_URL or OIDC_PROVIDERS must be set in production"


def test_production_says_all_that_it_lacks_at_once(stack):
    stack.environment["ENVIRONMENT"] = "production"
    _fails(stack, NO_ADDRESS, NO_SECRETS, NO_WAY_IN)
    stack.environment |= PRODUCTION
    _fails(stack, NO_SECRETS, NO_WAY_IN)
    assert not (stack.data_dir / "box").exists()


def test_production_without_a_mail_server_is_one_line(stack):
    stack.environment |= PRODUCTION | {"IDENTITY_KEY": secrets.token_hex(32), "SESSION_KEYS": secrets.token_urlsafe(32)}
    _fails(stack, NO_WAY_IN)
    assert not (stack.data_dir / "box").exists()


def test_production_does_not_start_with_weak_settings(stack):
    weak = {"PUBLIC_ORIGIN": "http://binhchon.example.vn", "IDENTITY_KEY": "a", "SESSION_KEYS": "changeme" * 8}
    stack.environment |= PRODUCTION | weak | {"METRICS_TOKEN": "b" * 64}
    weak_ones = (
        "PUBLIC_ORIGIN must begin with https://",
        "IDENTITY_KEY holds",
        "METRICS_TOKEN looks",
        "SESSION_KEYS looks",
    )
    _fails(stack, *weak_ones, NO_WAY_IN)
    assert not (stack.data_dir / "box").exists()


def test_a_stale_pid_is_no_hindrance(stack):
    stack.data_dir.mkdir()
    (stack.data_dir / "supervisor.lock").write_text(f"{os.getpid()}\n")
    (stack.data_dir / "stack.json").write_text(json.dumps([{"role": "box", "pid": os.getpid()}]))
    assert stack.command("ps", "--json").stdout == "[]\n"
    stack.start()
    assert stack.stop() == 0


@pytest.fixture
def ordinary():
    """What makes a command run as an ordinary user: for root a namespace without root's rights over others' files."""
    if os.getuid() != 0:
        return ()
    if not unprivileged.namespaces_reach(ROOT):
        pytest.skip("root may not use user namespaces here")
    return unprivileged.NAMESPACE


def test_an_unwritable_data_folder_is_named(folder, port, ordinary):
    closed = folder / "closed"
    closed.mkdir(mode=0o500)
    _fails(Stack(closed / "data", port, ordinary), f"cannot write to the data folder {closed}/data: Permission denied")


def test_an_ordinary_user_needs_no_help(folder, port, ordinary):
    stack = Stack(folder / "data", port, ordinary)
    try:
        stack.start()
        assert len(stack.pids("postgres")) == 1
        assert stack.stop() == 0
    finally:
        _end(stack)
