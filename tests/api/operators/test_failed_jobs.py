"""Jobs that broke, at the console: told, run again, taken away, and who may."""

from collections.abc import Callable
from contextlib import closing

import pytest
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from api.operators.live_alarms import SENTENCES
from models.jobs import BOOKS, RECONCILE, count_failed, enqueue
from models.operator import Role
from models.scratch.connection import ScratchClient, scratch_client
from tests.api.operators.desk import Desk
from tests.workers.contests import Stage


@pytest.fixture
def broken(scratch: str) -> str:
    """The id of a job that broke."""
    with closing(scratch_client(scratch)) as client:
        enqueue(client, BOOKS, RECONCILE, "<b>no number</b>", "too much")
        queue = _queue(client)
        [job] = queue.get_jobs()
        SimpleWorker([queue], connection=client, serializer=JSONSerializer).work(burst=True, logging_level="CRITICAL")
        return job.id


def _queue(client: ScratchClient) -> Queue:
    return Queue(BOOKS, connection=client, serializer=JSONSerializer)


def actions(made: Stage) -> list[tuple[str, str]]:
    return [
        (row[0], row[1])
        for row in made.rows("SELECT action, operator FROM audit WHERE starts_with(subject, 'job:') ORDER BY id")
    ]


def test_everybody_sees_it_and_a_moderator_runs_it_again(
    broken: str, desk: Callable[..., Desk], open_contest: Stage, scratch: str
) -> None:
    seen = desk(Role.VIEWER).get("/operator/jobs").text
    assert "Đối chiếu hòm và sổ" in seen
    assert "TypeError" not in seen, "what a job said may have something of a voter in it"
    assert "Chạy lại</button>" not in seen
    moderator = desk(Role.MODERATOR)
    seen = moderator.get("/operator/jobs").text
    assert "TypeError" in seen
    assert "Chạy lại</button>" in seen
    answer = moderator.post("/operator/jobs/again", {"job": broken})
    assert (answer.status_code, answer.headers["location"]) == (303, "/operator/jobs?done=again")
    with closing(scratch_client(scratch)) as client:
        assert count_failed(client) == 0
        assert [job.func_name for job in _queue(client).get_jobs()] == [RECONCILE.path]
    assert actions(open_contest) == [("job.again", "moderator")]
    assert moderator.post("/operator/jobs/again", {"job": broken}).status_code == 404


def test_only_an_admin_takes_it_away(broken: str, desk: Callable[..., Desk], open_contest: Stage, scratch: str) -> None:
    assert desk(Role.MODERATOR).post("/operator/jobs/delete", {"job": broken}).status_code == 403
    assert desk(Role.ADMIN).post("/operator/jobs/delete", {"job": broken}).status_code == 303
    with closing(scratch_client(scratch)) as client:
        assert count_failed(client) == 0
        assert not _queue(client).count
    assert actions(open_contest) == [("job.delete", "admin")]


@pytest.mark.parametrize("job", ["", "none", "rq:job:x", "../" * 20, "\u0000"])
def test_a_job_that_is_not_there_changes_nothing(
    broken: str, desk: Callable[..., Desk], open_contest: Stage, scratch: str, job: str
) -> None:
    for verb in ("again", "delete"):
        assert desk(Role.ADMIN).post(f"/operator/jobs/{verb}", {"job": job}).status_code == 404
    with closing(scratch_client(scratch)) as client:
        assert count_failed(client) == 1
    assert actions(open_contest) == []


def test_the_help_has_a_place_for_each_alarm(desk: Callable[..., Desk]) -> None:
    page = desk(Role.VIEWER).get("/operator/help").text
    assert all(f'id="{code}"' in page for code in SENTENCES)
