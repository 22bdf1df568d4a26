"""Under a steady load of votes each process is killed with -9 in turn: what was acknowledged is what is counted."""

import json
import os
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from scripts.embedded import postgres
from scripts.embedded.unprivileged import find_place
from tests.journeys.stack import Stack
from tests.journeys.voters import ENTRIES, Journal, Voters
from tests.servers import libpq_url, short_folder, wait_for


@pytest.fixture
def stack() -> Iterator[Stack]:
    made = Stack(short_folder() / "data").start()
    yield made
    made.stop()


@pytest.fixture
def tokens(stack: Stack, tmp_path: Path) -> list[str]:
    stack.run("mint-sessions", "--count", "60000", "--out", str(tmp_path / "tokens"))
    return (tmp_path / "tokens").read_text().split()


def ledger(stack: Stack) -> Any:
    return psycopg.connect(stack.address_of("DATABASE_URL").replace("+psycopg", ""), autocommit=True)


def votes_in_ledger(stack: Stack) -> int:
    try:
        with ledger(stack) as connection:
            return int(connection.execute("SELECT count(*) FROM votes").fetchone()[0])
    except psycopg.OperationalError:
        return -1


def goes_on(stack: Stack, voters: Voters) -> None:
    """New votes are acknowledged, and reach the ledger."""
    before, in_ledger = len(voters.journal.acknowledged), votes_in_ledger(stack)
    wait_for(lambda: len(voters.journal.acknowledged) > before + 100, 30, "voting goes on")
    wait_for(lambda: votes_in_ledger(stack) > max(in_ledger, before), 30, "the flush goes on")


def settled(stack: Stack) -> bool:
    status = stack.status()
    return bool(status["log"]) and status["log"]["pending"] == 0 and status["drift"] == 0


def check(stack: Stack, journal: Journal) -> None:
    """The checker: journal, rows, tallies and box say the same, by queries of its own."""
    assert not journal.broken
    wait_for(lambda: settled(stack), 30, "the log is flushed")
    with ledger(stack) as connection:
        rows = connection.execute("SELECT account_id, entry_id FROM votes").fetchall()
        tallies = dict(connection.execute("SELECT entry_id, sum(votes)::int FROM tallies GROUP BY entry_id").fetchall())
        conflicts = connection.execute("SELECT sum(conflicts)::int FROM cursors").fetchone()[0]
        recovered = connection.execute("SELECT count(*) FROM votes WHERE recovered_at IS NOT NULL").fetchone()[0]
    by_entry = Counter(entry for _number, entry in journal.acknowledged)
    assert len(set(rows)) == len(rows) == len(journal.acknowledged), "acknowledged = ledger rows, none twice"
    assert Counter(entry for _account, entry in rows) == by_entry
    assert {entry: votes for entry, votes in tallies.items() if votes} == by_entry
    box = redis.Redis.from_url(stack.address_of("BALLOT_BOX_URL"))
    assert {int(entry): int(votes) for entry, votes in box.hgetall("{1.0}:tally").items()} == by_entry
    box.close()
    assert (conflicts, recovered) == (0, 0), "nothing had to be recovered"
    assert len(set(journal.acknowledged.values())) == len(rows), "a receipt for each"
    for code in list(journal.acknowledged.values())[:: max(1, len(rows) // 20)]:
        with urllib.request.urlopen(f"{stack.address}/api/receipts/{code}") as answer:
            assert json.load(answer)["status"] == "in_ledger"


def kill_a_worker_in_mid_flush(stack: Stack) -> None:
    """A lock on the votes keeps the flush in its COPY; there it is killed."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%COPY votes%'"
    everybodys = postgres.url(find_place(stack.folder), stack.folder / "secrets", superuser=True)
    with psycopg.connect(libpq_url(everybodys), autocommit=True) as watcher, ledger(stack) as holder:
        with holder.transaction():
            holder.execute("LOCK TABLE votes IN SHARE MODE")
            wait_for(lambda: watcher.execute(waiting).fetchone()[0] == 1, 10, "the flush is in its COPY")
            stack.kill("worker")
        wait_for(lambda: watcher.execute(waiting).fetchone()[0] == 0, 10)


@pytest.mark.timeout(300)
def test_what_was_acknowledged_is_counted_whatever_was_killed(stack: Stack, tokens: list[str]) -> None:
    voters = Voters(stack.port, tokens).start()
    try:
        goes_on(stack, voters)
        for role in ("api", "ticker", "box", "scratch", "postgres", "worker"):
            stack.kill(role)
            goes_on(stack, voters)
        kill_a_worker_in_mid_flush(stack)
        goes_on(stack, voters)
        for role in ("box", "worker", "postgres", "api"):  # and several at once
            stack.kill(role)
        goes_on(stack, voters)
        stack.kill_supervisor()
        stack.start()
        goes_on(stack, voters)
    finally:
        journal = voters.stop()
    check(stack, journal)
    assert len(journal.acknowledged) > 1000
    assert {entry for _number, entry in journal.acknowledged} == set(ENTRIES)


@pytest.mark.timeout(120)
def test_with_postgresql_down_voters_notice_nothing(stack: Stack, tokens: list[str]) -> None:
    voters = Voters(stack.port, tokens).start()
    try:
        goes_on(stack, voters)
        [postmaster] = stack.pids("postgres")
        os.kill(postmaster, signal.SIGSTOP)
        try:
            began, before = time.monotonic(), len(voters.journal.acknowledged)
            refused = voters.journal.statuses.get(503, 0)
            wait_for(lambda: time.monotonic() - began > 6)
            assert len(voters.journal.acknowledged) - before > 500
            assert voters.journal.statuses.get(503, 0) == refused
        finally:
            os.kill(postmaster, signal.SIGCONT)
    finally:
        journal = voters.stop()
    check(stack, journal)


@pytest.mark.timeout(120)
def test_ctrl_c_under_load_flushes_everything(stack: Stack, tokens: list[str]) -> None:
    voters = Voters(stack.port, tokens).start()
    try:
        goes_on(stack, voters)
        assert stack.stop() == 0
        stack.start()
        goes_on(stack, voters)
    finally:
        journal = voters.stop()
    check(stack, journal)
