"""Votes and logins by minute, kept in the ledger by the very transactions that write them: exact, and cheap to read.

A vote is counted in the minute in which the box took it, once, when its row is first written: whatever is flushed again
or repaired adds nothing, and what is voided later stays counted here. A recovered vote has no time and no minute. All
votes that have a time, whatever became of them, are the sum of `minute_counts.votes` and of `minute_totals.votes`.

Which vote was an account's first, the box says (`models.event.FIRST`): to look it up among millions of votes would cost
as much as to write the vote. So an account whose first vote was recovered is in no minute's `voters`, and one that
voted in a box that had gone back in time may be in two. The minutes of the count tell the voters from the rows.
"""

from collections.abc import Iterable, Mapping
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

NewVotes = tuple[int, int, int, bool]
"""Minute since 1970, entry, proof, and whether it was the account's first vote."""


def count_new_votes(connection: Connection, contest_id: int, shard: int, new: Mapping[NewVotes, int]) -> None:
    """Adds `new` → how many, of votes whose rows this transaction has written, to the counts by minute."""
    if not new:
        return
    minutes, entries, proofs, first = zip(*new, strict=True)
    connection.exec_driver_sql(
        _COUNT_NEW_VOTES,
        {
            "contest_id": contest_id,
            "shard": shard,
            "minutes": list(minutes),
            "entries": list(entries),
            "proofs": list(proofs),
            "first": list(first),
            "votes": list(new.values()),
        },
    )


_COUNT_NEW_VOTES = """
WITH new AS (
  SELECT to_timestamp(minute * 60) AS minute, entry_id, proof, first, votes
  FROM unnest(%(minutes)s::bigint[], %(entries)s::integer[], %(proofs)s::smallint[], %(first)s::boolean[],
    %(votes)s::bigint[]) AS t(minute, entry_id, proof, first, votes)),
by_entry AS (
  INSERT INTO minute_counts (contest_id, minute, shard, entry_id, proof, votes)
  SELECT %(contest_id)s, minute, %(shard)s, entry_id, proof, sum(votes) FROM new GROUP BY minute, entry_id, proof
  ON CONFLICT (contest_id, minute, shard, entry_id, proof) DO UPDATE SET votes = minute_counts.votes + excluded.votes)
INSERT INTO minute_totals (contest_id, minute, shard, proof, votes, voters)
SELECT %(contest_id)s, minute, %(shard)s, proof, sum(votes), coalesce(sum(votes) FILTER (WHERE first), 0) FROM new
GROUP BY minute, proof
ON CONFLICT (contest_id, minute, shard, proof) DO UPDATE
SET votes = minute_totals.votes + excluded.votes, voters = minute_totals.voters + excluded.voters
"""

COUNT_NEW_OPENINGS = """
marked AS (
  SELECT n.contest_id, n.shard, date_trunc('minute', n.opened_at) AS minute, n.proof,
    row_number() OVER (PARTITION BY n.account_id ORDER BY n.log_ms, n.log_seq) = 1 AND (
      SELECT true FROM account_openings o WHERE o.account_id = n.account_id AND o.contest_id + 0 = n.contest_id
      LIMIT 1) IS NULL AS first
  FROM new n),
by_minute AS (
  INSERT INTO minute_totals (contest_id, minute, shard, proof, votes, logins, accounts)
  SELECT contest_id, minute, shard, proof, 0, count(*), count(*) FILTER (WHERE first) FROM marked
  GROUP BY contest_id, shard, minute, proof
  ON CONFLICT (contest_id, minute, shard, proof) DO UPDATE
  SET logins = minute_totals.logins + excluded.logins, accounts = minute_totals.accounts + excluded.accounts)
"""
"""Common table expressions after `new`, the openings whose rows were just inserted: contest_id, shard, account_id,
opened_at, proof, log_ms, log_seq.

An account's openings are all in one shard, whose flush is one at a time: its first is told without a lock. All parts of
a statement see the ledger as it was before it, so the rows of `new` are not found among the openings. A subquery with
LIMIT and no EXISTS: that one PostgreSQL may answer by reading all openings into a hash. And `contest_id + 0`: it has no
statistics of a table that grew a minute ago, and would look through all openings of the contest for each account.
"""


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
