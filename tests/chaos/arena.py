"""One embedded stack of its own, a load of voters on it, faults, and the verdict of the checker."""

import itertools
import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.chaos import checker
from tests.chaos.checker import Allowed, Seen
from tests.chaos.clients import Voters
from tests.chaos.history import OK, REFUSED, UNKNOWN, History, mark, read
from tests.journeys.stack import Stack
from tests.servers import is_alive, short_folder, wait_for

TOKENS = 60_000
SETTLED_S = 90.0
GOES_ON = 400
"""Votes that must be acknowledged for "voting goes on"."""
_LOOKED_UP = 200


@dataclass(frozen=True)
class Process:
    """`name`: the role, for workers with their queue: `worker.flush.0`."""

    name: str
    pid: int


class Template:
    """A data folder in which everything is set up once, and tokens that are good in each copy of it."""

    def __init__(self) -> None:
        self.folder = short_folder()
        self.data, tokens = self.folder / "data", self.folder / "tokens"
        stack = Stack(self.data).start()
        try:
            stack.run("mint-sessions", "--count", str(TOKENS), "--out", str(tokens))
        finally:
            stack.stop()
        self.tokens = tokens.read_text().split()

    def copy_to(self, data: Path) -> None:
        """Secrets come along, logs do not."""
        if (self.data / "postgres").is_symlink():  # where it had to be set up elsewhere, each stack sets up its own
            data.mkdir(mode=0o700)
            shutil.copytree(self.data / "secrets", data / "secrets")
            return
        shutil.copytree(self.data, data, symlinks=True, ignore=shutil.ignore_patterns("logs", "*.lock"))

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class Arena:
    """`seed` decides whatever chance decides; `result` is what the report shows."""

    def __init__(self, template: Template, seed: str, *, soak: bool = False) -> None:
        self.template, self.seed, self.soak = template, seed, soak
        self.chance = random.Random(seed)
        self.folder = short_folder()
        self.data = self.folder / "data"
        self.journal = self.folder / "journal"
        self.journal.mkdir()
        self.tokens = iter(template.tokens)
        self.stopped: Counter[str] = Counter()
        self.window: tuple[float, float] | None = None
        self.notes: dict[str, Any] = {}
        self.result: dict[str, Any] = {}
        self._loads = itertools.count()
        self.undo = ExitStack()
        """What is undone when the stack has stopped."""
        self._stack: Stack | None = None
        self.voters: Voters | None = None
        template.copy_to(self.data)

    @property
    def stack(self) -> Stack:
        assert self._stack is not None, "the stack has not been started"
        return self._stack

    def start(self, **environment: str) -> "Arena":
        self._stack = Stack(self.data, **environment).start()
        return self

    def close(self) -> None:
        with ExitStack() as last:
            last.callback(shutil.rmtree, self.folder, ignore_errors=True)
            last.enter_context(self.undo)
            if self._stack is not None and self._stack.process is not None:
                last.callback(self._stack.process.wait, 60)
                for how in (signal.SIGINT, signal.SIGCONT):
                    last.callback(self._stack.process.send_signal, how)
            if self.voters is not None:
                self.voters.stop()

    # The load.

    @contextmanager
    def load(self, port: int | None = None, *, accepted: bool = True, **options: Any) -> Iterator[Voters]:
        """Voters who come until the end of the block; at its beginning voting goes on (`accepted`)."""
        seed = f"{self.seed}:{next(self._loads)}"
        before, voters = self.voters, Voters(self.journal, port or self.stack.port, self.tokens, seed, **options)
        self.voters = voters.start()
        try:
            if accepted:
                self.goes_on()
            yield voters
        finally:
            self.voters = before
            voters.stop()

    def goes_on(self, votes: int = GOES_ON, seconds: float = 60.0) -> None:
        """Waits until so many more votes are acknowledged."""
        voters = self.voters
        assert voters is not None
        wanted = voters.counts[OK] + votes
        wait_for(
            lambda: voters.counts[OK] >= wanted or voters.problem is not None,
            seconds,
            f"voting goes on: {voters.counts}",
        )

    def some_moment(self) -> None:
        """Waits for a random moment of the load."""
        self.goes_on(self.chance.randrange(1, 1000))

    def lasts(self, seconds: float) -> None:
        """The fault stands for so long."""
        until = time.monotonic() + seconds
        wait_for(lambda: time.monotonic() > until, seconds + 5)

    def mark_fault(self, what: str) -> float:
        """Returns when that was (seconds since 1970)."""
        mark(self.journal, "fault", what)
        return time.time()

    def mark_heal(self, what: str = "") -> float:
        mark(self.journal, "heal", what)
        return time.time()

    # Processes.

    def processes(self) -> list[Process]:
        """Those that the supervisor has started, itself included."""
        listed = json.loads((self.data / "stack.json").read_text())
        found = []
        for one in listed:
            with suppress(OSError):
                words = Path(f"/proc/{one['pid']}/cmdline").read_bytes().split(b"\0")
                if len(words) < 2:  # it has ended, and nobody has looked yet
                    continue
                queue = f".{words[-2].decode()}" if one["role"] == "worker" else ""
                found.append(Process(one["role"] + queue, one["pid"]))
        return found

    def pids(self, name: str) -> list[int]:
        """Of all processes of a role (`worker`) or of one of them (`worker.flush.0`)."""
        return [one.pid for one in self.processes() if one.name == name or one.name.startswith(f"{name}.")]

    def signal(self, name: str, how: signal.Signals = signal.SIGKILL, *, least: int = 1) -> list[int]:
        """Signals all processes of `name`. What ends by it is put down as ended by the fault."""
        wait_for(lambda: len(self.pids(name)) >= least, 30, f"{name} runs")
        reached = []
        for one in self.processes():
            if one.name == name or one.name.startswith(f"{name}."):
                with suppress(ProcessLookupError):
                    if how not in {signal.SIGSTOP, signal.SIGCONT}:
                        self.stopped[one.name] += 1
                    os.kill(one.pid, how)
                    reached.append(one.pid)
        return reached

    def kill(self, name: str) -> None:
        """`kill -9`, and waits for the end."""
        for pid in self.signal(name):
            wait_for(lambda pid=pid: not is_alive(pid), 10, f"{name} is dead")

    def kill_supervisor(self) -> None:
        """Everything dies with it."""
        self.stack.kill_supervisor()

    @contextmanager
    def unattended(self) -> Iterator[None]:
        """The supervisor stands still: what ends stays down."""
        assert self.stack.process is not None
        os.kill(self.stack.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.stack.process.pid, signal.SIGCONT)

    @property
    def box_url(self) -> str:
        return self.stack.address_of("BALLOT_BOX_URL")

    @property
    def ledger_url(self) -> str:
        return self.stack.address_of("DATABASE_URL")

    # The verdict.

    def settle(self, seconds: float = SETTLED_S) -> float:
        """Waits until the whole log is in the ledger. Returns how long that took, in seconds."""
        began = time.monotonic()
        wait_for(lambda: checker.pending(self.ledger_url, self.box_url) == 0, seconds, "the log is in the ledger")
        return time.monotonic() - began

    def verify(self, allowed: Allowed | None = None) -> History:
        """Settles, checks, keeps the result. Errors: AssertionError with every finding."""
        allowed = allowed or Allowed()
        settled_s = self.settle()
        history = read(self.journal)
        ledger, box = checker.read_ledger(self.ledger_url), checker.read_box(self.box_url)
        there = {row.pair for row in ledger.rows}
        codes = [code for pair, code in history.ok().items() if pair in there]
        chosen = self.chance.sample(codes, min(_LOOKED_UP, len(codes)))
        seen = Seen(
            ended=checker.ended((self.data / "logs" / "supervisor.log").read_text()),
            stopped=self.stopped,
            receipts=checker.look_up(self.stack.port, chosen),
            alarms=self.alarms(),
            window=self.window,
        )
        findings = checker.check(history, ledger, box, seen, allowed)
        if denied := self.stack.refused():  # by box or ledger, to a process of ours: each may do what it does
            self.notes["denied"] = denied
        outcomes = history.outcomes()
        recovery_s = history.recovery_s()
        self.result = {
            "acknowledged": len(history.ok()),
            "unknown": outcomes[UNKNOWN],
            "refused": outcomes[REFUSED],
            "in_ledger": len(ledger.rows),
            "lost": len(checker.lost(history, ledger)),
            "doubled": len(checker.doubled(ledger)),
            "bounded": allowed.lost_since is not None,
            "let_in": sum(finding.promise == "in_time" for finding in findings),
            "pause_s": round(history.pause_s(), 2),
            "recovery_s": None if recovery_s is None else round(recovery_s, 2),
            "settled_s": round(settled_s, 2),
            "findings": [asdict(finding) for finding in findings],
            **self.notes,
        }
        assert not findings, "\n".join(f"{finding.promise}: {finding.text}" for finding in findings)
        return history

    def alarms(self) -> list[str]:
        """Lines of the logs that raise an alarm."""
        logs = sorted((self.data / "logs").glob("*.log"))
        return [text for log in logs for text in log.read_text(errors="replace").splitlines() if "ALARM" in text]


Make = Callable[..., Arena]
