"""The votes of a correction, written down one by one: what it will change, what it has changed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    text,
)

from models.correction import Correction
from models.correction_criteria import Criteria, where
from models.database import metadata
from models.tally import contest_tallies


class VoteState(IntEnum):
    """What became of one vote of a correction."""

    WAITING = 0
    DONE = 1
    """This correction changed it."""
    SAME = 2
    """It was so before this correction began; or another one has had it since the one that this one turns back."""
    GONE = 3
    """There is no such vote any more."""


correction_votes = Table(
    "correction_votes",
    metadata,
    Column("correction_id", BigInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("entry_id", Integer, nullable=False),
    Column("state", SmallInteger, nullable=False, server_default="0", comment="models.correction_votes.VoteState"),
    PrimaryKeyConstraint("correction_id", "account_id", "entry_id"),
)

Vote = tuple[int, int]
"""(account, entry)"""
FIRST: Vote = (-1, 0)
"""Before every vote."""


@dataclass(frozen=True)
class Numbers:
    """What a correction would change: votes and accounts, votes for each entry and for each day on which they were cast
    (in the province; none for recovered votes). `counted`: entry → votes that count at that moment.
    """

    votes: int
    accounts: int
    by_entry: dict[int, int]
    by_day: dict[str, int]
    counted: dict[int, int]

    def stored(self) -> dict[str, Any]:
        """JSON."""
        return vars(self)

    @classmethod
    def read(cls, stored: dict[str, Any]) -> "Numbers":
        entries = {
            name: {int(entry): votes for entry, votes in stored[name].items()} for name in ("by_entry", "counted")
        }
        return cls(stored["votes"], stored["accounts"], entries["by_entry"], stored["by_day"], entries["counted"])

    def change(self, action: str) -> dict[int, int]:
        """Entry → what it does to the count."""
        sign = -1 if action == "void" else 1
        return {entry: sign * votes for entry, votes in self.by_entry.items()}

    @property
    def share(self) -> float:
        """Of all votes of the contest that count, 0 to 1."""
        return self.votes / max(1, sum(self.counted.values()))

    @property
    def greatest_share(self) -> float:
        """The greatest share of one entry's votes."""
        return max((votes / max(1, self.counted.get(entry, 0)) for entry, votes in self.by_entry.items()), default=0.0)


def freeze(connection: Connection, correction: Correction, criteria: Criteria) -> int:
    """Writes down the votes that fulfil the criteria at this moment, and that the correction would change: counted
    ones for a void, voided ones for a restore. Freezing again begins anew. Returns how many.
    """
    connection.execute(correction_votes.delete().where(correction_votes.c.correction_id == correction.id))
    named, values = where(criteria)
    if correction.undoes is not None:
        named, values = _OF_UNDONE, {"undoes": correction.undoes}
    frozen = connection.execute(
        text(
            "INSERT INTO correction_votes (correction_id, account_id, entry_id)"  # noqa: S608 - constants of two files
            " SELECT :correction, v.account_id, v.entry_id FROM votes v"
            " WHERE v.entry_id IN (SELECT id FROM entries WHERE contest_id = :contest)"
            f" AND {_still(correction)} AND {named} ORDER BY v.account_id, v.entry_id"
        ),
        values | {"correction": correction.id, "contest": correction.contest_id},
    ).rowcount
    if frozen > 10_000:
        connection.exec_driver_sql("ANALYZE correction_votes")  # else the next joins loop over a table taken for empty
    return frozen


_OF_UNDONE = (
    "(v.account_id, v.entry_id) IN (SELECT account_id, entry_id FROM correction_votes"
    " WHERE correction_id = :undoes AND state = 1)"
)


_STILL = {"void": "v.voided_at IS NULL", "restore": "v.voided_at IS NOT NULL"}
"""A vote that the action would change."""
_CHANGED_SINCE = (
    "EXISTS (SELECT 1 FROM corrections u JOIN corrections l ON l.contest_id = u.contest_id"
    " AND l.settled_at > u.settled_at JOIN correction_votes m ON m.correction_id = l.id"
    " WHERE u.id = :undoes AND m.account_id = v.account_id AND m.entry_id = v.entry_id AND m.state = 1)"
)
"""A vote that a later correction has changed: who turns one back must not bring back what somebody else took out."""


def _still(correction: Correction) -> str:
    """A vote `v` that the correction would change at this moment."""
    return _STILL[correction.action] + (f" AND NOT {_CHANGED_SINCE}" if correction.undoes is not None else "")


_JOINED = (
    "FROM correction_votes c JOIN votes v USING (account_id, entry_id) WHERE c.correction_id = :id AND c.state = 0 AND "
)


_BY_ENTRY_AND_DAY = """
SELECT entry_id, day, count(*) AS votes, count(*) FILTER (WHERE first) AS accounts FROM (
  SELECT c.entry_id, CAST(v.cast_at AT TIME ZONE INTERVAL '7 hours' AS date) AS day,
    lag(c.account_id) OVER (ORDER BY c.account_id, c.entry_id) IS DISTINCT FROM c.account_id AS first
  {joined}
) changing GROUP BY entry_id, day ORDER BY entry_id, day
"""
"""One pass over what may be a million votes, while an operator waits: an account is counted with its first vote."""


