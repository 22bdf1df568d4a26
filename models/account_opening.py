"""Openings of accounts in the ledger: what each login left behind, and the COPY of a batch of them."""

import struct
from functools import lru_cache

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from models.database import metadata
from models.event import AccountOpened, LogId
from models.minute_count import COUNT_NEW_OPENINGS
from models.vote import EPOCH_2000_US, copy_binary

_ERASED = "erased after the retention period"

# As the votes: whatever the log holds gets in. No foreign keys, no checks. Columns in an order without padding.
account_openings = Table(
    "account_openings",
    metadata,
    Column("account_id", BigInteger, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False, comment="the box's TIME"),
    Column("log_ms", BigInteger, nullable=False, comment="log id, in two integers: as text -10 sorts before -9"),
    Column("contest_id", Integer, nullable=False),
    Column("log_seq", Integer, nullable=False),
    Column("shard", SmallInteger, nullable=False),
    Column("proof", SmallInteger, nullable=False, comment="how the identity was proven: models.event.Proof"),
    Column("hint", Text, comment=f"masked identity; {_ERASED}"),
    Column("domain", Text, comment=f"of the address, or host of the OpenID issuer; {_ERASED}"),
    Column("grams", ARRAY(Integer), comment=f"keyed fragments of the name: models/ngrams.py; {_ERASED}"),
    Column(
        "agreed", JSONB, nullable=False, comment="models.agreement.Purpose → version of its text; kept with the account"
    ),
    PrimaryKeyConstraint("contest_id", "shard", "log_ms", "log_seq"),
    Index(None, "account_id"),
)

_COLUMNS = (
    *("account_id", "opened_at", "log_ms", "contest_id", "log_seq", "shard", "proof"),
    *("hint", "domain", "grams", "agreed"),
)
_NAMES = ", ".join(_COLUMNS)
_HEAD = struct.Struct(">hiqiqiqiiiiihih")
_LENGTH = struct.Struct(">i")
_INTEGER = 23  # the OID of int4
_JSONB_VERSION = b"\x01"


def opening_row(contest_id: int, shard: int, log_id: LogId, at_ms: int, opened: AccountOpened) -> bytes:
    """One opening as a row of PostgreSQL's binary COPY format."""
    ms, seq = log_id
    at_us = at_ms * 1000 - EPOCH_2000_US
    fields = (_text(opened.hint), _text(opened.domain), _array(opened.grams), _jsonb(opened.agreed))
    return b"".join(
        (
            _HEAD.pack(
                *(len(_COLUMNS), 8, opened.account, 8, at_us, 8, ms, 4, contest_id, 4, seq, 2, shard, 2, opened.proof)
            ),
            *(part for field in fields for part in (_LENGTH.pack(len(field)), field)),
        )
    )


def _text(text: str) -> bytes:
    return text.replace("\0", "\ufffd").encode()  # PostgreSQL's texts hold no zero


def _array(numbers: tuple[int, ...]) -> bytes:
    """PostgreSQL's binary form of integer[] (`array_recv`): dimensions, no nulls, type; length and first index."""
    if not numbers:
        return struct.pack(">iii", 0, 0, _INTEGER)
    sized = [4] * (2 * len(numbers))  # the length before each
    sized[1::2] = numbers
    return struct.pack(f">{5 + 2 * len(numbers)}i", 1, 0, _INTEGER, len(numbers), 1, *sized)


@lru_cache(maxsize=128)  # nearly all voters agree to the same
def _jsonb(agreed: tuple[tuple[int, int], ...]) -> bytes:
    return _JSONB_VERSION + orjson.dumps({str(purpose): version for purpose, version in agreed})


def insert_openings(connection: Connection, rows: list[bytes]) -> int:
    """Writes openings (`opening_row`), by COPY; what is there already stays. What is new is counted by minute
    (models/minute_count.py) in the same statement. Returns how many were new.
    """
    connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE IF NOT EXISTS staged_openings (LIKE account_openings) ON COMMIT DELETE ROWS"
    )
    copy_binary(connection, f"COPY staged_openings ({_NAMES}) FROM STDIN (FORMAT binary)", rows)
    inserted = connection.exec_driver_sql(
        f"WITH new AS (INSERT INTO account_openings ({_NAMES}) SELECT {_NAMES} FROM staged_openings"  # noqa: S608 - constants
        " ORDER BY contest_id, shard, log_ms, log_seq ON CONFLICT DO NOTHING"
        " RETURNING contest_id, shard, account_id, opened_at, proof, log_ms, log_seq),"
        f" {COUNT_NEW_OPENINGS} SELECT count(*) FROM marked"
    ).scalar_one()
    connection.exec_driver_sql("TRUNCATE staged_openings")
    return int(inserted)
