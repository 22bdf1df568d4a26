"""The supervisor with small real children."""

import os
import signal
import sys
import time

import pytest

from scripts import supervisor as module
from scripts.embedded import process
from scripts.supervisor import ChildSpec, Supervisor
from tests.servers import is_alive, wait_for

IGNORES_TERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
)


@pytest.fixture
def said():
    return []


@pytest.fixture
def reported():
    return []


@pytest.fixture
def supervisor(said, reported):
    made = Supervisor(said.append, reported.append)
    with made.signals():
        yield made
        made.haste = True
        made.stop(*{role for role, _ in made.running()})


@pytest.fixture
def child(folder):
    def spec(*command, role="api", **options):
        log = folder / f"{role}.log"
        return ChildSpec(role, role, lambda: process.spawn(command, death_signal=signal.SIGKILL, log=log), **options)

    return spec


def _pid(supervisor, role):
    return dict(supervisor.running()).get(role)


def test_a_killed_child_is_started_again_and_named(supervisor, child, said, reported):
    supervisor.add(child("sleep", "60"))
    first = _pid(supervisor, "api")
    os.kill(first, signal.SIGKILL)
    assert supervisor.wait_for(lambda: _pid(supervisor, "api") not in (None, first), 5)
    assert said == ["api ended (killed by SIGKILL); starting it again in 0.1 s."]
    assert reported[0] == [("api", first)]
    assert reported[-1] == [("api", _pid(supervisor, "api"))]


def test_a_child_that_crashes_again_and_again_is_started_ever_more_slowly(supervisor, child, said, monkeypatch):
    monkeypatch.setattr(module, "FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(module, "LONGEST_DELAY_S", 0.04)
    crashing = child("sh", "-c", "exit 3")
    made = supervisor.add(crashing)
    made.delay = 0.01
    assert supervisor.wait_for(lambda: len(said) == 5, 5)
    assert [line.rsplit(" in ", 1)[1] for line in said] == ["0.0 s.", "0.0 s.", "0.0 s.", "0.0 s.", "0.0 s."]
    assert said[0].startswith("api ended (exit status 3)")
    assert made.delay == 0.04


def test_a_settled_child_begins_anew(supervisor, child):
    made = supervisor.add(child("sleep", "60"))
    made.delay = 5.0
    made.started_at -= module.SETTLED_S + 1
    os.kill(made.process.pid, signal.SIGKILL)
    assert supervisor.wait_for(lambda: made.due is not None, 5)
    assert made.due - time.monotonic() < 0.2


def test_a_clean_exit_is_an_end_too(supervisor, child, said):
    supervisor.add(child("true", role="worker"))
    assert supervisor.wait_for(lambda: said, 5)
    assert said[0] == "worker ended (exit status 0); starting it again in 0.1 s."


def test_work_that_is_done_once_is_not_begun_again(supervisor, child, said):
    made = supervisor.add(child("true", once=True))
    assert supervisor.wait_for(lambda: made.done, 5)
    assert made.ready
    assert made.due is None
    assert said == []


def test_work_that_fails_is_begun_again(supervisor, child, folder):
    flag = folder / "flag"
    made = supervisor.add(child("sh", "-c", f"test -e {flag} || {{ touch {flag}; exit 1; }}", once=True))
    assert supervisor.wait_for(lambda: made.done, 5)
    assert made.failures == 1


def test_a_program_that_cannot_be_started_is_said_at_once(supervisor, child):
    with pytest.raises(process.EmbeddedError, match="/no/such/program"):
        supervisor.add(child("/no/such/program"))


def test_a_program_that_has_gone_is_tried_again(supervisor, folder, said):
    program = folder / "program"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    log = folder / "log"
    made = supervisor.add(
        ChildSpec("api", "api", lambda: process.spawn([str(program)], death_signal=signal.SIGKILL, log=log))
    )
    assert supervisor.wait_for(lambda: made.failures > 0, 5)
    program.unlink()
    assert supervisor.wait_for(lambda: "cannot start" in said[-1], 5)
    assert made.due is not None


def test_a_child_that_does_not_stop_is_killed(supervisor, child, said, folder):
    made = supervisor.add(child(sys.executable, "-c", IGNORES_TERM, stop_s=0.3))
    wait_for((folder / "api.log").read_text)
    pid = made.process.pid
    supervisor.stop("api")
    assert not is_alive(pid)
    assert said == ["api did not stop within 0 s and was killed."]
    assert supervisor.running() == []


def test_haste_kills_what_keeps_no_data_only(supervisor, child, folder):
    box = supervisor.add(child(sys.executable, "-c", IGNORES_TERM, role="box", durable=True, stop_s=0.3))
    api = supervisor.add(child(sys.executable, "-c", IGNORES_TERM, role="api", stop_s=60))
    wait_for(lambda: (folder / "api.log").read_text() and (folder / "box.log").read_text())
    supervisor.haste = True
    started = time.monotonic()
    api_process, box_process = api.process, box.process
    supervisor.stop("api")
    assert api_process.returncode == -signal.SIGKILL
    assert box_process.poll() is None
    supervisor.stop("box")
    assert time.monotonic() - started >= 0.3


def test_others_are_looked_after_while_one_stops(supervisor, child, folder):
    supervisor.add(child(sys.executable, "-c", IGNORES_TERM, stop_s=1.0))
    box = supervisor.add(child("sleep", "60", role="box"))
    wait_for((folder / "api.log").read_text)
    first = box.process.pid
    os.kill(first, signal.SIGKILL)
    supervisor.stop("api")
    assert _pid(supervisor, "box") not in (None, first)


def test_a_signal_ends_waiting_at_once(supervisor):
    os.kill(os.getpid(), signal.SIGTERM)
    assert not supervisor.wait_for(lambda: False, 30)
    assert supervisor.stop_asked
    os.kill(os.getpid(), signal.SIGINT)
    assert not supervisor.haste  # make and the terminal both send the first one


def test_the_second_request_hastens(supervisor, monkeypatch):
    monkeypatch.setattr(module, "HASTE_AFTER_S", -1.0)
    os.kill(os.getpid(), signal.SIGINT)
    assert supervisor.haste


def test_run_returns_the_status_or_none(supervisor, child):
    assert supervisor.run(child("sh", "-c", "exit 3"), 10) == 3
    assert supervisor.run(child("sleep", "60"), 0.05) is None


def test_children_have_sessions_of_their_own(supervisor, child):
    made = supervisor.add(child("sleep", "60"))
    assert os.getsid(made.process.pid) == made.process.pid
