"""Votes are never deleted, and of one that stands only what a void, a restore or the erasing needs is changed."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from models.account_erasing import erase_account
from models.database import transaction, worker_engine
from models.erasing import What, erase_pages
from models.recovery import insert_recovered, void_recovered
from models.vote import Decision, copy_row, copy_votes, decide_votes, insert_missing, votes

ACCOUNT, ENTRY = 7, 12
AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
CHANGED_LATER = {"voided_at", "void_reason", "decided_ms", "decided_seq"}
"""What a void and a restore change."""


def row(account: int = ACCOUNT) -> bytes:
    return copy_row(account, 1_760_000_000_000, 1_760_000_000_000, 99, ENTRY, 0, 0, 1, b"evidence")


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = worker_engine(database)
    with transaction(made) as connection:
        copy_votes(connection, [row()])
    yield made
    made.dispose()


def stands(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(found) for found in connection.execute(text("SELECT * FROM votes ORDER BY account_id"))]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM votes",
        "DELETE FROM votes WHERE false",
        "TRUNCATE votes",
        "TRUNCATE votes, tallies CASCADE",
        "WITH gone AS (DELETE FROM votes RETURNING *) SELECT count(*) FROM gone",
        "MERGE INTO votes v USING (VALUES (7)) a (id) ON v.account_id = a.id WHEN MATCHED THEN DELETE",
        "MERGE INTO votes v USING (VALUES (7)) a (id) ON v.account_id = a.id WHEN MATCHED THEN UPDATE SET entry_id = 1",
        (
            "INSERT INTO votes (account_id, entry_id, receipt, shard) VALUES (7, 12, 1, 0)"
            " ON CONFLICT (account_id, entry_id) DO UPDATE SET receipt = excluded.receipt"
        ),
        "UPDATE votes SET voided_at = now(), entry_id = 3",
        "UPDATE votes SET evidence = 'another'",
        "UPDATE votes SET evidence = evidence || 'more'",
    ],
)
def test_what_takes_a_vote_away_or_makes_it_another_is_refused(engine: Engine, statement: str) -> None:
    before = stands(engine)
    with (
        pytest.raises(ProgrammingError, match="a vote stays what it was") as refused,
        transaction(engine) as connection,
    ):
        connection.execute(text(statement))
    assert getattr(refused.value.orig, "sqlstate", "") == "42501"
    assert stands(engine) == before


@pytest.mark.parametrize("column", sorted({column.name for column in votes.columns} - CHANGED_LATER - {"evidence"}))
def test_no_other_column_is_ever_changed(engine: Engine, column: str) -> None:
    """Of the model's own columns: one that is added later is guarded too, or this test fails."""
    with pytest.raises(ProgrammingError, match="a vote stays what it was"), transaction(engine) as connection:
        connection.exec_driver_sql(f"UPDATE votes SET {column} = {column}")


def test_what_is_done_to_votes_goes_on(engine: Engine) -> None:
    """COPY, the slower way in, void and restore, the votes and voids that a repair finds, and both ways of erasing."""
    with transaction(engine) as connection:
        copy_votes(connection, [row(8)])
        assert insert_missing(connection, [row(), row(9)]) == {(9, ENTRY)}
        assert insert_recovered(connection, [(10, ENTRY, 0, 5), (ACCOUNT, ENTRY, 0, 5)]) == 1
        assert decide_votes(connection, [Decision(ACCOUNT, ENTRY, (1, 0), AT, "mua phiếu")]) == {ENTRY: -1}
        assert decide_votes(connection, [Decision(ACCOUNT, ENTRY, (2, 0))]) == {ENTRY: 1}
        assert void_recovered(connection, [(8, ENTRY)]) == 1
        assert erase_account(connection, ACCOUNT, AT) == {What.EVIDENCE: 1}
        assert erase_pages(connection, What.EVIDENCE, [ENTRY], 0, 10) == 2
    with engine.connect() as connection:
        left = connection.execute(text("SELECT account_id, voided_at IS NULL, evidence FROM votes ORDER BY account_id"))
        assert [tuple(found) for found in left] == [
            (7, True, None),
            (8, False, None),
            (9, True, None),
            (10, True, None),
        ]


def test_the_way_in_asks_nothing_of_a_row(database: str) -> None:
    """A trigger on INSERT would slow down the flush: COPY writes row by row then, no longer page by page."""
    query = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'votes'::regclass AND NOT tgisinternal AND tgtype & 4 = 4"
    with worker_engine(database).connect() as connection:
        assert connection.scalars(text(query)).all() == []
