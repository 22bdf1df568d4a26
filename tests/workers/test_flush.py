"""The flush on real servers: what it writes, and each row of its crash table."""

from collections.abc import Iterator

import pytest

from models.outcomes import Outcome
from tests.workers.contests import Stage, stage
from workers.books import compare
from workers.flush import flush_batch


@pytest.fixture
def open_contest(box: str, database: str) -> Iterator[Stage]:
    with stage(box, database) as made:
        yield made


def flush(made: Stage, **options: object) -> int:
    with made.engine.connect() as connection:
        return flush_batch(connection, made.client, made.contest_id, 0, **options).events


def test_a_vote_reaches_the_ledger_with_all_that_belongs_to_it(open_contest: Stage) -> None:
    assert open_contest.cast((42, 1)) == [Outcome.COUNTED]
    assert flush(open_contest) == 1
    [row] = open_contest.rows(
        "SELECT account_id, entry_id, shard, proof, receipt, evidence, cast_at IS NOT NULL,"
        " abs(extract(epoch FROM cast_at) * 1000 - log_ms) < 5 FROM votes"
    )
    assert row == (42, 1, 0, 128, open_contest.receipts.number(42, 1), b"evidence", True, True)
    books = compare(open_contest.engine, open_contest.client, open_contest.contest)
    assert (books.drift, books.pending, books.shards[0].ledger_votes) == (0, 0, 1)
