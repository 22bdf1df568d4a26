"""Votes in the ledger, the COPY of a batch, receipts looked up. What is counted of them is in `models/tally.py`."""

import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    func,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from models.contest import entries
from models.database import metadata, reading

# An acknowledged vote can meet no constraint but the second belt, UNIQUE (account_id, entry_id): no foreign keys, no
# checks. Columns in an order without padding.
votes = Table(
    "votes",
    metadata,
    Column("account_id", BigInteger, nullable=False),
    Column("cast_at", DateTime(timezone=True), comment="the box's TIME; unknown for a recovered vote"),
    Column("log_ms", BigInteger, comment="log id, in two integers: as text -10 sorts before -9"),
    Column("receipt", BigInteger, nullable=False, comment="the receipt's 60-bit number"),
    Column("entry_id", Integer, nullable=False),
    Column("log_seq", Integer),
    Column("shard", SmallInteger, nullable=False),
    Column("proof", SmallInteger, comment="how the identity was proven: models.event.Proof"),
    Column("evidence", LargeBinary, comment="models.event.pack_evidence; erased after the retention period"),
    Column("recovered_at", DateTime(timezone=True), comment="only a ballot proved this vote"),
    Column("voided_at", DateTime(timezone=True)),
    Column("void_reason", Text),
    Column("decided_ms", BigInteger, comment="log id of the latest void or restore"),
    Column("decided_seq", Integer),
    PrimaryKeyConstraint("account_id", "entry_id", name="uq_votes_account_id_entry_id"),
    Index(None, "receipt"),
    Index(None, "log_ms", postgresql_using="brin"),  # the votes of the last days, without an index to keep up
)

EPOCH_2000_US = 946_684_800_000_000  # PostgreSQL's binary times count from 2000
_ROW = struct.Struct(">hiqiqiqiqiiiiihihi")
_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_COPY_TRAILER = struct.pack(">h", -1)

COPY_COLUMNS = ("account_id", "cast_at", "log_ms", "receipt", "entry_id", "log_seq", "shard", "proof", "evidence")
_COLUMNS = ", ".join(COPY_COLUMNS)


def copy_row(
    account: int,
    cast_ms: int,
    log_ms: int,
    receipt: int,
    entry: int,
    log_seq: int,
    shard: int,
    proof: int,
    evidence: bytes,
) -> bytes:
    """One vote as a row of PostgreSQL's binary COPY format, columns as COPY_COLUMNS."""
    return (
        _ROW.pack(
            9,
            8,
            account,
            8,
            cast_ms * 1000 - EPOCH_2000_US,
            8,
            log_ms,
            8,
            receipt,
            4,
            entry,
            4,
            log_seq,
            2,
            shard,
            2,
            proof,
            len(evidence),
        )
        + evidence
    )


def copy_votes(connection: Connection, rows: list[bytes]) -> None:
    """COPYs rows (`copy_row`) into the votes. One that is there already refuses them all.

    `rows` are put into the order of their accounts, which is that of the index.
    """
    rows.sort()
    copy_binary(connection, f"COPY votes ({_COLUMNS}) FROM STDIN (FORMAT binary)", rows)


def insert_missing(connection: Connection, rows: list[bytes]) -> set[tuple[int, int]]:
    """Writes those of `rows` (`copy_row`) that are not there; what is there stays. In the order of their key (no
    deadlocks). Slower than `copy_votes`.

    Returns (account, entry) of the votes that are new.
    """
    connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE IF NOT EXISTS staged (account_id bigint, cast_at timestamptz, log_ms bigint,"
        " receipt bigint, entry_id integer, log_seq integer, shard smallint, proof smallint, evidence bytea)"
        " ON COMMIT DELETE ROWS"
    )
    copy_binary(connection, f"COPY staged ({_COLUMNS}) FROM STDIN (FORMAT binary)", rows)
    inserted = connection.exec_driver_sql(
        f"INSERT INTO votes ({_COLUMNS}) SELECT {_COLUMNS} FROM staged"  # noqa: S608 - constants
        " ORDER BY account_id, entry_id ON CONFLICT (account_id, entry_id) DO NOTHING RETURNING account_id, entry_id"
    )
    new = {(account, entry) for account, entry in inserted}
    connection.exec_driver_sql("TRUNCATE staged")  # for the next part of the same transaction
    return new


