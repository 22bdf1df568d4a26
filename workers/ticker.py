"""The ticker: what runs when. Each second it nudges the flush and the sending of codes, and where some wait the storing
of claims, their answers and operators' tasks; it brings decisions into the box, and late lines into the audit log. Each
minute it asks for the books, each ten minutes for the signals, each night for the proof and the erasing. It decides
nothing about votes, may die at any moment, and two do no harm.
"""

import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from models.ballot_box.connection import BoxAway, BoxClient, BoxFull, BoxRefused, box_client
from models.claim_answer import are_due
from models.contest import Contest, all_contests
from models.database import Engine, LedgerAway, transaction, worker_engine
from models.decisions import bring
from models.jobs import (
    BOOKS,
    CODES,
    ERASE,
    FIND_SIGNALS,
    FLUSH,
    PROVE,
    RECONCILE,
    REPAIR,
    RUN_TASK,
    SEND_ANSWERS,
    SEND_CODES,
    STORE_CLAIMS,
    TASKS,
    count_failed,
    enqueue,
    flush_queue,
)
from models.late_lines import write_late_lines
from models.scratch.beats import beat_of, write_beat
from models.scratch.claims import waiting
from models.scratch.connection import ScratchAway, ScratchClient, scratch_client
from models.scratch.status import write_status
from models.settings import Settings
from models.task import due
from models.times import VIETNAM
from workers.books import as_status, compare
from workers.flush import INTERVAL_S

log = structlog.get_logger()

EVERY_S = 1.0
SLICE_S = 20.0
FLUSH_S = 5.0  # a slice of a log that has its worker to itself; a contest opened beside it waits for two of them
BOOKS_EVERY_S = 60.0
SIGNALS_EVERY_S = 600.0
LAST_SIGNALS = timedelta(hours=1)  # after the end of voting: what came last is looked at too
QUICK_EVENTS = 20_000  # pending events that a round reads to tell drift
NUDGED_TASKS = 10
PROOF_HOUR = 3  # o'clock in the province
ERASING_HOUR = 4


