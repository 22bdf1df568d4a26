"""Jobs that broke: listed, tried again, taken away; and nothing else that scratch holds."""

from contextlib import closing

import pytest
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from models.jobs import BOOKS, FLUSH, RECONCILE, count_failed, enqueue, failed_jobs, find_failed, take_away_failed
from models.scratch.connection import ScratchAway, scratch_client


@pytest.fixture
def broken(scratch: str):
    """Runs one job of the queue by a worker that lets it break: there is no contest, and no stack around."""

    def run(client, queue=BOOKS):
        SimpleWorker(
            [Queue(queue, connection=client, serializer=JSONSerializer)], connection=client, serializer=JSONSerializer
        ).work(burst=True, logging_level="CRITICAL")

    return run


def test_a_job_that_broke_is_told_and_tried_again(scratch: str, broken) -> None:
    with closing(scratch_client(scratch)) as client:
        assert count_failed(client) == 0
        assert failed_jobs(client) == []
        enqueue(client, BOOKS, RECONCILE, "no number", "too much")
        broken(client)
        assert count_failed(client) == 1
        [job] = failed_jobs(client)
        assert (job.queue, job.path, job.args) == (BOOKS, RECONCILE.path, ("no number", "too much"))
        assert job.failed_at is not None
        assert "TypeError" in job.problem
        assert "\n" not in job.problem
        take_away_failed(client, job, again=True)
        assert count_failed(client) == 0
        assert find_failed(client, job.id) is None
        [waiting] = Queue(BOOKS, connection=client, serializer=JSONSerializer).get_jobs()
        assert (waiting.func_name, tuple(waiting.args)) == (RECONCILE.path, job.args)
        broken(client)
        [again] = failed_jobs(client)
        take_away_failed(client, again, again=False)
        assert count_failed(client) == 0
        assert not Queue(BOOKS, connection=client, serializer=JSONSerializer).count


def test_what_is_not_on_the_list_is_neither_shown_nor_run_again(scratch: str, broken) -> None:
    with closing(scratch_client(scratch)) as client:
        queue = Queue(BOOKS, connection=client, serializer=JSONSerializer)
        queue.enqueue("os.stat", "/nonexistent", result_ttl=0)
        broken(client)
        assert failed_jobs(client) == []
        assert not queue.count


def test_of_several_queues_the_newest_comes_first(scratch: str, broken) -> None:
    with closing(scratch_client(scratch)) as client:
        for queue, job in ((BOOKS, RECONCILE), ("flush.0", FLUSH)):
            enqueue(client, queue, job, "a", "b", "c", "d")
            broken(client, queue)
        assert [job.queue for job in failed_jobs(client)] == ["flush.0", BOOKS]
        assert [job.queue for job in failed_jobs(client, limit=1)] == ["flush.0"]


def test_scratch_that_is_away_is_said() -> None:
    with closing(scratch_client("unix:///nonexistent/scratch.sock")) as client:
        for ask in (count_failed, failed_jobs):
            with pytest.raises(ScratchAway):
                ask(client)
