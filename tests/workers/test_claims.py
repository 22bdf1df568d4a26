"""Storing claims: a test for each row of the crash table, on real scratch and ledger."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from rq import Queue
from rq.serializers import JSONSerializer
from structlog.testing import capture_logs

from models.claim import Claim, pack_claim
from models.database import Engine, LedgerAway, worker_engine
from models.jobs import BOOKS, STORE_CLAIMS
from models.scratch import claims as scratch_claims
from models.scratch.claims import REFUSED, WAITING, Claiming, take, waiting
from models.scratch.connection import ScratchAway, ScratchClient, async_scratch, scratch_client
from models.settings import settings
from tests.workers.contests import KEYS
from tests.workers.test_ticker import NOON, jobs
from workers import claims as storing
from workers.claims import store_claims
from workers.stopping import stopping
from workers.ticker import Ticker
from workers.worker import ClosedListWorker

AWAY = "postgresql+psycopg://nobody@/nowhere?host=/nonexistent"


class KilledError(BaseException):
    """`kill -9` at this very line."""


@pytest.fixture
def engine(database: str) -> Engine:
    return worker_engine(database)


@pytest.fixture
def client(scratch: str) -> Iterator[ScratchClient]:
    with closing(scratch_client(scratch)) as made:
        yield made


def put(url: str, number: int) -> list[Claim]:
    found = [Claim(7, 1_764_000_000_000, "vi", f"mất phiếu {n}", account_id=n) for n in range(number)]

    async def run() -> None:
        async with async_scratch(url) as client:
            for one in found:
                assert (await take(client, one, sender=b"", per_hour=10_000)).outcome is Claiming.RECEIVED

    asyncio.run(run())
    return found


def rows(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT happened FROM claims ORDER BY account_id")]


def run(engine: Engine, client: ScratchClient) -> int:
    return store_claims(engine, client, stopping=lambda: False)


def test_claims_reach_the_ledger_once_and_leave_scratch(engine: Engine, client: ScratchClient, scratch: str) -> None:
    found = put(scratch, 2 * storing.BATCH + 5)
    assert run(engine, client) == len(found)
    assert rows(engine) == [claim.happened for claim in found]
    assert waiting(client) == 0
    assert run(engine, client) == 0


def test_dies_before_the_commit_and_the_next_job_stores_them(
    engine: Engine, client: ScratchClient, scratch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(scratch, 3)
    real = storing._store

    def killed(*args: Any) -> None:
        real(*args)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(storing, "_store", killed)
        with pytest.raises(KilledError):
            run(engine, client)
    assert (rows(engine), waiting(client)) == ([], 3)
    assert run(engine, client) == 3
    assert (len(rows(engine)), waiting(client)) == (3, 0)


def test_dies_after_the_commit_and_each_stands_once(
    engine: Engine, client: ScratchClient, scratch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(scratch, 3)

    def killed(*_args: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(storing, "remove", killed)
        with pytest.raises(KilledError):
            run(engine, client)
    assert (len(rows(engine)), waiting(client)) == (3, 3)
    assert run(engine, client) == 0
    assert (len(rows(engine)), waiting(client)) == (3, 0)


def test_two_jobs_at_once_store_each_claim_once(engine: Engine, scratch: str) -> None:
    found = put(scratch, 3 * storing.BATCH)
    stored, start = [], threading.Barrier(4)

    def job() -> None:
        with closing(scratch_client(scratch)) as own:
            start.wait()
            stored.append(run(engine, own))

    threads = [threading.Thread(target=job) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(stored) == len(found)
    assert rows(engine) == [claim.happened for claim in found]
    with closing(scratch_client(scratch)) as own:
        assert waiting(own) == 0


def test_with_the_ledger_away_the_claims_wait(engine: Engine, client: ScratchClient, scratch: str) -> None:
    put(scratch, 3)
    with pytest.raises(LedgerAway):
        run(worker_engine(AWAY), client)
    assert waiting(client) == 3
    assert run(engine, client) == 3


def test_what_the_ledger_refuses_is_set_aside_and_the_others_are_stored(
    engine: Engine, client: ScratchClient, scratch: str
) -> None:
    good = put(scratch, 2)
    bad = [
        pack_claim(replace(good[0], happened="a\0b")),  # a text that PostgreSQL cannot hold
        pack_claim(replace(good[0], contest_id=2**40, happened="bí mật")),  # a number that the column cannot
        b"no claim at all",
    ]
    for packed in bad:
        client.xadd(WAITING, {"claim": packed})
    with capture_logs() as lines:
        assert run(engine, client) == 2
    assert rows(engine) == ["mất phiếu 0", "mất phiếu 1"]
    assert waiting(client) == 0
    assert {fields[b"claim"] for _, fields in client.xrange(REFUSED)} == set(bad)
    assert [(line["log_level"], line["event"].split(":")[0]) for line in lines] == [("error", "ALARM")] * 3
    assert "bí mật" not in str(lines), "a log keeps nothing of what a voter wrote"


def test_it_ends_when_the_worker_is_asked_to_stop(engine: Engine, client: ScratchClient, scratch: str) -> None:
    put(scratch, 3)
    assert store_claims(engine, client, stopping=lambda: True) == 0
    assert waiting(client) == 3


def test_scratch_that_is_away(engine: Engine) -> None:
    with closing(scratch_client("unix:///nonexistent.sock")) as away, pytest.raises(ScratchAway):
        run(engine, away)


def test_the_ticker_nudges_only_where_claims_wait(
    engine: Engine, client: ScratchClient, scratch: str, box: str
) -> None:
    with closing(scratch_client(box)) as empty_box:
        ticker = Ticker(engine, empty_box, client)
        ticker.tick(0.0, NOON)
        assert jobs(client, BOOKS) == []
        put(scratch, 1)
        ticker.tick(1.0, NOON)
        ticker.tick(2.0, NOON)
    assert jobs(client, BOOKS) == [("store_claims", [])]
    assert client.hget("status", "claims") == b"1"


@pytest.mark.parametrize("away", [False, True])
def test_the_job_goes_through_its_queue(
    database: str, scratch: str, client: ScratchClient, monkeypatch: pytest.MonkeyPatch, away: bool
) -> None:
    put(scratch, 2)
    for name, value in {
        "DATABASE_URL": AWAY if away else database,
        "BALLOT_BOX_URL": "unix:///nonexistent.sock",
        "SCRATCH_URL": scratch,
        "IDENTITY_KEY": KEYS.identity_key,
        "SESSION_KEYS": KEYS.session_keys[0],
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("workers.jobs.stopping.wait", lambda _seconds: None)
    settings.cache_clear()
    try:
        with closing(scratch_client(scratch, timeout=None)) as own:
            Queue(BOOKS, connection=own, serializer=JSONSerializer).enqueue_call(STORE_CLAIMS.path)
            worker = ClosedListWorker([BOOKS], connection=own, serializer=JSONSerializer)
            worker.work(burst=True, logging_level="ERROR")
            assert worker.failed_job_count == 0
    finally:
        settings.cache_clear()
        stopping.clear()
    assert scratch_claims.waiting(client) == (2 if away else 0)
