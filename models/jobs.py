"""RQ for those who only enqueue: names, queues and lifetimes of the jobs, and no function of theirs.

Jobs carry nudges, never votes: RQ may lose every one of them and nothing is lost. The closed list is JOBS: what is not
on it is neither enqueued nor run (workers/worker.py). Serialized as JSON: with pickle, whoever can write to scratch
could run code.
"""

from dataclasses import dataclass

from rq import Queue
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
RUN_TASK = Job("workers.jobs.run_task", timeout_s=6 * 3600, ttl_s=60)

JOBS = {job.path: job for job in (FLUSH, RECONCILE, PROVE, REPAIR, SEND_CODES, STORE_CLAIMS, RUN_TASK)}
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
