"""A small supervisor: starts processes, starts them again when they end, and stops them in order.

It has one thread, because a child gets its death signal when the *thread* that started it ends. Nothing here ends the
supervisor but its caller: a child that crashes again and again is started again and again, ever more slowly.
"""

import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from types import FrameType

from scripts import causes
from scripts.embedded.process import EmbeddedError, exit_text

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 10.0
SETTLED_S = 30.0
"""A child that has run this long has recovered: its next restart is a first one again."""
HASTE_AFTER_S = 0.5
"""A second request to stop counts from here on: `make` and the terminal may both send the first."""
_TURN_S = 0.05


@dataclass(frozen=True)
class ChildSpec:
    """What to run. `start` spawns it (see `scripts.embedded.process.spawn`); `ready` looks at its process id."""

    role: str
    name: str
    start: Callable[[], Popen[bytes]]
    ready: Callable[[int], bool] = lambda _pid: True
    stop_signal: signal.Signals = signal.SIGTERM
    stop_s: float = 10.0
    """How long it may take to stop before it is killed."""
    durable: bool = False
    """It keeps data: not killed in haste, only after `stop_s`."""
    once: bool = False
    """It has one piece of work: exit status 0 is its good end, after any other it is started again."""


@dataclass
class Child:
    """A spec and what has become of it. Times are of `time.monotonic`."""

    spec: ChildSpec
    process: Popen[bytes] | None = None
    started_at: float = 0.0
    delay: float = FIRST_DELAY_S
    due: float | None = None
    """When to start it again; None while it runs, is done or is not wanted."""
    failures: int = 0
    done: bool = False
    log_at: int = 0
    """Where its own words begin in its log, in bytes."""

    @property
    def ready(self) -> bool:
        if self.spec.once:
            return self.done
        return self.process is not None and self.process.poll() is None and self.spec.ready(self.process.pid)


class Supervisor:
    """Children and the signals that concern them.

    `say` takes one sentence for people, `changed` the running children, as (role, pid), after each start and end.
    `logs`: the folder of their logs, `<name>.log`, which tell why one ended.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        changed: Callable[[list[tuple[str, int]]], None],
        logs: Path | None = None,
    ) -> None:
        self._say, self._changed, self._logs = say, changed, logs
        self._killed_for_memory = causes.ended_by_kernel()
        self._children: list[Child] = []
        self._wake, self._waker = socket.socketpair()
        self._asked_at: float | None = None
        self.stop_asked = False
        self.haste = False

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Take SIGINT, SIGTERM and SIGHUP as requests to stop, and notice at once when a child ends."""
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        stops = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        handlers = {number: signal.signal(number, self._on_stop) for number in stops}
        handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        waker = signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(waker)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            self._wake.close()
            self._waker.close()

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
        self.haste = self.haste or now - self._asked_at > HASTE_AFTER_S
        self.stop_asked = True

    def add(self, spec: ChildSpec) -> Child:
        """Start a child and keep it running. Errors: EmbeddedError when it cannot be started this first time."""
        log_at = self._log_size(spec)
        child = Child(spec, spec.start(), started_at=time.monotonic(), log_at=log_at)
        self._children.append(child)
        self._report()
        return child

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Supervise until `condition()`; False when `seconds` have passed, or at once when a stop is asked for."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self.stop_asked or time.monotonic() > deadline:
                return False
            self.turn()
        return True

    def run_until_stop(self) -> None:
        while not self.stop_asked:
            self.turn(seconds=1.0)

    def turn(self, seconds: float = _TURN_S) -> None:
        """Wait for a signal or the end of a child, at most `seconds`; then start again what is due."""
        dues = [child.due for child in self._children if child.due is not None]
        until = min([seconds, *(max(0.0, due - time.monotonic()) for due in dues)])
        if select.select([self._wake], [], [], until)[0]:
            self._wake.recv(4096)
        for child in self._children:
            self._look_after(child)

    def _look_after(self, child: Child) -> None:
        status = child.process.poll() if child.process else None
        if status is not None:
            child.process = None
            self._report()
            if child.spec.once and status == 0:
                child.done = True
            else:
                self._schedule(child, f"{child.spec.name} ended ({exit_text(status)}){self._why(child, status)}")
        elif child.due is not None and time.monotonic() >= child.due:
            self._start(child)

    def _start(self, child: Child) -> None:
        child.due = None
        child.started_at = time.monotonic()
        child.log_at = self._log_size(child.spec)
        try:
            child.process = child.spec.start()
        except EmbeddedError as error:
            self._schedule(child, str(error))
        else:
            self._report()

    def _log_size(self, spec: ChildSpec) -> int:
        return causes.size_of(self._logs / f"{spec.name}.log") if self._logs else 0

    def _why(self, child: Child, status: int) -> str:
        """What is known of why it ended: `: the disk is full …`, or nothing."""
        if self._logs is None:
            return ""
        before, self._killed_for_memory = self._killed_for_memory, causes.ended_by_kernel()
        log = self._logs / f"{child.spec.name}.log"
        why = causes.cause(log, child.log_at, status, ended_for_memory=self._killed_for_memory > before)
        return f": {why}" if why else ""

    def _schedule(self, child: Child, what: str) -> None:
        now = time.monotonic()
        if now - child.started_at > SETTLED_S:
            child.delay = FIRST_DELAY_S
        child.failures += 1
        child.due = now + child.delay
        self._say(f"{what}; starting it again in {child.delay:.1f} s.")
        child.delay = min(child.delay * 2, LONGEST_DELAY_S)

    def has(self, role: str) -> bool:
        """Whether children of `role` are looked after, running or not."""
        return any(child.spec.role == role for child in self._children)

    def stop(self, *roles: str) -> None:
        """Stop the children of `roles`, all at once; the others are looked after meanwhile."""
        leaving = [child for child in self._children if child.spec.role in roles]
        self._children = [child for child in self._children if child.spec.role not in roles]
        asked = time.monotonic()
        for child in leaving:
            if child.process and child.process.poll() is None:
                child.process.send_signal(child.spec.stop_signal)
        while leaving := [child for child in leaving if child.process and child.process.poll() is None]:
            for child in leaving:
                self._kill_if_late(child, time.monotonic() - asked)
            self.turn()
        self._report()

    def _kill_if_late(self, child: Child, waited: float) -> None:
        late = waited > child.spec.stop_s
        if child.process and (late or (self.haste and not child.spec.durable)):
            if late:
                self._say(f"{child.spec.name} did not stop within {child.spec.stop_s:.0f} s and was killed.")
            child.process.kill()
            child.process.wait()

    def run(self, spec: ChildSpec, seconds: float) -> int | None:
        """Run a child to its end, once, looking after the others.

        Returns its return code, or None when it was killed because `seconds` had passed or haste was asked for.
        Errors: EmbeddedError when it cannot be started.
        """
        process = spec.start()
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline and not self.haste:
            self.turn()
        if process.poll() is None:
            process.kill()
            process.wait()
            return None
        return process.returncode

    def running(self) -> list[tuple[str, int]]:
        """Role and process id of every child that runs."""
        return [
            (child.spec.role, child.process.pid)
            for child in self._children
            if child.process and child.process.returncode is None
        ]

    def _report(self) -> None:
        self._changed(self.running())
