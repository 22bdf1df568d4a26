"""The ticker: who is nudged when, and what it does when something is away."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from rq import Queue
from rq.serializers import JSONSerializer

from models import task as tasks
from models.audit import Actor
from models.contest import decide_state
from models.database import transaction, worker_engine
from models.jobs import BOOKS, CODES, TASKS, flush_queue
from models.outcomes import Outcome
from models.scratch.connection import ScratchClient, scratch_client
from tests.workers.contests import Stage, stage
from workers import ticker as ticker_module
from workers.ticker import Ticker

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # 12:00 in the province
NIGHT = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)  # 03:30 in the province


@pytest.fixture
def ticker(open_contest: Stage, scratch: str) -> Iterator[Ticker]:
    with closing(scratch_client(scratch)) as client:
        yield Ticker(open_contest.engine, open_contest.client, client)


def jobs(client: ScratchClient, queue: str) -> list[tuple[str, list[object]]]:
    waiting = Queue(queue, connection=client, serializer=JSONSerializer).get_jobs()
    return [(job.func_name.rpartition(".")[2], list(job.args)) for job in waiting]


def test_each_round_nudges_the_flush(ticker: Ticker, open_contest: Stage) -> None:
    ticker.tick(0.0, NOON)
    ticker.tick(1.0, NOON)
    assert jobs(ticker.scratch, flush_queue(0)) == [("flush", [open_contest.contest_id, 0, 5.0])]


def test_login_codes_are_sent_whatever_is_away(ticker: Ticker) -> None:
    ticker.engine = worker_engine("postgresql+psycopg://nobody@/nowhere?host=/nonexistent")
    ticker.tick(0.0, NOON)
    ticker.tick(1.0, NOON)
    assert jobs(ticker.scratch, CODES) == [("send_codes", [20.0])]


def test_logs_that_share_a_worker_take_short_turns_and_none_is_left_out(
    ticker: Ticker, box: str, open_contest: Stage
) -> None:
    with stage(box, str(open_contest.engine.url.render_as_string(hide_password=False)), slug="hai", shards=3) as other:
        ticker.tick(0.0, NOON)
        logs = [(open_contest.contest_id, 0), *((other.contest_id, shard) for shard in range(3))]
        waiting = [args for _, args in jobs(ticker.scratch, flush_queue(0))]
        assert sorted((args[0], args[1]) for args in waiting) == logs
        assert sum(args[2] for args in waiting) <= 1.0
        ticker.scratch.flushall()
        ticker.flush_workers = 2
        ticker.tick(1.0, NOON)
        shared, alone = ([args[1:] for _, args in jobs(ticker.scratch, flush_queue(n))] for n in (0, 1))
        assert (len(shared), alone) == (3, [[1, 5.0]])


def test_tasks_are_nudged_in_rounds(ticker: Ticker, open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some that wait for another one, and are due again and again, do not keep those after them from their worker."""
    monkeypatch.setattr(ticker_module, "NUDGED_TASKS", 2)
    with transaction(open_contest.engine) as connection:
        asked = [tasks.ask(connection, "import", {}, Actor("lan")) for _ in range(5)]
    nudged = []
    for second in range(4):
        ticker.scratch.flushall()
        ticker.tick(float(second), NOON)
        nudged.append([args[0] for name, args in jobs(ticker.scratch, TASKS) if name == "run_task"])
    first, second, third, fourth, fifth = asked
    assert nudged == [[first, second], [third, fourth], [fifth, first], [second, third]]
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql("DELETE FROM tasks WHERE id <> (SELECT max(id) FROM tasks)")
    ticker.scratch.flushall()
    ticker.tick(9.0, NOON)
    assert [args for name, args in jobs(ticker.scratch, TASKS) if name == "run_task"] == [[fifth]]