def numbers_now(connection: Connection, correction: Correction) -> Numbers:
    """What the votes that were written down would change at this moment."""
    query = _BY_ENTRY_AND_DAY.format(joined=_JOINED + _still(correction))
    by_entry: Counter[int] = Counter()
    by_day: Counter[str] = Counter()
    accounts = 0
    for row in connection.execute(text(query), {"id": correction.id, "undoes": correction.undoes}):
        by_entry[row.entry_id] += row.votes
        if row.day is not None:
            by_day[row.day.isoformat()] += row.votes
        accounts += row.accounts
    counted = contest_tallies(connection, correction.contest_id)
    return Numbers(by_entry.total(), accounts, dict(by_entry), dict(sorted(by_day.items())), counted)


def _pairs(rows: Iterable[Any]) -> dict[Any, int]:
    return {key: votes for key, votes in rows}  # noqa: C416 - rows are no tuples


def settle(connection: Connection, correction: Correction) -> None:
    """Notes which votes are as they shall be already, and which are gone: before the first one is changed, so that what
    changes later is this correction's doing.
    """
    values = {"id": correction.id, "undoes": correction.undoes}
    connection.execute(
        text(
            f"UPDATE correction_votes c SET state = {VoteState.SAME:d} FROM votes v"  # noqa: S608 - constants
            " WHERE c.correction_id = :id AND c.state = 0 AND v.account_id = c.account_id"
            f" AND v.entry_id = c.entry_id AND NOT ({_still(correction)})"
        ),
        values,
    )
    connection.execute(
        text(
            f"UPDATE correction_votes c SET state = {VoteState.GONE:d} WHERE c.correction_id = :id AND c.state = 0"  # noqa: S608
            " AND NOT EXISTS (SELECT 1 FROM votes v WHERE v.account_id = c.account_id AND v.entry_id = c.entry_id)"
        ),
        values,
    )


def waiting_votes(connection: Connection, correction_id: int, after: Vote, limit: int) -> list[Vote]:
    """The next votes that wait, in the order of account and entry."""
    query = text(
        "SELECT account_id, entry_id FROM correction_votes WHERE correction_id = :id AND state = 0"
        " AND (account_id, entry_id) > (:account, :entry) ORDER BY account_id, entry_id LIMIT :limit"
    )
    values = {"id": correction_id, "account": after[0], "entry": after[1], "limit": limit}
    return [(account, entry) for account, entry in connection.execute(query, values)]


def mark_done(connection: Connection, correction_id: int, votes: list[Vote]) -> None:
    """Notes that the box has changed these votes."""
    connection.execute(
        text(
            f"UPDATE correction_votes c SET state = {VoteState.DONE:d}"  # noqa: S608 - a constant
            " FROM unnest(CAST(:accounts AS bigint[]), CAST(:entries AS integer[])) AS t(account, entry)"
            " WHERE c.correction_id = :id AND c.account_id = t.account AND c.entry_id = t.entry AND c.state = 0"
        ),
        {
            "id": correction_id,
            "accounts": [account for account, _ in votes],
            "entries": [entry for _, entry in votes],
        },
    )


def match_ledger(connection: Connection, correction: Correction) -> int:
    """Lays the votes beside the ledger, which must have all of the log: what waits and is changed there is done (its
    mark was lost), what is marked and is not changed there waits (the box lost it before it was in the ledger).
    Returns how many of these.
    """
    changed = _STILL[correction.action]
    values = {"id": correction.id}
    joined = "FROM votes v WHERE c.correction_id = :id AND v.account_id = c.account_id AND v.entry_id = c.entry_id"
    connection.execute(
        text(f"UPDATE correction_votes c SET state = {VoteState.DONE:d} {joined} AND c.state = 0 AND NOT ({changed})"),  # noqa: S608
        values,
    )
    lost = text(f"UPDATE correction_votes c SET state = 0 {joined} AND c.state = {VoteState.DONE:d} AND {changed}")  # noqa: S608
    return connection.execute(lost, values).rowcount


@dataclass(frozen=True)
class Result:
    """How many votes of a correction became what, and `by_entry`: entry → votes that it changed."""

    done: int
    same: int
    gone: int
    waiting: int
    by_entry: dict[int, int]

    def stored(self) -> dict[str, Any]:
        """JSON."""
        return vars(self)


def result_of(connection: Connection, correction_id: int) -> Result:
    query = text("SELECT state, count(*) FROM correction_votes WHERE correction_id = :id GROUP BY state")
    counts = _pairs(connection.execute(query, {"id": correction_id}))
    query = text(
        "SELECT entry_id, count(*) FROM correction_votes"  # noqa: S608 - a constant
        f" WHERE correction_id = :id AND state = {VoteState.DONE:d} GROUP BY 1 ORDER BY 1"
    )
    return Result(
        done=counts.get(VoteState.DONE, 0),
        same=counts.get(VoteState.SAME, 0),
        gone=counts.get(VoteState.GONE, 0),
        waiting=counts.get(VoteState.WAITING, 0),
        by_entry=_pairs(connection.execute(query, {"id": correction_id})),
    )


def count_waiting(connection: Connection, correction_id: int) -> tuple[int, int]:
    """How many votes wait, and how many were written down."""
    query = text("SELECT count(*) FILTER (WHERE state = 0), count(*) FROM correction_votes WHERE correction_id = :id")
    waiting, total = connection.execute(query, {"id": correction_id}).one()
    return waiting, total