def copy_binary(connection: Connection, statement: str, rows: Iterable[bytes]) -> None:
    """One COPY … FROM STDIN (FORMAT binary) of rows that are already encoded."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_COPY_HEADER + b"".join(rows) + _COPY_TRAILER)


@dataclass(frozen=True)
class Decision:
    """A void (`at` and `reason` are given) or restore of one vote, and its event's id in the log."""

    account: int
    entry: int
    log_id: tuple[int, int]
    at: datetime | None = None
    reason: str | None = None


_DECISIONS = (
    "unnest(CAST(:accounts AS bigint[]), CAST(:entries AS integer[]), CAST(:ms AS bigint[]), CAST(:seqs AS integer[]),"
    " CAST(:moments AS timestamptz[]), CAST(:reasons AS text[])) AS d(account, entry, ms, seq, at, reason)"
)


def decide_votes(connection: Connection, decisions: list[Decision]) -> dict[int, int]:
    """Takes votes out of the count and puts them back, each vote at most once, unless a later decision stands.

    Returns entry → change of its count.
    """
    changed = connection.execute(
        text(
            "UPDATE votes v SET voided_at = d.at, void_reason = d.reason, decided_ms = d.ms, decided_seq = d.seq"  # noqa: S608 - as above
            f" FROM {_DECISIONS} WHERE v.account_id = d.account AND v.entry_id = d.entry"
            " AND (v.voided_at IS NULL) = (d.at IS NOT NULL)"
            " AND (v.decided_ms IS NULL OR (v.decided_ms, v.decided_seq) < (d.ms, d.seq))"
            " RETURNING v.entry_id, CASE WHEN d.at IS NULL THEN 1 ELSE -1 END"
        ),
        _as_arrays(decisions),
    )
    changes: Counter[int] = Counter()
    for entry, change in changed:
        changes[entry] += change
    return changes


def without_a_vote(connection: Connection, decisions: list[Decision]) -> set[tuple[int, int]]:
    """(account, entry) of the decisions about votes that the ledger does not have."""
    missing = connection.execute(
        text(
            f"SELECT d.account, d.entry FROM {_DECISIONS}"  # noqa: S608 - constants of this file
            " WHERE NOT EXISTS (SELECT 1 FROM votes v WHERE v.account_id = d.account AND v.entry_id = d.entry)"
        ),
        _as_arrays(decisions),
    )
    return {(account, entry) for account, entry in missing}


def _as_arrays(decisions: list[Decision]) -> dict[str, list[Any]]:
    return {
        "accounts": [decision.account for decision in decisions],
        "entries": [decision.entry for decision in decisions],
        "ms": [decision.log_id[0] for decision in decisions],
        "seqs": [decision.log_id[1] for decision in decisions],
        "moments": [decision.at for decision in decisions],
        "reasons": [decision.reason for decision in decisions],
    }


def count_rows(connection: Connection, contest_id: int) -> dict[tuple[int, int], int]:
    """(shard, entry) → votes counted, from the rows themselves: a scan."""
    query = (
        select(votes.c.shard, votes.c.entry_id, func.count())
        .where(votes.c.voided_at.is_(None), votes.c.entry_id.in_(_entries_of(contest_id)))
        .group_by(votes.c.shard, votes.c.entry_id)
    )
    return {(shard, entry): count for shard, entry, count in connection.execute(query)}


def count_strangers(connection: Connection) -> int:
    """Votes for entries that the ledger does not know: one restored from before the entry was made. A scan."""
    known = select(entries.c.id)
    return int(connection.scalar(select(func.count()).select_from(votes).where(votes.c.entry_id.not_in(known))) or 0)


def _entries_of(contest_id: int) -> Any:
    return select(entries.c.id).where(entries.c.contest_id == contest_id).scalar_subquery()


@dataclass(frozen=True)
class ReceiptRecord:
    """What the ledger knows of a receipt. Times in UTC; `cast_at` is None for a recovered vote."""

    entry_id: int
    cast_at: datetime | None
    voided_at: datetime | None
    void_reason: str | None


async def find_receipt(engine: AsyncEngine, contest_id: int, number: int) -> ReceiptRecord | None:
    """The vote of this contest with this receipt number, None where the ledger has none yet. Errors: LedgerAway."""
    query = (
        select(votes.c.entry_id, votes.c.cast_at, votes.c.voided_at, votes.c.void_reason)
        .join(entries, entries.c.id == votes.c.entry_id)
        .where(votes.c.receipt == number, entries.c.contest_id == contest_id)
    )
    async with reading(engine) as connection:
        row = (await connection.execute(query)).first()
    return ReceiptRecord(*row) if row else None
