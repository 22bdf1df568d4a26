"""Corrections as operators make them, without the console: proposed, counted, approved, run."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from models import task as tasks
from models.audit import Actor
from models.ballot_box.connection import BoxAway
from models.correction import Correction, Proposal, approve, find_correction, give_task, propose
from models.correction_criteria import Criteria
from models.database import LedgerAway, transaction
from models.operator import Role
from models.settings import Settings
from models.task import Task
from tests.workers.contests import Stage
from workers import correction_run, correction_sending
from workers.books import compare, prove
from workers.flush import NotReadyError, drain, flush_slice
from workers.tasks import run_task

LAN, AN = Actor("lan", 1), Actor("an", 2)
REASON = "Phiếu do máy gửi."


class Crash(BaseException):
    """A process dies here."""


def died(*_args: Any, **_more: Any) -> Any:
    raise Crash


def where(step: str) -> Any:
    """The module in which a run looks `step` up."""
    return correction_sending if hasattr(correction_sending, step) else correction_run


def forget_the_worker(stage: Stage) -> None:
    """A minute passes without a word of it."""
    with stage.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tasks SET heard_at = heard_at - interval '61 s'")


def flushed(stage: Stage) -> None:
    for shard in range(stage.shards):
        assert drain(stage.engine, stage.client, stage.contest_id, shard, seconds=10)


def proposed(stage: Stage, criteria: Criteria, action: str = "void", undoes: int | None = None) -> int:
    """A correction that has been counted. Returns its id."""
    made = Proposal(action, criteria.stored(), REASON, undoes=undoes)
    with transaction(stage.engine) as connection:
        correction_id = propose(connection, stage.contest_id, made, LAN, Role.MODERATOR)
        task_id = tasks.ask(connection, "correction.count", {"correction": correction_id}, LAN)
        give_task(connection, correction_id, task_id)
    run(stage, task_id)
    return correction_id


def approved(stage: Stage, correction_id: int) -> int:
    """Returns the id of the task that does it."""
    with transaction(stage.engine) as connection:
        found = find_correction(connection, correction_id, lock=True)
        assert found is not None
        assert approve(connection, found, AN, Role.ADMIN)
    return resumed(stage, correction_id)


def resumed(stage: Stage, correction_id: int) -> int:
    """As “Chạy tiếp” does. Returns the id of the task that goes on with it."""
    with transaction(stage.engine) as connection:
        task_id = tasks.ask(connection, "correction.run", {"correction": correction_id}, AN)
        give_task(connection, correction_id, task_id)
    return task_id


def run(stage: Stage, task_id: int, client: Any = None) -> Task:
    """One run of a task, as a worker does it. `client`: of the box, when it is another one than the stage's."""
    nowhere = redis.Redis.from_url("unix:///nonexistent")
    settings = Settings(data_dir=Path("/nonexistent"))
    run_task(stage.engine, client or stage.client, nowhere, settings, task_id)
    return task(stage, task_id)


def task(stage: Stage, task_id: int) -> Task:
    with transaction(stage.engine) as connection:
        found = tasks.find_task(connection, task_id)
    assert found is not None
    return found


def correction(stage: Stage, correction_id: int) -> Correction:
    with transaction(stage.engine) as connection:
        found = find_correction(connection, correction_id)
    assert found is not None
    return found


def corrected(stage: Stage, criteria: Criteria, action: str = "void", undoes: int | None = None) -> Correction:
    """Proposed, approved, done."""
    correction_id = proposed(stage, criteria, action, undoes)
    assert run(stage, approved(stage, correction_id)).state == "done"
    return correction(stage, correction_id)


def of(votes: list[tuple[int, int]], **more: Any) -> Criteria:
    return Criteria(accounts=[account for account, _ in votes], **more)


def counted(stage: Stage) -> set[tuple[int, int]]:
    """Votes that count, by the ledger's rows; box and ledger agree about them."""
    everything_agrees(stage)
    return {(account, entry) for account, entry in stage.rows()}


def everything_agrees(stage: Stage) -> None:
    flushed(stage)
    books = compare(stage.engine, stage.client, stage.contest)
    assert (books.drift, books.pending, books.parked, books.conflicts) == (0, 0, 0, 0)
    assert all(proof.holds for proof in prove(stage.engine, stage.client, stage.contest, wait_s=5))


@contextmanager
def flushing(stage: Stage) -> Iterator[None]:
    """A flush worker for each shard beside the test; a repair meanwhile does not end it."""
    stopping = threading.Event()

    def flush(shard: int) -> None:
        while not stopping.is_set():
            try:
                flush_slice(stage.engine, stage.client, stage.contest_id, shard, seconds=1, stopping=stopping.is_set)
            except (NotReadyError, BoxAway, LedgerAway):
                time.sleep(0.01)

    threads = [threading.Thread(target=flush, args=(shard,)) for shard in range(stage.shards)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
