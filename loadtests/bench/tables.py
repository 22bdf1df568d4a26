"""Tables of the bench, beside the ledger's and made like its votes: columns, key and index."""

from sqlalchemy import Engine, MetaData, func, select

from models.database import transaction
from models.vote import votes

_bench = MetaData()
inserted = votes.to_metadata(_bench, name="bench_inserted")
copied = votes.to_metadata(_bench, name="bench_copied")


def create_tables(engine: Engine) -> None:
    """Makes both, as copies of what the migrations made of `votes`. Errors: LedgerAway."""
    with transaction(engine) as connection:
        for table in (inserted, copied):
            connection.exec_driver_sql(f"CREATE TABLE {table.name} (LIKE votes INCLUDING ALL)")


def count_inserted(engine: Engine) -> int:
    """Rows that the INSERT of each vote left. Errors: LedgerAway."""
    with transaction(engine) as connection:
        return connection.scalar(select(func.count()).select_from(inserted)) or 0
