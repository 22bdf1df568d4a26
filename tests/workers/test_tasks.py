"""Operators' tasks: row by row of the crash table in workers/tasks.py."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import text

from models import task as tasks
from models.audit import Actor
from models.ballot_box.connection import BoxAway
from models.database import Engine, transaction, worker_engine
from models.settings import Settings
from models.task import Task
from workers.tasks import run_task
from workers.work import TaskFailedError, Work

LAN = Actor("lan", 1)


@pytest.fixture
def engine(database: str) -> Engine:
    return worker_engine(database)


def asked(engine: Engine, **payload: Any) -> int:
    with transaction(engine) as connection:
        return tasks.ask(connection, "count", payload, LAN, contest_id=7)


def found(engine: Engine, task_id: int) -> Task:
    with transaction(engine) as connection:
        task = tasks.find_task(connection, task_id)
    assert task is not None
    return task


def due(engine: Engine) -> list[int]:
    with transaction(engine) as connection:
        return tasks.due(connection)


def forget_the_worker(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE tasks SET heard_at = heard_at - interval '61 s'"))


def run(engine: Engine, task_id: int, function: Callable[[Work], dict[str, Any]]) -> None:
    nowhere = redis.Redis.from_url("unix:///nonexistent")
    settings = Settings(data_dir=Path("/nonexistent"))
    run_task(engine, nowhere, nowhere, settings, task_id, {"count": function})


def test_a_task_is_run_once_and_keeps_its_result(engine: Engine) -> None:
    task_id = asked(engine, upto=3)
    runs = []

    def count(work: Work) -> dict[str, Any]:
        runs.append(work.task.payload)
        work.progress(2, 3)
        assert (found(engine, task_id).done, found(engine, task_id).total) == (2, 3)
        return {"counted": 3}

    run(engine, task_id, count)
    run(engine, task_id, count)
    task = found(engine, task_id)
    assert (task.state, task.result, task.actor, runs) == ("done", {"counted": 3}, LAN, [{"upto": 3}])
    assert due(engine) == []


def test_a_list_of_tasks_needs_no_results(engine: Engine) -> None:
    task_id = asked(engine)
    run(engine, task_id, lambda _work: {"large": True})
    with transaction(engine) as connection:
        kind = found(engine, task_id).kind
        (whole,), (short,) = tasks.tasks_of(connection, kind), tasks.tasks_of(connection, kind, results=False)
    assert (whole.result, short.result) == ({"large": True}, None)
    assert (short.id, short.state) == (whole.id, whole.state)


def test_a_worker_that_died_is_followed_by_another_run(engine: Engine) -> None:
    task_id = asked(engine)
    with transaction(engine) as connection:
        assert tasks.take(connection, task_id)
    assert due(engine) == []
    forget_the_worker(engine)
    assert due(engine) == [task_id]
    run(engine, task_id, lambda _work: {"again": True})
    assert (found(engine, task_id).result, found(engine, task_id).runs) == ({"again": True}, 2)


def test_two_workers_at_once_and_one_runs_it(engine: Engine) -> None:
    task_id = asked(engine)
    runs: list[int] = []
    barrier = threading.Barrier(4)

    def one() -> None:
        barrier.wait()
        run(engine, task_id, lambda work: runs.append(work.task.runs) or {})

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert runs == [1]


def test_a_worker_that_was_stopped_too_long_writes_no_end(engine: Engine) -> None:
    task_id = asked(engine)

    def stopped(work: Work) -> dict[str, Any]:
        forget_the_worker(engine)
        run(engine, task_id, lambda _work: {"by": "the other"})
        work.progress(1)
        raise AssertionError("it went on")

    run(engine, task_id, stopped)
    assert found(engine, task_id).result == {"by": "the other"}


def test_cancelled_while_it_runs_and_before(engine: Engine) -> None:
    running, waiting = asked(engine), asked(engine)

    def cancelled(work: Work) -> dict[str, Any]:
        with transaction(engine) as connection:
            assert tasks.cancel(connection, work.task.id)
        work.progress(1)
        raise AssertionError("it went on")

    run(engine, running, cancelled)
    with transaction(engine) as connection:
        assert tasks.cancel(connection, waiting)
        assert not tasks.cancel(connection, running)
    assert {found(engine, running).state, found(engine, waiting).state} == {"cancelled"}
    assert due(engine) == []


def test_a_store_that_is_away_lets_it_wait(engine: Engine) -> None:
    task_id = asked(engine)

    def away(_work: Work) -> dict[str, Any]:
        raise BoxAway("gone")

    run(engine, task_id, away)
    assert found(engine, task_id).state == "waiting"
    assert due(engine) == [task_id]


def test_a_worker_that_has_to_stop_lets_it_wait(engine: Engine) -> None:
    task_id = asked(engine)

    def stopping(work: Work) -> dict[str, Any]:
        work.stopping = lambda: True
        work.progress(1)
        raise AssertionError("it went on")

    run(engine, task_id, stopping)
    assert found(engine, task_id).state == "waiting"


def test_what_cannot_be_done_says_why(engine: Engine) -> None:
    task_id, unknown = asked(engine), asked(engine)

    def refused(_work: Work) -> dict[str, Any]:
        raise TaskFailedError("Chưa hết giờ bình chọn.")

    def broken(_work: Work) -> dict[str, Any]:
        raise ZeroDivisionError

    run(engine, task_id, refused)
    run(engine, unknown, broken)
    assert (found(engine, task_id).state, found(engine, task_id).problem) == ("failed", "Chưa hết giờ bình chọn.")
    assert (found(engine, unknown).state, found(engine, unknown).problem) == ("failed", "ZeroDivisionError")
