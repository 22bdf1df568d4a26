"""RQ for those who only enqueue: names, queues and lifetimes of the jobs, and no function of theirs.

Jobs carry nudges, never votes: RQ may lose every one of them and nothing is lost. The closed list is JOBS: what is not
on it is neither enqueued nor run (workers/worker.py). Serialized as JSON: with pickle, whoever can write to scratch
could run code.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rq import Queue
from rq.job import Job as QueuedJob
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from models.scratch.connection import ScratchClient, scratch_errors

BOOKS = "books"
"""The queue of all that is neither a flush nor a login code."""
CODES = "codes"
"""The queue of login codes, with a worker of its own: a voter is waiting."""
TASKS = "tasks"
"""The queue of the operators' tasks (models/task.py), which may last for minutes."""


def flush_queue(number: int) -> str:
    """One queue for each flush worker, one worker process at least for each queue."""
    return f"flush.{number}"


@dataclass(frozen=True)
class Job:
    """A job's path, how long it may run and how long it may wait, in seconds."""

    path: str
    timeout_s: int
    ttl_s: int


FLUSH = Job("workers.jobs.flush", timeout_s=120, ttl_s=60)  # it outlives the slices of all others in its queue
RECONCILE = Job("workers.jobs.reconcile", timeout_s=300, ttl_s=50)
PROVE = Job("workers.jobs.prove", timeout_s=4 * 3600, ttl_s=3600)
REPAIR = Job("workers.jobs.repair", timeout_s=4 * 3600, ttl_s=30)
SEND_CODES = Job("workers.jobs.send_codes", timeout_s=120, ttl_s=30)
STORE_CLAIMS = Job("workers.jobs.store_claims", timeout_s=120, ttl_s=30)
SEND_ANSWERS = Job("workers.jobs.send_answers", timeout_s=900, ttl_s=30)
ERASE = Job("workers.jobs.erase", timeout_s=6 * 3600, ttl_s=3600)
RUN_TASK = Job("workers.jobs.run_task", timeout_s=6 * 3600, ttl_s=60)
FIND_SIGNALS = Job("workers.jobs.find_signals", timeout_s=2 * 3600, ttl_s=500)

JOBS = {
    job.path: job
    for job in (FLUSH, RECONCILE, PROVE, REPAIR, SEND_CODES, STORE_CLAIMS, RUN_TASK, FIND_SIGNALS, SEND_ANSWERS, ERASE)
}
FAILURE_TTL_S = 3600  # a job that fails each second for a day would fill scratch


def enqueue(client: ScratchClient, queue: str, job: Job, *args: float | str) -> None:
    """Puts a nudge into a queue, unless that one has nudges waiting already. Errors: ScratchAway."""
    with scratch_errors():
        target = Queue(queue, connection=client, serializer=JSONSerializer)
        if target.count and _waiting(target, job, args):
            return
        target.enqueue_call(
            job.path,
            args=args,
            timeout=job.timeout_s,
            ttl=job.ttl_s,
            result_ttl=0,
            failure_ttl=FAILURE_TTL_S,
        )


def _waiting(queue: Queue, job: Job, args: tuple[int | float | str, ...]) -> bool:
    return any(
        waiting is not None and waiting.func_name == job.path and tuple(waiting.args) == args
        for waiting in queue.get_jobs(0, 20)
    )


@dataclass(frozen=True)
class FailedJob:
    """A job that broke. It stands for FAILURE_TTL_S; `problem`: the last line of what Python said."""

    id: str
    queue: str
    path: str
    args: tuple[Any, ...]
    failed_at: datetime | None
    problem: str


def count_failed(client: ScratchClient) -> int:
    """How many jobs broke in the last hour and were not taken away. Errors: ScratchAway."""
    with scratch_errors():
        return sum(registry.get_job_count() for registry in _failed(client))


def failed_jobs(client: ScratchClient, *, limit: int = 100) -> list[FailedJob]:
    """The jobs of the closed list that broke, newest first. Errors: ScratchAway."""
    with scratch_errors():
        found = [
            job
            for registry in _failed(client)
            for job in QueuedJob.fetch_many(
                registry.get_job_ids(end=limit - 1, desc=True), connection=client, serializer=JSONSerializer
            )
        ]
        jobs = [_failed_job(job) for job in found if job is not None and _is_listed(job)]
    return sorted(jobs, key=lambda job: job.failed_at.timestamp() if job.failed_at else 0.0, reverse=True)[:limit]


def find_failed(client: ScratchClient, job_id: str) -> FailedJob | None:
    """Errors: ScratchAway."""
    return next((job for job in failed_jobs(client) if job.id == job_id), None)


def take_away_failed(client: ScratchClient, job: FailedJob, *, again: bool) -> None:
    """Takes a broken job off the list; `again`: a new nudge of the same kind is put into its queue before, so that one
    who dies between the two has done too much and not too little. Errors: ScratchAway.
    """
    if again:
        enqueue(client, job.queue, JOBS[job.path], *job.args)
    with scratch_errors():
        FailedJobRegistry(job.queue, connection=client, serializer=JSONSerializer).remove(job.id, delete_job=True)


def _failed(client: ScratchClient) -> list[FailedJobRegistry]:
    return [queue.failed_job_registry for queue in Queue.all(connection=client, serializer=JSONSerializer)]


def _is_listed(job: QueuedJob) -> bool:
    """Whether it is one of ours: scratch is not trusted to say so."""
    try:
        return job.func_name in JOBS and job.instance is None and not job.kwargs
    except Exception:  # noqa: BLE001 - whatever is wrong with the payload, it is none of ours
        return False


def _failed_job(job: QueuedJob) -> FailedJob:
    result = job.latest_result()
    said = (result.exc_string or "").strip() if result else ""
    return FailedJob(
        job.id, job.origin, str(job.func_name), tuple(job.args), job.ended_at, said.rpartition("\n")[2][:500]
    )