@dataclass
class Ticker:
    """The ticker's resources, and what it did last."""

    engine: Engine
    box: BoxClient
    scratch: ScratchClient
    slug: str | None = None
    flush_workers: int = 1
    data_dir: Path = Path()
    contests: list[Contest] = field(default_factory=list)
    due_tasks: list[int] = field(default_factory=list)
    nudged_task: int = 0
    booked_at: float = -BOOKS_EVERY_S
    searched_at: float = -SIGNALS_EVERY_S
    proven_on: str = ""
    answers_due: bool = False
    erased_on: str = ""

    def tick(self, now: float, wall: datetime) -> None:
        """One round. `now`: monotonic seconds. What is away is said and left for the next round."""
        self._attempt("scratch", self._beat)
        self._attempt("the ledger", self._read_contests)
        live = [contest for contest in self.contests if contest.state != "final" and not contest.draft]
        self._attempt("scratch", partial(self._nudge, live))
        self._attempt("scratch", partial(enqueue, self.scratch, CODES, SEND_CODES, SLICE_S))
        self._attempt("scratch", self._nudge_claims)
        self._attempt("scratch", self._nudge_tasks)
        self._attempt("scratch", partial(write_late_lines, self.engine, self.scratch))
        for contest in self._steered(live):
            self._attempt("the box", partial(self._steer, contest))
        if now - self.booked_at >= BOOKS_EVERY_S:
            self.booked_at = now
            for contest in live:
                self._attempt("scratch", partial(enqueue, self.scratch, BOOKS, RECONCILE, contest.id))
        self._search(live, now, wall)
        self._prove_at_night(live, wall.astimezone(VIETNAM))
        self._erase_at_night(wall.astimezone(VIETNAM))
        if current := self._current():
            self._attempt("the books", partial(self._write_status, current))

    def _steered(self, live: list[Contest]) -> list[Contest]:
        """The contests that the box must have: what is final goes on to be shown, and its results are published."""
        current = self._current()
        return [*live, current] if current and current.state == "final" else live

    def _beat(self) -> None:
        write_beat(self.scratch, beat_of("ticker", "", self.data_dir))

    def _read_contests(self) -> None:
        with transaction(self.engine) as connection:
            self.contests = all_contests(connection)
            self.due_tasks = due(connection)
            self.answers_due = are_due(connection)

    def _nudge(self, live: list[Contest]) -> None:
        """Nudges the flush of every log. Logs that share a worker take short turns: a vote waits for all the others."""
        queues: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for contest in live:
            for shard in range(contest.shards):
                queues[flush_queue(shard % self.flush_workers)].append((contest.id, shard))
        for queue, logs in queues.items():
            seconds = FLUSH_S if len(logs) == 1 else max(INTERVAL_S, EVERY_S / len(logs))
            for contest_id, shard in logs:
                enqueue(self.scratch, queue, FLUSH, contest_id, shard, seconds)

    def _nudge_claims(self) -> None:
        claims = waiting(self.scratch)
        write_status(self.scratch, {"claims": claims, "failed_jobs": count_failed(self.scratch)})
        if claims:
            enqueue(self.scratch, BOOKS, STORE_CLAIMS)

    def _nudge_tasks(self) -> None:
        after = [task_id for task_id in self.due_tasks if task_id > self.nudged_task]
        turn = [*after, *self.due_tasks][: min(NUDGED_TASKS, len(self.due_tasks))]
        for task_id in turn:  # in rounds: many that wait for another one must not keep the rest from their worker
            enqueue(self.scratch, TASKS, RUN_TASK, task_id)
            self.nudged_task = task_id
        if self.answers_due:
            enqueue(self.scratch, TASKS, SEND_ANSWERS)

    def _steer(self, contest: Contest) -> None:
        if not bring(self.engine, self.box, contest):
            enqueue(self.scratch, BOOKS, REPAIR, contest.id)

    def _search(self, live: list[Contest], now: float, wall: datetime) -> None:
        if now - self.searched_at >= SIGNALS_EVERY_S:
            self.searched_at = now
            for contest in live:
                if contest.opens_at <= wall < contest.closes_at + LAST_SIGNALS:
                    self._attempt("scratch", partial(enqueue, self.scratch, TASKS, FIND_SIGNALS, contest.id))

    def _prove_at_night(self, live: list[Contest], wall: datetime) -> None:
        today = wall.date().isoformat()
        if wall.hour == PROOF_HOUR and self.proven_on != today:
            self.proven_on = today
            for contest in live:
                self._attempt("scratch", partial(enqueue, self.scratch, BOOKS, PROVE, contest.id))

    def _erase_at_night(self, wall: datetime) -> None:
        today = wall.date().isoformat()
        if wall.hour == ERASING_HOUR and self.erased_on != today:
            self.erased_on = today
            self._attempt("scratch", partial(enqueue, self.scratch, TASKS, ERASE))

    def _current(self) -> Contest | None:
        return next(
            (contest for contest in self.contests if self.slug in {None, contest.slug} and not contest.draft), None
        )

    def _write_status(self, contest: Contest) -> None:
        books = compare(self.engine, self.box, contest, most=QUICK_EVENTS)
        found = as_status(books) | {"ticked_at": int(time.time() * 1000)}
        if books.drift is None and books.pending > QUICK_EVENTS:
            del found["drift"]  # what the last books of the minute said stays
        write_status(self.scratch, found)

    @staticmethod
    def _attempt(what: str, step: Callable[[], None]) -> None:
        try:
            step()
        except (LedgerAway, BoxAway, BoxRefused, BoxFull, ScratchAway) as error:
            log.warning("the ticker waits", waiting_for=what, problem=str(error))


def run(settings: Settings) -> None:
    """Ticks until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    engine = worker_engine(settings.database())
    with (
        closing(box_client(settings.box(), timeout=5.0)) as box,
        closing(scratch_client(settings.scratch())) as scratch,
    ):
        ticker = Ticker(engine, box, scratch, settings.contest, settings.flush_workers, settings.data_dir)
        while not stop.is_set():
            began = time.monotonic()
            ticker.tick(began, datetime.now(UTC))
            stop.wait(max(0.0, EVERY_S - (time.monotonic() - began)))
