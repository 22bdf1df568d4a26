"""An RQ worker that runs the functions of a closed list and nothing else.

It works in its own process without forking: a slice lasts seconds, a crash costs nothing (see the crash table of the
flush), and `kill -9` leaves no work horse behind that would go on unseen. One queue a process: with several RQ pops a
job before it knows it, and the job is gone when the worker dies.
"""

import gc
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from types import FrameType
from typing import Any

import structlog
from rq import SimpleWorker
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

from models.jobs import JOBS
from models.scratch.beats import EVERY_S, beat_of, write_beat
from models.scratch.connection import ScratchAway, scratch_client, scratch_errors
from models.settings import Settings
from workers.stopping import stopping

log = structlog.get_logger()

_GC_THRESHOLD = (200_000, 50, 100)
"""A batch of the log is some ten thousands of tuples, all gone after it without the garbage collector, which looked
through them again and again: half of the worker's time.
"""


class ListedJob(Job):
    """A job that can call nothing but a function of the list, whatever its payload says: RQ's maintenance runs failure
    callbacks of abandoned jobs too, past the worker.
    """

    @property
    def func(self) -> Callable[..., Any] | None:
        if self.func_name not in JOBS or self.instance is not None:
            raise PermissionError(f"{self.func_name} is not on the list of jobs")
        return super().func  # type: ignore[no-any-return]  # RQ has no types here

    @property
    def success_callback(self) -> None:
        return None

    @property
    def failure_callback(self) -> None:
        return None

    @property
    def stopped_callback(self) -> None:
        return None

    def send_webhooks(self, *_args: Any, **_options: Any) -> None:
        return None


class ClosedListWorker(SimpleWorker):
    """Refuses what is not on the list; when asked to stop, tells the job that runs."""

    job_class = ListedJob

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        if not is_ours(job):
            log.error("a job that is not ours was refused", job=job.id)
            self.cleanup_execution(job, pipeline := self.connection.pipeline(), execution)
            pipeline.execute()
            job.delete(remove_from_queue=True)
            return False
        return super().perform_job(job, queue, execution)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ has no types here


def is_ours(job: Job) -> bool:
    """Whether the job's function is on the list, and the job carries nothing else that would be run or called."""
    try:
        listed = job.func_name in JOBS and job.instance is None and not job.kwargs
    except Exception:  # noqa: BLE001 - whatever is wrong with the payload, it is not ours
        return False
    carried = (job._success_callback_name, job._failure_callback_name, job._stopped_callback_name)  # noqa: SLF001
    return listed and not any(carried) and not getattr(job, "webhooks", None)


def work(settings: Settings, queue: str) -> int:
    """Works on one queue until SIGTERM or SIGINT. Returns the exit code; a supervisor restarts it whatever that is."""
    connection: Any = scratch_client(settings.scratch(), timeout=None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    gc.freeze()  # what is there now stays: not looked through again
    gc.set_threshold(*_GC_THRESHOLD)
    try:
        with scratch_errors(), _beating(settings, queue):
            worker = ClosedListWorker(
                [queue], connection=connection, serializer=JSONSerializer, log_job_description=False
            )
            worker.work(logging_level="WARNING")
    except ScratchAway as error:
        log.warning("the worker ends: scratch does not answer", queue=queue, problem=str(error))
        return 1
    return 0


@contextmanager
def _beating(settings: Settings, queue: str) -> Iterator[None]:
    """Says each second that this process is there, whatever its job does. Scratch away: others tell it."""
    ended = threading.Event()

    def beat() -> None:
        with closing(scratch_client(settings.scratch())) as client:
            while not ended.is_set():
                with suppress(ScratchAway):
                    write_beat(client, beat_of("worker", queue, settings.data_dir))
                ended.wait(EVERY_S)

    thread = threading.Thread(target=beat, name="beats", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(EVERY_S)
