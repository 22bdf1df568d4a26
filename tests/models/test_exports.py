"""Exports of votes and the audit log: whole, without a trace of who cast them, and without growing."""

import csv
import hashlib
import io
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from models.ballot_box.steer import void
from models.database import Engine, LedgerAway, transaction, worker_engine
from models.export_cells import BOM, RISKY, safe, safe_sql
from models.export_stream import CHUNK, Export
from models.export_votes import digest_votes, votes_query
from models.secrets import KeyRing
from tests.servers import wait_for
from tests.workers.contests import KEYS, Stage
from workers.flush import drain

MANY = 1_000_000


def read_all(engine: Engine, keys: KeyRing, contest_id: int) -> bytes:
    with Export(engine, votes_query(keys, contest_id)) as export:
        return b"".join(iter(export.read, b""))


def rows_of(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(BOM.encode())
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_every_vote_is_there_once_and_no_account_can_be_known_again(open_contest: Stage) -> None:
    votes = open_contest.cast_many(30) + [(account, 2) for account, _ in open_contest.cast_many(5, entry=3)]
    open_contest.cast(*votes[30:])
    voided = votes[3]
    void(open_contest.client, open_contest.keys(), open_contest.contest.epoch, [voided], "=HYPERLINK(0)")
    assert drain(open_contest.engine, open_contest.client, open_contest.contest_id, 0, seconds=20)
    content = read_all(open_contest.engine, KEYS, open_contest.contest_id)
    rows = rows_of(content)
    assert len(rows) == 40
    assert len({row["Tài khoản (ẩn danh)"] for row in rows}) == 35
    for account, _entry in votes:
        assert str(account).encode() not in content
    for receipt, evidence in open_contest.rows("SELECT receipt, evidence FROM votes"):
        assert str(receipt).encode() not in content
        assert bytes(evidence) not in content
    (gone,) = [row for row in rows if row["Trạng thái"] == "bị loại"]
    assert gone["Lý do loại"] == "'=HYPERLINK(0)"
    assert {row["Cách đăng nhập"] for row in rows} == {"minted"}


def test_the_same_ledger_gives_the_same_bytes_and_another_key_other_pseudonyms(open_contest: Stage) -> None:
    open_contest.cast_many(50)
    assert drain(open_contest.engine, open_contest.client, open_contest.contest_id, 0, seconds=20)
    engine, contest_id = open_contest.engine, open_contest.contest_id
    content = read_all(engine, KEYS, contest_id)
    assert read_all(engine, KEYS, contest_id) == content
    assert digest_votes(engine, KEYS, contest_id) == (hashlib.sha256(content).hexdigest(), 50)
    names = {row["Tài khoản (ẩn danh)"] for row in rows_of(content)}
    other = rows_of(read_all(engine, KeyRing("another", ("x",)), contest_id))
    assert not names & {row["Tài khoản (ẩn danh)"] for row in other}


def test_the_key_stands_in_no_statement() -> None:
    statement, values, settings = votes_query(KEYS, 7)
    (key,) = settings.values()
    assert key not in statement
    assert key not in str(values)


@pytest.mark.parametrize("mark", RISKY)
def test_no_cell_is_a_formula(database: str, mark: str) -> None:
    risky = mark + 'cmd|"/c calc"!A1'
    assert safe(risky) == "'" + risky
    with transaction(worker_engine(database)) as connection:
        query = text(f"SELECT {safe_sql('CAST(:value AS text)')}")
        assert connection.scalar(query, {"value": risky}) == "'" + risky
        assert connection.scalar(query, {"value": "a" + risky}) == "a" + risky


def fill(engine: Engine, contest_id: int, votes: int) -> None:
    with transaction(engine) as connection:
        entry = connection.scalar(text("SELECT min(id) FROM entries WHERE contest_id = :id"), {"id": contest_id})
        connection.execute(
            text(
                "INSERT INTO votes (account_id, entry_id, cast_at, log_ms, log_seq, receipt, shard, proof)"
                " SELECT n * 1000003::bigint, :entry, now(), n, 0, n, 0, 1 FROM generate_series(1, :votes) n"
            ),
            {"entry": entry, "votes": votes},
        )


def backends(engine: Engine) -> int:
    """How many sessions are at a COPY."""
    with transaction(engine) as connection:
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            " AND state <> 'idle' AND query LIKE 'COPY (%'"
        )
        return int(connection.scalar(text(query)) or 0)


def test_who_leaves_half_way_leaves_no_query_behind(open_contest: Stage) -> None:
    fill(open_contest.engine, open_contest.contest_id, 200_000)
    with Export(open_contest.engine, votes_query(KEYS, open_contest.contest_id)) as export:
        assert len(export.read()) >= CHUNK
        assert backends(open_contest.engine) == 1
    wait_for(lambda: backends(open_contest.engine) == 0, what="the query has ended")


def test_a_ledger_that_goes_away_is_told(open_contest: Stage) -> None:
    fill(open_contest.engine, open_contest.contest_id, 200_000)
    with Export(open_contest.engine, votes_query(KEYS, open_contest.contest_id)) as export:
        export.read()
        with transaction(open_contest.engine) as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY (%'")
            )
        with pytest.raises(LedgerAway):
            for _chunk in iter(export.read, b""):
                pass


_READER = """
import resource, sys
from models.database import worker_engine
from models.export_votes import digest_votes
from models.secrets import KeyRing
engine, keys = worker_engine(sys.argv[1]), KeyRing("a", ("b",))
digest_votes(engine, keys, 0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
_, rows = digest_votes(engine, keys, int(sys.argv[2]))
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_million_votes_need_no_more_memory_than_a_few(open_contest: Stage, database: str) -> None:
    fill(open_contest.engine, open_contest.contest_id, MANY)
    told = subprocess.run(
        [sys.executable, "-c", _READER, database, str(open_contest.contest_id)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    rows, grown = map(int, told.stdout.split())
    assert rows == MANY
    assert grown < 8 * 1024, f"{grown} KB more"
