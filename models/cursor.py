"""How far the ledger has taken each shard's log, the epochs it knows, and the events it had to park."""

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    func,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from models.database import metadata, reading
from models.event import LogId

cursors = Table(
    "cursors",
    metadata,
    Column("contest_id", Integer, primary_key=True, autoincrement=False),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("log_ms", BigInteger, nullable=False),
    Column("log_seq", Integer, nullable=False),
    Column("checksum", LargeBinary, nullable=False, comment="of the bytes of the event at the cursor"),
    Column("taken", BigInteger, nullable=False, comment="events taken from this log, `opened` included"),
    Column("conflicts", BigInteger, nullable=False, server_default="0", comment="votes that were there already"),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

epochs = Table(
    "epochs",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("contest_id", Integer, ForeignKey("contests.id"), nullable=False),
    Column("began_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

parked_events = Table(
    "parked_events",
    metadata,
    Column("contest_id", Integer, primary_key=True, autoincrement=False),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("log_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("log_seq", Integer, primary_key=True, autoincrement=False),
    Column("packed", LargeBinary, nullable=False),
    Column("account_id", BigInteger),
    Column("entry_id", Integer),
    Column("change", SmallInteger, nullable=False, comment="what it did to the box's count of the entry"),
    Column("sqlstate", String(5)),
    Column("reason", Text, nullable=False),
    Column("parked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("resolved_at", DateTime(timezone=True)),
)


@dataclass(frozen=True)
class Cursor:
    """One shard's cursor: `at` is the id of the last event taken."""

    contest_id: int
    shard: int
    epoch: int
    at: LogId
    checksum: bytes
    taken: int
    conflicts: int


class CursorMovedError(Exception):
    """The cursor row is not what it was when it was read: another worker has moved it. Nothing may be committed."""


def checksum(packed: bytes) -> bytes:
    """8 bytes by which an event is known again."""
    return hashlib.blake2b(packed, digest_size=8).digest()


_COLUMNS = (
    cursors.c.contest_id,
    cursors.c.shard,
    cursors.c.epoch,
    cursors.c.log_ms,
    cursors.c.log_seq,
    cursors.c.checksum,
    cursors.c.taken,
    cursors.c.conflicts,
)


def _cursor(row: Any) -> Cursor:
    return Cursor(
        row.contest_id,
        row.shard,
        row.epoch,
        (row.log_ms, row.log_seq),
        bytes(row.checksum),
        row.taken,
        row.conflicts,
    )


def lock_cursor(connection: Connection, contest_id: int, shard: int, *, wait: bool = False) -> Cursor | None:
    """The shard's cursor, its row locked until the transaction ends; None where there is none, or another worker has it
    (`wait`: that one is waited for).
    """
    query = select(*_COLUMNS).where(cursors.c.contest_id == contest_id, cursors.c.shard == shard)
    row = connection.execute(query.with_for_update(skip_locked=not wait)).first()
    return _cursor(row) if row else None


def read_cursors(connection: Connection, contest_id: int) -> dict[int, Cursor]:
    """Shard → cursor, without locks."""
    rows = connection.execute(select(*_COLUMNS).where(cursors.c.contest_id == contest_id))
    return {row.shard: _cursor(row) for row in rows}


async def events_taken(engine: AsyncEngine, contest_id: int) -> dict[int, int]:
    """Shard → events of its log that the ledger has taken. Errors: LedgerAway."""
    query = select(cursors.c.shard, cursors.c.taken).where(cursors.c.contest_id == contest_id)
    async with reading(engine) as connection:
        return dict((await connection.execute(query)).all())


def move_cursor(connection: Connection, old: Cursor, at: LogId, packed: bytes, events: int, conflicts: int) -> None:
    """Moves the cursor past `events` more events, the last being `packed` at id `at`. Errors: CursorMovedError."""
    result = connection.execute(
        update(cursors)
        .where(
            cursors.c.contest_id == old.contest_id,
            cursors.c.shard == old.shard,
            cursors.c.epoch == old.epoch,
            cursors.c.log_ms == old.at[0],
            cursors.c.log_seq == old.at[1],
            cursors.c.taken == old.taken,
        )
        .values(
            log_ms=at[0],
            log_seq=at[1],
            checksum=checksum(packed),
            taken=old.taken + events,
            conflicts=old.conflicts + conflicts,
            updated_at=func.clock_timestamp(),
        )
    )
    if result.rowcount != 1:
        raise CursorMovedError(f"cursor of contest {old.contest_id}, shard {old.shard}")


def begin_cursor(connection: Connection, contest_id: int, shard: int, epoch: int, at: LogId, packed: bytes) -> None:
    """The cursor of a log that has just begun: its one event `opened`, `packed` at id `at`, counts as taken."""
    connection.execute(
        text(
            "INSERT INTO cursors (contest_id, shard, epoch, log_ms, log_seq, checksum, taken)"
            " VALUES (:contest_id, :shard, :epoch, :log_ms, :log_seq, :checksum, 1)"
            " ON CONFLICT (contest_id, shard) DO UPDATE SET epoch = excluded.epoch, log_ms = excluded.log_ms,"
            " log_seq = excluded.log_seq, checksum = excluded.checksum, taken = 1, updated_at = clock_timestamp()"
        ),
        {
            "contest_id": contest_id,
            "shard": shard,
            "epoch": epoch,
            "log_ms": at[0],
            "log_seq": at[1],
            "checksum": checksum(packed),
        },
    )


def add_epoch(connection: Connection, contest_id: int, epoch: int) -> None:
    connection.execute(epochs.insert().values(epoch=epoch, contest_id=contest_id))


def knows_epoch(connection: Connection, contest_id: int, epoch: int) -> bool:
    query = select(1).where(epochs.c.epoch == epoch, epochs.c.contest_id == contest_id)
    return connection.execute(query).first() is not None


def park(
    connection: Connection,
    contest_id: int,
    shard: int,
    log_id: LogId,
    packed: bytes,
    *,
    account: int | None,
    entry: int | None,
    change: int,
    sqlstate: str | None,
    reason: str,
) -> None:
    """Puts aside an event that the ledger cannot take. Parking it again changes nothing."""
    connection.execute(
        text(
            "INSERT INTO parked_events (contest_id, shard, log_ms, log_seq, packed, account_id, entry_id, change,"
            " sqlstate, reason) VALUES (:contest_id, :shard, :ms, :seq, :packed, :account, :entry, :change, :sqlstate,"
            " :reason) ON CONFLICT DO NOTHING"
        ),
        {
            "contest_id": contest_id,
            "shard": shard,
            "ms": log_id[0],
            "seq": log_id[1],
            "packed": packed,
            "account": account,
            "entry": entry,
            "change": change,
            "sqlstate": sqlstate,
            "reason": reason,
        },
    )


@dataclass(frozen=True)
class Parked:
    """A parked event that is not resolved."""

    shard: int
    at: LogId
    entry: int | None
    change: int


def parked(connection: Connection, contest_id: int) -> list[Parked]:
    """The events that stand parked."""
    query = select(
        parked_events.c.shard,
        parked_events.c.log_ms,
        parked_events.c.log_seq,
        parked_events.c.entry_id,
        parked_events.c.change,
    ).where(parked_events.c.contest_id == contest_id, parked_events.c.resolved_at.is_(None))
    return [Parked(shard, (ms, seq), entry, change) for shard, ms, seq, entry, change in connection.execute(query)]


def resolve_parked(connection: Connection, contest_id: int) -> int:
    """Marks those parked events resolved that stand in the ledger by now: votes, which a repair brings from the
    ballots, and openings of accounts, which it brings from the log (a worker of an older release has parked them).
    """
    mark = "UPDATE parked_events p SET resolved_at = now() FROM"
    which = "WHERE p.contest_id = :contest_id AND p.resolved_at IS NULL AND"
    by_log_id = "(o.contest_id, o.shard, o.log_ms, o.log_seq) = (p.contest_id, p.shard, p.log_ms, p.log_seq)"
    statements = (
        f"{mark} votes v {which} v.account_id = p.account_id AND v.entry_id = p.entry_id",
        f"{mark} account_openings o {which} {by_log_id}",
    )
    return sum(connection.execute(text(query), {"contest_id": contest_id}).rowcount for query in statements)
