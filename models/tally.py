"""Tallies: votes counted of each shard and entry, kept by the transactions that write or void votes."""

from sqlalchemy import BigInteger, Column, Connection, Integer, SmallInteger, Table, func, select, text

from models.database import metadata
from models.vote import count_rows

tallies = Table(
    "tallies",
    metadata,
    Column("contest_id", Integer, primary_key=True),
    Column("shard", SmallInteger, primary_key=True),
    Column("entry_id", Integer, primary_key=True),
    Column("votes", BigInteger, nullable=False),
)


def add_to_tallies(connection: Connection, contest_id: int, shard: int, changes: dict[int, int]) -> None:
    """Adds `changes` (entry → votes) to the shard's tallies."""
    rows = [
        {"contest_id": contest_id, "shard": shard, "entry_id": entry, "votes": change}
        for entry, change in sorted(changes.items())
        if change
    ]
    if rows:
        connection.execute(
            text(
                "INSERT INTO tallies (contest_id, shard, entry_id, votes)"
                " VALUES (:contest_id, :shard, :entry_id, :votes)"
                " ON CONFLICT (contest_id, shard, entry_id) DO UPDATE SET votes = tallies.votes + excluded.votes"
            ),
            rows,
        )


def shard_tallies(connection: Connection, contest_id: int, shard: int) -> dict[int, int]:
    """Entry → votes counted, of one shard."""
    query = select(tallies.c.entry_id, tallies.c.votes).where(
        tallies.c.contest_id == contest_id, tallies.c.shard == shard
    )
    return dict(connection.execute(query).all())


def contest_tallies(connection: Connection, contest_id: int) -> dict[int, int]:
    """Entry → votes counted, of all shards."""
    query = select(tallies.c.entry_id, func.sum(tallies.c.votes)).where(tallies.c.contest_id == contest_id)
    return {entry: int(votes) for entry, votes in connection.execute(query.group_by(tallies.c.entry_id))}


def count_votes(connection: Connection, contest_id: int) -> int:
    """Votes counted in the whole contest, by the tallies."""
    query = select(func.coalesce(func.sum(tallies.c.votes), 0)).where(tallies.c.contest_id == contest_id)
    return int(connection.scalar(query) or 0)


def recount_tallies(connection: Connection, contest_id: int) -> None:
    """Makes the tallies anew from the rows (a repair does)."""
    counts = count_rows(connection, contest_id)
    connection.execute(tallies.delete().where(tallies.c.contest_id == contest_id))
    if counts:
        connection.execute(
            tallies.insert(),
            [
                {"contest_id": contest_id, "shard": shard, "entry_id": entry, "votes": count}
                for (shard, entry), count in counts.items()
            ],
        )
