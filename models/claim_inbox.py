"""The inbox of claims: what operators see of them, and how a claim is answered.

    open ─▶ answered ─▶ reopened ─▶ answered …

Each change names the version that the operator saw: of two at one claim the second is told.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select, update

from models.claim import claims
from models.claim_answer import claim_answers
from models.working_days import read_holidays, term_ends

PAGE = 50  # claims
TERM_DAYS = 2
"""Working days after which a claim without an answer is overdue."""


@dataclass(frozen=True)
class Filed:
    """A claim as it stands in the ledger. Texts are empty where they were left out or erased; times in UTC."""

    id: UUID
    reference: str
    contest_id: int
    received_at: datetime
    language: str
    happened: str
    entry_id: int | None
    entry: str
    moment: str
    receipt: int | None
    contact: str
    account_id: int | None
    state: str
    version: int
    answered_at: datetime | None
    erased_at: datetime | None

    @property
    def waits(self) -> bool:
        """Whether the voter has no answer yet."""
        return self.state != "answered"


_COLUMNS = [claims.c[name] for name in Filed.__dataclass_fields__]


def _filed(row: Any) -> Filed:
    return Filed(*row)


def inbox(connection: Connection, contest_id: int, *, waiting: bool, page: int = 1) -> list[Filed]:
    """One page of the claims that wait, oldest first, or of those that were answered, latest first."""
    state = claims.c.state != "answered" if waiting else claims.c.state == "answered"
    order = claims.c.received_at.asc() if waiting else claims.c.answered_at.desc()
    query = select(*_COLUMNS).where(claims.c.contest_id == contest_id, state).order_by(order, claims.c.id)
    return [_filed(row) for row in connection.execute(query.limit(PAGE).offset((page - 1) * PAGE))]


def counts(connection: Connection, contest_id: int) -> tuple[int, int]:
    """How many claims (wait, are answered)."""
    answered = func.count().filter(claims.c.state == "answered")
    row = connection.execute(
        select(func.count() - answered, answered).select_from(claims).where(claims.c.contest_id == contest_id)
    ).one()
    return int(row[0]), int(row[1])


def overdue(connection: Connection, contest_id: int, now: datetime) -> int:
    """Claims that wait for longer than TERM_DAYS working days; of those that wait the oldest 1,000 are looked at."""
    query = select(claims.c.received_at).where(claims.c.contest_id == contest_id, claims.c.state != "answered")
    waiting = connection.scalars(query.order_by(claims.c.received_at).limit(1_000)).all()
    off = read_holidays(connection) if waiting else {}
    return sum(term_ends(at, TERM_DAYS, off) <= now for at in waiting)


def claims_referred(connection: Connection, reference: str) -> list[Filed]:
    """The claims with this reference (`models.claim.parse_reference`): one, but for a chance of one in 2⁵⁰."""
    return [_filed(row) for row in connection.execute(select(*_COLUMNS).where(claims.c.reference == reference))]


def find_claim(connection: Connection, claim_id: UUID, *, lock: bool = False) -> Filed | None:
    query = select(*_COLUMNS).where(claims.c.id == claim_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return _filed(row) if row else None


def latest_operator(connection: Connection, claim_id: UUID) -> str:
    """Who answered last; empty where nobody did."""
    query = select(claim_answers.c.operator).where(claim_answers.c.claim_id == claim_id)
    return connection.scalar(query.order_by(claim_answers.c.id.desc()).limit(1)) or ""


def move(connection: Connection, claim_id: UUID, version: int, state: str) -> bool:
    """Brings a claim to `answered` or `reopened`, if it is what the operator saw (`version`). Returns whether so."""
    values: dict[str, Any] = {"state": state, "version": claims.c.version + 1}
    if state == "answered":
        values["answered_at"] = func.now()
    result = connection.execute(
        update(claims).where(claims.c.id == claim_id, claims.c.version == version).values(values)
    )
    return result.rowcount == 1
