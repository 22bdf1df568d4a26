"""The RQ worker on real Valkey: it runs the functions of the closed list, and nothing else that a queue may hold."""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rq import Queue
from rq.job import Callback, Job, JobStatus
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer, PickleSerializer
from rq.webhook import Webhook
from structlog.testing import capture_logs

from models import recovery
from models.jobs import BOOKS, FLUSH, JOBS, RECONCILE, REPAIR, enqueue, flush_queue
from models.outcomes import Outcome
from models.scratch.connection import ScratchClient, scratch_client
from models.settings import settings
from tests.servers import as_role, as_user, wait_for
from tests.workers.contests import KEYS, Stage
from workers import jobs
from workers.stopping import stopping
from workers.worker import ClosedListWorker


@pytest.fixture
def client(scratch: str) -> Iterator[ScratchClient]:
    made = scratch_client(scratch, timeout=None)
    yield made
    made.close()


def work(client: ScratchClient, queue: str = BOOKS) -> None:
    """Works until the queue is empty."""
    worker = ClosedListWorker([queue], connection=client, serializer=JSONSerializer)
    worker.work(burst=True, logging_level="ERROR")


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, box: str, scratch: str, database: str, tmp_path: Path
) -> Iterator[None]:
    for name, value in {
        "DATABASE_URL": as_role(database, "worker"),
        "BALLOT_BOX_URL": as_user(box, "keeper"),
        "SCRATCH_URL": scratch,
        "IDENTITY_KEY": KEYS.identity_key,
        "SESSION_KEYS": KEYS.session_keys[0],
        "DATA_DIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield
    settings.cache_clear()
    stopping.clear()


def test_every_listed_job_exists() -> None:
    for path in JOBS:
        module, _, name = path.rpartition(".")
        assert module == "workers.jobs"
        assert callable(getattr(jobs, name))


def test_a_nudge_is_put_into_its_queue_once(client: ScratchClient) -> None:
    for _ in range(3):
        enqueue(client, flush_queue(0), FLUSH, 1, 0, 20.0)
    enqueue(client, flush_queue(0), FLUSH, 2, 0, 20.0)
    waiting = Queue(flush_queue(0), connection=client, serializer=JSONSerializer).get_jobs()
    assert [job.args for job in waiting] == [[1, 0, 20.0], [2, 0, 20.0]]
    assert all(0 < job.ttl <= FLUSH.ttl_s for job in waiting), "nudges never pile up"


def test_a_nudge_that_waited_too_long_is_gone(client: ScratchClient) -> None:
    enqueue(client, BOOKS, RECONCILE, 1)
    [name] = client.scan_iter(match="rq:job:*")
    assert 0 < client.ttl(name) <= RECONCILE.ttl_s
    client.delete(name)  # what its ttl does
    work(client)
    enqueue(client, BOOKS, RECONCILE, 1)
    assert Queue(BOOKS, connection=client, serializer=JSONSerializer).count == 1


@pytest.mark.usefixtures("environment")
def test_a_flush_goes_through_the_queue_into_the_ledger(open_contest: Stage, client: ScratchClient) -> None:
    votes = open_contest.cast_many(10)
    enqueue(client, flush_queue(0), FLUSH, open_contest.contest_id, 0, 0.2)
    work(client, flush_queue(0))
    assert sorted(open_contest.rows()) == votes


@pytest.mark.usefixtures("environment")
def test_the_worker_that_finds_the_fault_repairs_it(open_contest: Stage, client: ScratchClient) -> None:
    votes = open_contest.cast_many(10)
    enqueue(client, flush_queue(0), FLUSH, open_contest.contest_id, 0, 0.1)
    work(client, flush_queue(0))
    open_contest.client.delete(open_contest.keys().log)
    enqueue(client, flush_queue(0), FLUSH, open_contest.contest_id, 0, 0.1)
    work(client, flush_queue(0))
    votes += open_contest.cast_many(1)
    enqueue(client, flush_queue(0), FLUSH, open_contest.contest_id, 0, 0.1)
    work(client, flush_queue(0))
    assert sorted(open_contest.rows()) == votes


@pytest.mark.usefixtures("environment")
def test_books_and_opening_go_through_the_queue(open_contest: Stage, client: ScratchClient) -> None:
    open_contest.client.flushall()
    enqueue(client, BOOKS, REPAIR, open_contest.contest_id)
    enqueue(client, BOOKS, RECONCILE, open_contest.contest_id)
    work(client)
    assert client.hmget("status", "drift", "pending", "fault") == [b"0", b"0", b""]


@pytest.mark.usefixtures("environment")
def test_a_nudge_that_waited_while_the_contest_was_repaired_repairs_nothing(
    open_contest: Stage, client: ScratchClient
) -> None:
    """The ticker nudges once a second all the time that a repair takes."""
    open_contest.client.flushall()
    enqueue(client, BOOKS, REPAIR, open_contest.contest_id)
    open_contest.repair()
    epoch = open_contest.contest.epoch
    work(client)
    assert open_contest.contest.epoch == epoch
    assert open_contest.cast((5, 1), epoch=epoch) == [Outcome.COUNTED]


def _poisoned(client: ScratchClient, marker: Path, kind: str) -> None:
    """What an intruder who can write to scratch might put into a queue."""
    command = f"touch {marker}"
    queue = Queue(BOOKS, connection=client, serializer=JSONSerializer)
    harmless: dict[str, Any] = {"args": (1,), "result_ttl": 0}
    match kind:
        case "os.system":
            queue.enqueue_call("os.system", args=(command,))
        case "method of an instance":
            job = Job.create("system", args=(command,), connection=client, serializer=JSONSerializer, origin=BOOKS)
            job._instance = "os"
            queue.enqueue_job(job)
        case "success callback":
            job = Job.create(RECONCILE.path, connection=client, serializer=JSONSerializer, origin=BOOKS, args=(1,))
            job._success_callback_name = "os.system"
            queue.enqueue_job(job)
        case "failure callback":
            queue.enqueue_call(RECONCILE.path, **harmless, on_failure=Callback("os.system"))
        case "webhook":
            queue.enqueue_call(
                RECONCILE.path, **harmless, webhooks=[Webhook("http://127.0.0.1:9/", JobStatus.FINISHED)]
            )
        case "keyword arguments":
            queue.enqueue_call(RECONCILE.path, kwargs={"contest_id": 1})
        case "pickle":
            other = Queue(BOOKS, connection=client, serializer=PickleSerializer)
            other.enqueue_call("os.system", args=(command,))
        case "hostile pickle":
            job = queue.enqueue_call(RECONCILE.path, **harmless)
            client.hset(job.key, "data", pickle.dumps(Hostile(command)))
        case "garbage":
            job = queue.enqueue_call(RECONCILE.path, **harmless)
            client.hset(job.key, "data", b"\x00garbage")


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize(
    "kind",
    [
        "os.system",
        "method of an instance",
        "success callback",
        "failure callback",
        "webhook",
        "keyword arguments",
        "pickle",
        "hostile pickle",
        "garbage",
    ],
)
@pytest.mark.usefixtures("environment")
def test_what_is_not_ours_is_refused_and_not_run(
    open_contest: Stage, client: ScratchClient, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = tmp_path / "was-run"
    _poisoned(client, marker, kind)
    assert Queue(BOOKS, connection=client, serializer=JSONSerializer).count == 1
    [job_id] = Queue(BOOKS, connection=client, serializer=JSONSerializer).job_ids
    with capture_logs() as logs:
        work(client)
    assert not marker.exists()
    assert {"event": "a job that is not ours was refused", "log_level": "error", "job": job_id} in logs
    assert not client.exists("status"), "the listed function was not run either"
    assert Queue(BOOKS, connection=client, serializer=JSONSerializer).count == 0
    enqueue(client, BOOKS, RECONCILE, open_contest.contest_id)
    work(client)
    assert client.hget("status", "drift") == b"0", "and the worker goes on with its work"
    with contextlib.suppress(AttributeError):
        capsys.readouterr()


def test_maintenance_runs_no_callbacks_either(client: ScratchClient, tmp_path: Path) -> None:
    """An abandoned job's failure callback is run by RQ's clean-up of its registries, past the worker."""
    marker = tmp_path / "was-run"
    job = Job.create(RECONCILE.path, args=(1,), connection=client, serializer=JSONSerializer, origin=BOOKS)
    job._failure_callback_name = f"{__name__}.leave_a_mark"
    job.meta = {"marker": str(marker)}
    job._status = JobStatus.STARTED
    job.save()
    registry = StartedJobRegistry(BOOKS, connection=client, serializer=JSONSerializer)
    client.zadd(registry.key, {f"{job.id}:execution": 1})
    worker = ClosedListWorker([BOOKS], connection=client, serializer=JSONSerializer)
    worker.run_maintenance_tasks()
    assert not marker.exists()
    assert client.zcard(registry.key) == 0, "the abandoned job was cleaned up"


def leave_a_mark(job: Job, *_args: Any) -> None:
    Path(job.meta["marker"]).touch()


def test_a_repair_beside_another_one_is_no_fault(
    open_contest: Stage, environment: None, client: ScratchClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.repair.LOCK_S", 0.0)
    with open_contest.engine.connect() as other, capture_logs() as logs:
        assert recovery.try_repair_lock(other, open_contest.contest_id)
        jobs.repair(open_contest.contest_id)
    assert [line["log_level"] for line in logs] == ["info"]
    assert client.hget("status", "fault") is None


def test_sigterm_ends_a_slice_early(open_contest: Stage, scratch: str, box: str, database: str, tmp_path: Path) -> None:
    votes = open_contest.cast_many(5)
    with scratch_client(scratch) as client:
        enqueue(client, flush_queue(0), FLUSH, open_contest.contest_id, 0, 60.0)
    environment = os.environ | {
        "DATABASE_URL": as_role(database, "worker"),
        "BALLOT_BOX_URL": as_user(box, "keeper"),
        "SCRATCH_URL": scratch,
        "IDENTITY_KEY": KEYS.identity_key,
        "DATA_DIR": str(tmp_path),
    }
    with subprocess.Popen(
        [Path(sys.executable).with_name("binhchon"), "worker", flush_queue(0)], env=environment, start_new_session=True
    ) as worker:
        wait_for(lambda: sorted(open_contest.rows()) == votes, 20)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(5) == 0
