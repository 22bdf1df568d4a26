"""The migrations: from nothing, twice, at once, back again, and that they make what the models say."""

import threading
from typing import Any

import pytest
from alembic import command
from sqlalchemy import inspect, text

from models.database import LedgerAway, worker_engine
from models.migrate import config, migrate


def tables(url: str) -> set[str]:
    engine = worker_engine(url)
    with engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def alembic(url: str, run: Any, *args: str) -> None:
    with worker_engine(url).begin() as connection:
        run(config(connection), *args)


def test_from_nothing_and_again(empty_database: str) -> None:
    assert tables(empty_database) == set()
    migrate(empty_database)
    made = tables(empty_database)
    assert {"contests", "entries", "votes", "tallies", "cursors", "epochs", "parked_events", "alembic_version"} <= made
    with worker_engine(empty_database).begin() as connection:
        connection.execute(text("INSERT INTO votes (account_id, entry_id, receipt, shard) VALUES (1, 1, 1, 0)"))
    migrate(empty_database)
    assert tables(empty_database) == made
    with worker_engine(empty_database).connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM votes")) == 1


def test_two_processes_that_migrate_at_once_take_turns(empty_database: str) -> None:
    ready, failed = threading.Barrier(3), []

    def one() -> None:
        ready.wait()
        try:
            migrate(empty_database)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert "votes" in tables(empty_database)


def test_the_migrations_make_what_the_models_say(database: str) -> None:
    alembic(database, command.check)  # raises where a migration is missing


def test_a_table_that_differs_is_seen(database: str) -> None:
    """The check above can fail."""
    with worker_engine(database).begin() as connection:
        connection.execute(text("ALTER TABLE votes ALTER COLUMN shard SET DEFAULT 1, DROP COLUMN void_reason"))
    with pytest.raises(Exception, match="New upgrade operations detected") as found:
        alembic(database, command.check)
    assert "void_reason" in str(found.value)


def test_down_and_up_again(database: str) -> None:
    before = tables(database)
    alembic(database, command.downgrade, "base")
    assert tables(database) == {"alembic_version"}
    migrate(database)
    assert tables(database) == before
    alembic(database, command.check)


def test_a_vote_meets_no_constraint_but_the_second_belt(database: str) -> None:
    """An acknowledged vote must be able to get into the ledger: no foreign keys, no checks, one unique key."""
    with worker_engine(database).connect() as connection:
        votes = inspect(connection)
        assert votes.get_pk_constraint("votes")["constrained_columns"] == ["account_id", "entry_id"]
        assert votes.get_foreign_keys("votes") == []
        assert votes.get_check_constraints("votes") == []
        assert [index["name"] for index in votes.get_indexes("votes") if index["unique"]] == []


def test_a_ledger_that_is_away(tmp_path) -> None:
    with pytest.raises(LedgerAway):
        migrate(f"postgresql+psycopg://nobody@/none?host={tmp_path}")
