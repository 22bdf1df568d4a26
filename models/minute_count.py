"""Votes and logins by minute, kept in the ledger by the very statements that write them: exact, and cheap to read.

A vote is counted in the minute in which the box took it, once, when its row is first written: whatever is flushed again
or repaired adds nothing, and what is voided later stays counted here. A recovered vote has no time and no minute. All
votes that have a time, whatever became of them, are the sum of `minute_counts.votes` and of `minute_totals.votes`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    func,
    select,
)

from models.database import metadata

# The shard is part of the keys, so that the flush of one shard never waits for that of another. Rows of the present
# minute are changed several times a second: room beside them lets PostgreSQL do so in place.
_ROOM = {"fillfactor": 50}

minute_counts = Table(
    "minute_counts",
    metadata,
    Column("contest_id", Integer, nullable=False),
    Column("minute", DateTime(timezone=True), nullable=False, comment="its beginning, UTC"),
    Column("shard", SmallInteger, nullable=False),
    Column("entry_id", Integer, nullable=False),
    Column("proof", SmallInteger, nullable=False, comment="how the identity was proven: models.event.Proof"),
    Column("votes", BigInteger, nullable=False),
    PrimaryKeyConstraint("contest_id", "minute", "shard", "entry_id", "proof"),
    postgresql_with=_ROOM,
)

minute_totals = Table(
    "minute_totals",
    metadata,
    Column("contest_id", Integer, nullable=False),
    Column("minute", DateTime(timezone=True), nullable=False, comment="its beginning, UTC"),
    Column("shard", SmallInteger, nullable=False),
    Column("proof", SmallInteger, nullable=False),
    Column("votes", BigInteger, nullable=False, server_default="0"),
    Column("voters", BigInteger, nullable=False, server_default="0", comment="accounts whose first vote it was"),
    Column("logins", BigInteger, nullable=False, server_default="0"),
    Column("accounts", BigInteger, nullable=False, server_default="0", comment="accounts whose first login it was"),
    PrimaryKeyConstraint("contest_id", "minute", "shard", "proof"),
    postgresql_with=_ROOM,
)

COUNT_NEW_VOTES = """
marked AS (
  SELECT n.entry_id, date_trunc('minute', n.cast_at) AS minute, n.proof,
    row_number() OVER (PARTITION BY n.account_id ORDER BY n.cast_at, n.entry_id) = 1 AND (
      SELECT true FROM votes v JOIN entries e ON e.id = v.entry_id
      WHERE v.account_id = n.account_id AND v.recovered_at IS NULL AND e.contest_id = %(contest_id)s
      LIMIT 1) IS NULL AS first
  FROM new n),
by_entry AS (
  INSERT INTO minute_counts (contest_id, minute, shard, entry_id, proof, votes)
  SELECT %(contest_id)s, minute, %(shard)s, entry_id, proof, count(*) FROM marked GROUP BY minute, entry_id, proof
  ON CONFLICT (contest_id, minute, shard, entry_id, proof) DO UPDATE SET votes = minute_counts.votes + excluded.votes),
by_minute AS (
  INSERT INTO minute_totals (contest_id, minute, shard, proof, votes, voters)
  SELECT %(contest_id)s, minute, %(shard)s, proof, count(*), count(*) FILTER (WHERE first) FROM marked
  GROUP BY minute, proof
  ON CONFLICT (contest_id, minute, shard, proof) DO UPDATE
  SET votes = minute_totals.votes + excluded.votes, voters = minute_totals.voters + excluded.voters)
"""
"""Common table expressions after `new` (account_id, entry_id, cast_at, proof: rows that were just inserted).

An account's votes are all in one shard, whose flush is one at a time: its first vote is told without a lock. All parts
of a statement see the ledger as it was before it, so the rows of `new` are not found among the votes. A subquery with
LIMIT and no EXISTS: that one PostgreSQL may answer by reading all votes into a hash.
"""

COUNT_NEW_OPENINGS = """
marked AS (
  SELECT n.contest_id, n.shard, date_trunc('minute', n.opened_at) AS minute, n.proof,
    row_number() OVER (PARTITION BY n.account_id ORDER BY n.log_ms, n.log_seq) = 1 AND (
      SELECT true FROM account_openings o WHERE o.account_id = n.account_id AND o.contest_id = n.contest_id
      LIMIT 1) IS NULL AS first
  FROM new n),
by_minute AS (
  INSERT INTO minute_totals (contest_id, minute, shard, proof, votes, logins, accounts)
  SELECT contest_id, minute, shard, proof, 0, count(*), count(*) FILTER (WHERE first) FROM marked
  GROUP BY contest_id, shard, minute, proof
  ON CONFLICT (contest_id, minute, shard, proof) DO UPDATE
  SET logins = minute_totals.logins + excluded.logins, accounts = minute_totals.accounts + excluded.accounts)
"""
"""The same for openings: `new` has contest_id, shard, account_id, opened_at, proof, log_ms, log_seq."""


@dataclass(frozen=True)
class Sums:
    """What was counted in one stretch of time. `proofs`: proof → votes."""

    votes: int
    voters: int
    logins: int
    accounts: int
    proofs: dict[int, int]


def sums(connection: Connection, contest_id: int) -> Sums:
    """Of the whole contest."""
    columns = [func.sum(minute_totals.c[name]) for name in ("votes", "voters", "logins", "accounts")]
    query = (
        select(minute_totals.c.proof, *columns)
        .where(minute_totals.c.contest_id == contest_id)
        .group_by(minute_totals.c.proof)
    )
    rows = connection.execute(query).all()
    votes, voters, logins, accounts = (sum(int(row[place]) for row in rows) for place in (1, 2, 3, 4))
    return Sums(votes, voters, logins, accounts, {row[0]: int(row[1]) for row in rows if row[1]})


def votes_by_time(connection: Connection, contest_id: int, unit: str, since: datetime) -> list[tuple[int, int]]:
    """(beginning in seconds since 1970, votes) of each `minute` or `hour` from `since` on that has votes, in order."""
    begin = func.date_trunc(unit, minute_totals.c.minute)
    query = (
        select(begin, func.sum(minute_totals.c.votes))
        .where(minute_totals.c.contest_id == contest_id, minute_totals.c.minute >= since)
        .group_by(begin)
        .order_by(begin)
    )
    return [(int(at.timestamp()), int(votes)) for at, votes in connection.execute(query)]


def votes_by_entry(connection: Connection, contest_id: int, since: datetime) -> dict[int, int]:
    """Entry → votes that came in minutes from `since` on."""
    query = (
        select(minute_counts.c.entry_id, func.sum(minute_counts.c.votes))
        .where(minute_counts.c.contest_id == contest_id, minute_counts.c.minute >= since)
        .group_by(minute_counts.c.entry_id)
    )
    return {entry: int(votes) for entry, votes in connection.execute(query)}


def filled(found: Iterable[tuple[int, int]], step: timedelta, first: datetime, last: datetime) -> list[tuple[int, int]]:
    """`votes_by_time` with a zero wherever nothing came, from `first` to `last`, both beginnings of a step."""
    votes, seconds = dict(found), int(step.total_seconds())
    return [(at, votes.get(at, 0)) for at in range(int(first.timestamp()), int(last.timestamp()) + 1, seconds)]
