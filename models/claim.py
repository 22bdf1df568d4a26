"""Claims: what voters report as a lost vote. The API puts them into scratch (`models/scratch/claims.py`), a worker
stores them here, operators answer them (`models/claim_inbox.py`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from uuid import UUID, uuid4

import orjson
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import insert

from models import crockford
from models.database import metadata
from models.times import from_ms

STATES = ("open", "answered", "reopened")
REFERENCE_LENGTH = 10

claims = Table(
    "claims",
    metadata,
    Column("id", Uuid, primary_key=True, comment="made with the claim: storing it twice is storing it once"),
    Column("reference", String(REFERENCE_LENGTH), nullable=False, index=True, comment="what the voter was shown"),
    Column("contest_id", Integer, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, comment="by the box's clock"),
    Column("stored_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("language", String(8), nullable=False, comment="of the page: the language to answer in"),
    Column("happened", Text, nullable=False),
    Column("entry_id", Integer, comment="of the published entry that `entry` names, where it names one"),
    Column("entry", Text, nullable=False, comment="the entry as it was typed"),
    Column("moment", Text, nullable=False, comment="when it happened, as it was typed"),
    Column("receipt", BigInteger, comment="the 60-bit number of a genuine receipt"),
    Column("contact", Text, nullable=False, comment="an address to answer to, as it was typed; erased after answering"),
    Column("account_id", BigInteger, comment="of the session; none: nobody was logged in"),
    Column("state", Text, nullable=False, server_default="open"),
    Column("version", Integer, nullable=False, server_default="1", comment="rises with every change by an operator"),
    Column("answered_at", DateTime(timezone=True), comment="the latest answer"),
    Column("erased_at", DateTime(timezone=True), comment="when its words were erased"),
    CheckConstraint(f"state IN {STATES}", name="state"),
    Index(None, "account_id"),
    Index(None, "contest_id", "received_at"),
)


@dataclass(frozen=True)
class Claim:
    """One report of a lost vote. `received_at`: ms since 1970. Texts that were left out are empty.

    No constraint of the ledger but the id can stand against one: texts hold no NUL, numbers fit their columns.
    """

    contest_id: int
    received_at: int
    language: str
    happened: str
    entry_id: int | None = None
    entry: str = ""
    moment: str = ""
    receipt: int | None = None
    contact: str = ""
    account_id: int | None = None
    id: UUID = field(default_factory=uuid4)
    reference: str = field(default_factory=lambda: crockford.random_letters(REFERENCE_LENGTH))


class MalformedClaimError(Exception):
    """The bytes are no claim of this version."""


_CLAIM = TypeAdapter(Claim)


def pack_claim(claim: Claim) -> bytes:
    """JSON, as it waits in scratch."""
    return orjson.dumps(asdict(claim))


def unpack_claim(packed: bytes) -> Claim:
    """Errors: MalformedClaimError; also for a NUL, which PostgreSQL's texts cannot hold."""
    try:
        claim = _CLAIM.validate_json(packed)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]  # a log keeps nothing of what a voter wrote
        raise MalformedClaimError(f"{'.'.join(str(part) for part in first['loc'])}: {first['type']}") from None
    if any(isinstance(value, str) and "\0" in value for value in vars(claim).values()):
        raise MalformedClaimError("NUL in a text")
    return claim


def spelled(reference: str) -> str:
    """`7F3K9-2QD0A`: two groups, to be read out at the help line."""
    return f"{reference[:5]}-{reference[5:]}"


def parse_reference(text: str) -> str | None:
    """The reference in `text`, None where there is none."""
    return crockford.read(text, REFERENCE_LENGTH)


def store(connection: Connection, found: Sequence[Claim]) -> int:
    """Adds claims to the ledger, those that it has already left as they are. Returns how many were new."""
    if not found:
        return 0
    rows = [asdict(claim) | {"received_at": from_ms(claim.received_at)} for claim in found]
    query = insert(claims).on_conflict_do_nothing(index_elements=["id"]).returning(claims.c.id)
    return len(connection.scalars(query, rows).all())
