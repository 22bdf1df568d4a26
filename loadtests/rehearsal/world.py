"""What the users of one Locust process share: plan, board, journal, tokens, the clock of the rehearsal."""

import os
import secrets
import time
from pathlib import Path

import gevent
from gevent.event import Event

from loadtests.rehearsal import plan as plans
from loadtests.rehearsal.board import Board
from loadtests.rehearsal.journal import Journal
from loadtests.rehearsal.turnout import ARRIVING

CHANCE = secrets.SystemRandom()
RESIDENTS_COME_S = 3.0
_LOOK_S = 0.1


class World:
    """Made once in each process. `journal` is there in workers only: the master sends nothing."""

    def __init__(self, path: Path, worker: str | None) -> None:
        self.plan = plans.read(path)
        folder = Path(self.plan.folder)
        self.board = Board(folder / plans.BOARD)
        self.journal = Journal(folder, worker) if worker else None
        tokens = Path(self.plan.tokens).read_bytes()
        self._tokens, self._width = tokens, tokens.find(b"\n") + 1
        self._when = self.plan.shape.moments()
        self._starts_at = 0.0
        self.started = Event()

    def begin(self) -> None:
        """Waits for the start and writes down what is counted, until the process ends."""
        gevent.spawn(self._run)

    def _run(self) -> None:
        while not (starts_at_ms := self.board.get("starts_at_ms")):
            gevent.sleep(_LOOK_S)
        self._starts_at = starts_at_ms / 1000
        gevent.sleep(max(0.0, self._starts_at - time.time()))
        self.started.set()
        while self.journal:
            gevent.sleep(0.5)
            self.journal.publish(before=self.second())

    def now(self) -> float:
        """Seconds since the start."""
        return time.time() - self._starts_at

    def second(self) -> int:
        return int(self.now())

    def count(self, name: str) -> None:
        if self.journal:
            self.journal.count(self.second(), name)

    def due(self, kind: str, number: int) -> float:
        """The second at which the `number`th of a kind comes."""
        share = (number + 0.5) / self.plan.people[kind]
        return self._when(share) if kind in ARRIVING else share * RESIDENTS_COME_S

    def over(self) -> bool:
        """Nobody begins anything new."""
        return self.now() >= self.plan.shape.seconds or bool(self.board.get("stop"))

    def token(self, kind: str, number: int) -> tuple[str, str]:
        """Account (the line of its token) and token of the `number`th of a kind."""
        line = self.plan.first_token[kind] + number
        return str(line), self._tokens[line * self._width : (line + 1) * self._width - 1].decode("ascii")

    def choose(self, number: int) -> list[plans.Entry]:
        """So many entries, none twice."""
        return CHANCE.sample(self.plan.entries, min(number, len(self.plan.entries)))


WORLD = World(Path(os.environ[plans.PLAN_ENV]), os.environ.get(plans.WORKER_ENV))