def test_books_each_minute_and_proof_each_night(ticker: Ticker, open_contest: Stage) -> None:
    number = open_contest.contest_id
    ticker.tick(0.0, NOON)
    assert jobs(ticker.scratch, BOOKS) == [("reconcile", [number])]
    ticker.scratch.flushall()
    ticker.tick(59.0, NOON)
    assert jobs(ticker.scratch, BOOKS) == []
    ticker.tick(60.0, NOON)
    assert jobs(ticker.scratch, BOOKS) == [("reconcile", [number])]
    ticker.scratch.flushall()
    ticker.tick(61.0, NIGHT)
    ticker.tick(62.0, NIGHT)
    assert jobs(ticker.scratch, BOOKS) == [("prove", [number])]


def test_a_box_without_the_contest_is_opened(ticker: Ticker, open_contest: Stage) -> None:
    open_contest.client.flushall()
    ticker.tick(0.0, NOON)
    assert ("repair", [open_contest.contest_id]) in jobs(ticker.scratch, BOOKS)


def test_the_status_is_written_each_round(ticker: Ticker, open_contest: Stage) -> None:
    open_contest.cast_many(3)
    ticker.tick(0.0, NOON)
    assert ticker.scratch.hmget("status", "pending", "drift") == [b"3", b"0"]


def test_with_the_ledger_away_the_rest_goes_on(ticker: Ticker, open_contest: Stage) -> None:
    ticker.tick(0.0, NOON)
    ticker.scratch.flushall()
    ticker.engine = worker_engine("postgresql+psycopg://nobody@/nowhere?host=/nonexistent")
    ticker.tick(1.0, NOON)
    assert jobs(ticker.scratch, flush_queue(0)) != []
    assert open_contest.cast((5, 1)) == [Outcome.COUNTED]


def test_a_contest_that_is_final_is_left_alone(ticker: Ticker, open_contest: Stage) -> None:
    with open_contest.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE contests SET state = 'final'")
    ticker.tick(0.0, NOON)
    assert jobs(ticker.scratch, flush_queue(0)) == []


def test_with_a_long_log_a_round_tells_what_is_pending_and_leaves_drift_to_the_minute(
    ticker: Ticker, open_contest: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticker_module, "QUICK_EVENTS", 5)
    ticker.scratch.hset("status", "drift", "0")
    open_contest.cast_many(20)
    ticker.tick(0.0, NOON)
    assert ticker.scratch.hmget("status", "pending", "drift") == [b"20", b"0"]
    assert float(ticker.scratch.hget("status", "flush_lag_s")) >= 0


def test_what_is_final_is_brought_to_the_box_and_its_log_is_left_alone(ticker: Ticker, open_contest: Stage) -> None:
    for state in ("closed", "final"):
        with transaction(open_contest.engine) as connection:
            decide_state(connection, open_contest.contest_id, state)
    ticker.tick(0.0, NOON)
    assert open_contest.client.hget(open_contest.keys().contest, "state") == b"final"
    assert jobs(ticker.scratch, flush_queue(0)) == []


def test_signals_are_looked_for_each_ten_minutes_while_voting_is_open(ticker: Ticker, open_contest: Stage) -> None:
    def searches(now: float, wall: datetime) -> int:
        ticker.tick(now, wall)
        found = [args for name, args in jobs(ticker.scratch, TASKS) if name == "find_signals"]
        Queue(TASKS, connection=ticker.scratch, serializer=JSONSerializer).empty()
        assert all(args == [open_contest.contest_id] for args in found)
        return len(found)

    contest = open_contest.contest
    assert searches(0.0, contest.opens_at - timedelta(minutes=1)) == 0
    assert searches(700.0, contest.opens_at) == 1
    assert searches(1299.0, contest.opens_at) == 0
    assert searches(1300.0, contest.closes_at + timedelta(minutes=59)) == 1, "what came last is looked at too"
    assert searches(2000.0, contest.closes_at + timedelta(minutes=60)) == 0
