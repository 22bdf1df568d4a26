"""Tables of the bench, beside the ledger's and made like its votes: columns, key and indexes. And the ledger's size."""

from sqlalchemy import Engine, MetaData, Table, func, select

from loadtests.bench.stack import Stack
from models.database import ledger_errors, transaction, worker_engine
from models.vote import votes

_bench = MetaData()
inserted = votes.to_metadata(_bench, name="bench_inserted")
queued = votes.to_metadata(_bench, name="bench_queued")
copied = votes.to_metadata(_bench, name="bench_copied")


def create_tables(engine: Engine) -> None:
    """Makes all, as copies of what the migrations made of `votes`. Errors: LedgerAway."""
    with transaction(engine) as connection:
        for table in (inserted, queued, copied):
            connection.exec_driver_sql(f"CREATE TABLE {table.name} (LIKE votes INCLUDING ALL)")


def fill_copied(engine: Engine) -> None:
    """Makes the table of the plain COPY as large as the votes. Errors: LedgerAway."""
    with transaction(engine) as connection:
        connection.exec_driver_sql(f"INSERT INTO {copied.name} SELECT * FROM votes")  # noqa: S608 - a constant


def count_in(engine: Engine, table: Table) -> int:
    """Rows of `table`. Errors: LedgerAway."""
    with transaction(engine) as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def votes_by_moment(engine: Engine, since_ms: int) -> list[tuple[int, int]]:
    """(ms, votes that the box decided then), in order, from `since_ms` on. Errors: LedgerAway."""
    query = select(votes.c.log_ms, func.count()).where(votes.c.log_ms >= since_ms).group_by(votes.c.log_ms)
    with transaction(engine) as connection:
        return sorted((ms, count) for ms, count in connection.execute(query))


def ledger_bytes(engine: Engine) -> int:
    """Size of the votes with their indexes. Errors: LedgerAway."""
    with transaction(engine) as connection:
        return int(connection.scalar(select(func.pg_total_relation_size(votes.name))) or 0)


def vacuum(engine: Engine) -> None:
    """What PostgreSQL would soon do by itself with the votes. Errors: LedgerAway."""
    with ledger_errors(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"VACUUM (ANALYZE) {votes.name}")


def checkpoint(stack: Stack) -> None:
    """A checkpoint of PostgreSQL, now. Errors: LedgerAway."""
    engine = worker_engine(stack.superuser_url())
    with ledger_errors(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CHECKPOINT")


def wal_bytes(engine: Engine) -> int:
    """Bytes of write-ahead log since this PostgreSQL was made. Errors: LedgerAway."""
    with transaction(engine) as connection:
        return int(connection.exec_driver_sql("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn").scalar_one())
