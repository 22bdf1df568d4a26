"""The latest whole search for signals of each contest: one row, which is also what keeps two from running at once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Integer,
    Table,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from models.database import metadata

signal_runs = Table(
    "signal_runs",
    metadata,
    Column("contest_id", Integer, primary_key=True, autoincrement=False),
    Column("runs", Integer, nullable=False, server_default="0"),
    Column("ended_at", DateTime(timezone=True), comment="none: none has ended yet"),
    Column("took_ms", BigInteger, nullable=False, server_default="0"),
    Column("whole", Boolean, nullable=False, server_default="false", comment="all votes, not those of the window"),
    Column("votes", BigInteger, nullable=False, server_default="0", comment="that were looked at"),
    Column("clusters", Integer, nullable=False, server_default="0"),
    Column(
        "alerts",
        JSONB,
        nullable=False,
        server_default="[]",
        comment="models.signals.evidence.trends; erased in the end",
    ),
)


@dataclass(frozen=True)
class SignalRun:
    """The latest whole run. `alerts`: `models.signals.evidence.trends`."""

    contest_id: int
    runs: int
    ended_at: datetime | None
    took_ms: int
    whole: bool
    votes: int
    clusters: int
    alerts: list[dict[str, Any]]


_COLUMNS = [signal_runs.c[name] for name in SignalRun.__dataclass_fields__]


def latest_run(connection: Connection, contest_id: int) -> SignalRun | None:
    """None before the first has ended."""
    row = connection.execute(select(*_COLUMNS).where(signal_runs.c.contest_id == contest_id)).first()
    found = SignalRun(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's public name for it
    return found if found and found.ended_at else None


def make_row(connection: Connection, contest_id: int) -> None:
    """The row that `hold` locks; to be committed before."""
    connection.execute(insert(signal_runs).values(contest_id=contest_id).on_conflict_do_nothing())


def hold(connection: Connection, contest_id: int) -> bool:
    """Holds the row until the transaction ends; False where another run has it."""
    query = select(signal_runs.c.contest_id).where(signal_runs.c.contest_id == contest_id)
    return connection.execute(query.with_for_update(skip_locked=True)).first() is not None


def end_run(connection: Connection, contest_id: int, **values: Any) -> None:
    """Writes what the run found, in its transaction: `took_ms`, `whole`, `votes`, `clusters`, `alerts`."""
    connection.execute(
        update(signal_runs)
        .where(signal_runs.c.contest_id == contest_id)
        .values(runs=signal_runs.c.runs + 1, ended_at=func.clock_timestamp(), **values)
    )
