"""Ballots beside votes: what only one of them has, at the size of a spike."""

from sqlalchemy import Connection, text

from models.contest_import import import_contest
from models.database import transaction, worker_engine
from models.recovery import add_balloted, begin_balloted, index_balloted, only_in_ballots, only_in_ledger
from tests.workers.contests import contest_file

MANY = 100_000


def begin_contest(connection: Connection) -> tuple[int, int]:
    """(contest, entry), with tables of which autovacuum will know nothing."""
    connection.execute(text("ALTER TABLE votes SET (autovacuum_enabled = false)"))
    contest_id = import_contest(connection, contest_file(), "").contest_id
    return contest_id, int(connection.execute(text("SELECT min(id) FROM entries")).scalar_one())


def test_a_ledger_that_was_never_analysed_is_compared_in_seconds(database: str) -> None:
    """A spike fills the ledger before autovacuum has looked at it once. With a plan made for a few rows every vote
    would be held against every ballot: minutes here, days for a province, and a repair keeps the box shut meanwhile.
    """
    engine = worker_engine(database)
    with transaction(engine) as connection:
        contest_id, entry = begin_contest(connection)
        connection.execute(
            text(
                "INSERT INTO votes (account_id, entry_id, receipt, shard)"
                " SELECT account, :entry, account, 0 FROM generate_series(1, :many) account"
            ),
            {"entry": entry, "many": MANY},
        )
    with engine.begin() as connection:
        begin_balloted(connection)
        add_balloted(connection, ((account, entry) for account in range(2, MANY + 2)))
        index_balloted(connection)
        connection.execute(text("SET LOCAL statement_timeout = '5s'"))
        assert [pair for pairs in only_in_ledger(connection, contest_id, 0) for pair in pairs] == [(1, entry)]
        assert [pair for pairs in only_in_ballots(connection) for pair in pairs] == [(MANY + 1, entry)]
