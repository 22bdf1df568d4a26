"""The count of a contest for its minutes, from the rows of the ledger themselves."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from models.event import Proof

UNKNOWN = "unknown"
"""How the identity was proven, of a vote that only a ballot proved."""


@dataclass(frozen=True)
class EntryCount:
    """One entry and its votes. `state`: published or withdrawn."""

    entry_id: int
    title: str
    author: str
    unit: str
    category: str
    state: str
    received: int
    voided: int

    @property
    def counted(self) -> int:
        return self.received - self.voided


@dataclass
class Count:
    """All that the minutes say of the votes. Entries in the organisers' order; categories as (slug, title)."""

    entries: list[EntryCount]
    categories: list[tuple[str, str]]
    reasons: Counter[str] = field(default_factory=Counter)
    """Reason → votes voided."""
    proofs: Counter[str] = field(default_factory=Counter)
    """How the identity was proven → votes received."""
    recovered: int = 0
    voters: int = 0
    accounts: int = 0
    conflicts: int = 0
    parked: int = 0
    """Events that stood parked once, and were resolved."""

    @property
    def received(self) -> int:
        return sum(entry.received for entry in self.entries)

    @property
    def voided(self) -> int:
        return sum(entry.voided for entry in self.entries)

    @property
    def counted(self) -> int:
        return self.received - self.voided


_OF_CONTEST = "entry_id IN (SELECT id FROM entries WHERE contest_id = :contest_id)"
_GROUPS = text(
    "SELECT entry_id, proof, voided_at IS NOT NULL AS void, coalesce(void_reason, '') AS reason, count(*) AS votes,"  # noqa: S608 - constants
    f" count(recovered_at) AS recovered FROM votes WHERE {_OF_CONTEST} GROUP BY 1, 2, 3, 4"
)
_ENTRIES = text(
    "SELECT e.id, e.title, e.author, e.unit, e.state, c.slug FROM entries e JOIN categories c ON c.id = e.category_id"
    " WHERE e.contest_id = :contest_id AND e.state <> 'draft' ORDER BY e.position, e.id"
)
_CATEGORIES = text("SELECT slug, title FROM categories WHERE contest_id = :contest_id ORDER BY position")
_VOTERS = text(f"SELECT count(DISTINCT account_id) FROM votes WHERE {_OF_CONTEST}")  # noqa: S608 - constants
_ACCOUNTS = text("SELECT count(DISTINCT account_id) FROM account_openings WHERE contest_id = :contest_id")
_CONFLICTS = text("SELECT coalesce(sum(conflicts), 0) FROM cursors WHERE contest_id = :contest_id")
_PARKED = text("SELECT count(*) FROM parked_events WHERE contest_id = :contest_id")


def count_contest(connection: Connection, contest_id: int, progress: Callable[[], object] = lambda: None) -> Count:
    """Counts everything anew; to be called in one snapshot. Scans: a minute for ten million votes."""
    values = {"contest_id": contest_id}
    received: Counter[int] = Counter()
    voided: Counter[int] = Counter()
    count = Count([], [(row.slug, row.title) for row in connection.execute(_CATEGORIES, values)])
    for row in connection.execute(_GROUPS, values):
        received[row.entry_id] += row.votes
        count.proofs[_proof(row.proof)] += row.votes
        count.recovered += row.recovered
        if row.void:
            voided[row.entry_id] += row.votes
            count.reasons[row.reason] += row.votes
    progress()
    count.entries += [_entry(row, received, voided) for row in connection.execute(_ENTRIES, values)]
    count.voters = _number(connection, _VOTERS, values)
    progress()
    count.accounts = _number(connection, _ACCOUNTS, values)
    count.conflicts = _number(connection, _CONFLICTS, values)
    count.parked = _number(connection, _PARKED, values)
    return count


def _entry(row: Any, received: Counter[int], voided: Counter[int]) -> EntryCount:
    return EntryCount(row.id, row.title, row.author, row.unit, row.slug, row.state, received[row.id], voided[row.id])


def _number(connection: Connection, query: Any, values: dict[str, int]) -> int:
    return int(connection.scalar(query, values) or 0)


def _proof(number: int | None) -> str:
    return UNKNOWN if number is None else Proof(number).name.lower() if number in set(Proof) else str(number)
