"""Clusters: accounts that voted for one entry and that several signals find to belong together (decision 0020). What
they are found by is in `models/signals/`, what operators decide about them here.

    new ─▶ dismissed | handed (to a correction) ─▶ new again, once it has grown by GROWTH
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Float,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from models.database import metadata

STATES = ("new", "dismissed", "handed")
GROWTH = 1.5
"""A cluster that was decided about is new again when it has this many times the accounts that it had then."""

_ERASED = "erased after the retention period"

clusters = Table(
    "clusters",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("contest_id", Integer, nullable=False),
    Column("entry_id", Integer, nullable=False, comment="what its accounts voted for"),
    Column("state", Text, nullable=False, server_default="new"),
    Column("signals", ARRAY(Text), nullable=False, comment="models.signals.kinds.Signal, that agree"),
    Column("alone", Boolean, nullable=False, server_default="false", comment="one signal only: a weak cluster"),
    Column("strength", Float, nullable=False, comment="0 to 1: how sure the signals are of one of its accounts"),
    Column("accounts", Integer, nullable=False),
    Column(
        "counted", Integer, nullable=False, comment="its votes for the entry that are not voided, at the latest run"
    ),
    Column("first_at", DateTime(timezone=True), comment="of its votes"),
    Column("last_at", DateTime(timezone=True)),
    Column("numbers", JSONB, nullable=False, server_default="{}", comment="the evidence in numbers; kept"),
    Column("traces", JSONB, comment=f"masked hints, domains, networks; {_ERASED}"),
    Column("found_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("decided_at", DateTime(timezone=True)),
    Column("decided_by", Text, nullable=False, server_default=""),
    Column("decided_accounts", Integer, nullable=False, server_default="0", comment="how many it had then"),
    Column("reason", Text, nullable=False, server_default=""),
    CheckConstraint(f"state IN {STATES}", name="state"),
    Index(None, "contest_id", "entry_id"),
)

cluster_accounts = Table(
    "cluster_accounts",
    metadata,
    Column("cluster_id", BigInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("strength", Float, nullable=False, comment="0 to 1, of this account"),
    PrimaryKeyConstraint("cluster_id", "account_id"),
    Index(None, "account_id"),
    comment=f"whose votes for the cluster's entry it is about; {_ERASED}",
)


@dataclass(frozen=True)
class Cluster:
    """A cluster's row. `numbers`, `traces`: as `models/signals/evidence.py` writes them."""

    id: int
    contest_id: int
    entry_id: int
    state: str
    signals: list[str]
    alone: bool
    strength: float
    accounts: int
    counted: int
    first_at: datetime | None
    last_at: datetime | None
    numbers: dict[str, Any]
    traces: dict[str, Any] | None
    found_at: datetime
    changed_at: datetime
    decided_at: datetime | None
    decided_by: str
    decided_accounts: int
    reason: str

    @property
    def weight(self) -> float:
        """Its votes, each as far as the signals are sure of it."""
        return self.counted * self.strength

    @property
    def sure_percent(self) -> int:
        """The strength as people are shown it: signals are never quite sure."""
        return min(99, round(100 * self.strength))


_COLUMNS = [clusters.c[name] for name in Cluster.__dataclass_fields__]


def _cluster(row: Any) -> Cluster:
    return Cluster(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def clusters_of(connection: Connection, contest_id: int, *, limit: int = 500) -> list[Cluster]:
    """Those of a contest: what nobody has looked at first, weak ones after the others, then by weight."""
    query = (
        select(*_COLUMNS)
        .where(clusters.c.contest_id == contest_id)
        .order_by(
            (clusters.c.state != "new"),
            clusters.c.alone,
            (clusters.c.counted * clusters.c.strength).desc(),
            clusters.c.id,
        )
        .limit(limit)
    )
    return [_cluster(row) for row in connection.execute(query)]


def find_cluster(connection: Connection, cluster_id: int, *, lock: bool = False) -> Cluster | None:
    query = select(*_COLUMNS).where(clusters.c.id == cluster_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return _cluster(row) if row else None


def decide(connection: Connection, cluster: Cluster, state: str, by: str, reason: str) -> None:
    """What an operator made of it: `dismissed`, `handed` (a correction is proposed for it) or `new` (looked at again).

    The audit log is the caller's.
    """
    decided = state != "new"
    connection.execute(
        update(clusters)
        .where(clusters.c.id == cluster.id)
        .values(
            state=state,
            decided_at=func.now() if decided else None,
            decided_by=by if decided else "",
            decided_accounts=cluster.accounts if decided else 0,
            reason=reason,
        )
    )


def waiting(connection: Connection, contest_id: int) -> int:
    """How many clusters of several signals nobody has looked at."""
    query = select(func.count()).where(
        clusters.c.contest_id == contest_id, clusters.c.state == "new", clusters.c.alone.is_(False)
    )
    return int(connection.scalar(query) or 0)


def count_votes(connection: Connection, contest_id: int, entry_ids: Iterable[int]) -> None:
    """Counts the votes of the entries' clusters anew, as the ledger has them: what a correction has changed weighs in
    the index at once, not after the next run of the signals. A cluster whose accounts are erased keeps its count, and
    one that such a run holds is that run's to count: nobody waits for it here.
    """
    connection.execute(
        text(
            "WITH free AS (SELECT id, entry_id FROM clusters WHERE contest_id = :contest AND entry_id = ANY(:entries)"
            " ORDER BY id FOR UPDATE SKIP LOCKED),"
            " sized AS (SELECT free.id, count(v.account_id) FILTER (WHERE v.voided_at IS NULL) AS counted"
            " FROM free JOIN cluster_accounts ca ON ca.cluster_id = free.id"
            " LEFT JOIN votes v ON v.account_id = ca.account_id AND v.entry_id = free.entry_id GROUP BY free.id)"
            " UPDATE clusters c SET counted = sized.counted FROM sized"
            " WHERE sized.id = c.id AND c.counted <> sized.counted"
        ),
        {"contest": contest_id, "entries": list(entry_ids)},
    )


def weights(found: Iterable[Cluster]) -> dict[int, float]:
    """Entry → weight of its clusters that were not dismissed; what an account has in two clusters never counts twice,
    because clusters of one entry share no account. Weak ones count by their strength, which is low.
    """
    sums: dict[int, float] = {}
    for cluster in found:
        if cluster.state != "dismissed":
            sums[cluster.entry_id] = sums.get(cluster.entry_id, 0.0) + cluster.weight
    return sums


def fraud_index(weight: float, votes: int) -> int:
    """0 to 100: the share of an entry's votes that stands in clusters, each as far as the signals are sure of it.

    It is no proof and no probability that somebody cheated: it says where to look first.
    """
    return min(100, round(100 * weight / votes)) if votes > 0 else 0
