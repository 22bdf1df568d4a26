"""Answers to claims: what an operator told a voter, and how far the mail with it has got.

    waiting ─▶ sent | failed          by e-mail (`workers/answers.py`)
    told                              on the telephone: nothing is sent

An answer that is sent is sent at least once: who dies after the mail server took it, sends it again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
    func,
    insert,
    select,
    text,
    update,
)

from models.audit import Actor
from models.claim import claims
from models.database import metadata

WAYS = ("email", "phone")
STATES = ("waiting", "sent", "failed", "told")
LEASE = timedelta(seconds=90)
"""How long a sender has for an answer that it took; then another may."""
LONGEST_BACK_OFF = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=2)

claim_answers = Table(
    "claim_answers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("claim_id", Uuid, ForeignKey("claims.id"), nullable=False, index=True),
    Column("way", Text, nullable=False),
    Column("sent_to", Text, nullable=False, comment="the address that it goes to; erased with the claim's contact"),
    Column("language", String(8), nullable=False),
    Column("body", Text, nullable=False, comment="erased with the claim's words"),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=func.now(), comment="of the next try"),
    Column("sent_at", DateTime(timezone=True)),
    Column("problem", Text, nullable=False, server_default="", comment="why it was not sent, without the address"),
    Column("operator_id", Integer),
    Column("operator", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint(f"way IN {WAYS}", name="way"),
    CheckConstraint(f"state IN {STATES}", name="state"),
    Index("ix_claim_answers_due_at", "due_at", postgresql_where=text("state = 'waiting'")),
)


@dataclass(frozen=True)
class Answer:
    """One answer, as a claim's page shows it."""

    id: int
    way: str
    body: str
    state: str
    tries: int
    sent_at: datetime | None
    problem: str
    operator: str
    made_at: datetime


@dataclass(frozen=True)
class Letter:
    """An answer that is to be sent by e-mail. `tries`: this one included."""

    id: int
    claim_id: UUID
    reference: str
    sent_to: str
    language: str
    body: str
    tries: int
    made_at: datetime


_ANSWER = [claim_answers.c[name] for name in Answer.__dataclass_fields__]


def add_answer(
    connection: Connection, claim_id: UUID, way: str, sent_to: str, language: str, body: str, actor: Actor
) -> int:
    """Writes an answer down; one by e-mail waits to be sent. Returns its id."""
    values = {
        "claim_id": claim_id,
        "way": way,
        "sent_to": sent_to,
        "language": language,
        "body": body,
        "state": "waiting" if way == "email" else "told",
        "operator_id": actor.operator_id,
        "operator": actor.name,
    }
    answer_id: int = connection.execute(insert(claim_answers).values(values).returning(claim_answers.c.id)).scalar_one()
    return answer_id


def answers_of(connection: Connection, claim_id: UUID) -> list[Answer]:
    """Oldest first."""
    query = select(*_ANSWER).where(claim_answers.c.claim_id == claim_id).order_by(claim_answers.c.id)
    return [Answer(*row) for row in connection.execute(query)]


def are_due(connection: Connection) -> bool:
    """Whether an answer waits whose time has come."""
    query = select(claim_answers.c.id).where(claim_answers.c.state == "waiting", claim_answers.c.due_at <= func.now())
    return connection.execute(query.limit(1)).first() is not None


def lease_answer(connection: Connection) -> Letter | None:
    """Takes the oldest answer that is due for this sender, for LEASE; None where there is none, or others have them."""
    due = (
        select(claim_answers.c.id)
        .where(claim_answers.c.state == "waiting", claim_answers.c.due_at <= func.now())
        .order_by(claim_answers.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    row = connection.execute(
        update(claim_answers)
        .where(claim_answers.c.id == due, claims.c.id == claim_answers.c.claim_id)
        .values(due_at=func.now() + LEASE, tries=claim_answers.c.tries + 1)
        .returning(
            claim_answers.c.id,
            claim_answers.c.claim_id,
            claims.c.reference,
            claim_answers.c.sent_to,
            claim_answers.c.language,
            claim_answers.c.body,
            claim_answers.c.tries,
            claim_answers.c.made_at,
        )
    ).first()
    return Letter(*row) if row else None


def note_sent(connection: Connection, answer_id: int) -> None:
    _end(connection, answer_id, state="sent", sent_at=func.now(), problem="")


def note_later(connection: Connection, letter: Letter, problem: str) -> None:
    """The answer waits for another try: after 1, 2, 4 … 60 minutes."""
    wait = min(LONGEST_BACK_OFF, timedelta(minutes=2 ** min(letter.tries - 1, 10)))
    _end(connection, letter.id, state="waiting", due_at=func.now() + wait, problem=problem)


def note_failed(connection: Connection, letter: Letter, problem: str) -> None:
    """The answer will never be sent: the claim is open again, for somebody to find another way."""
    _end(connection, letter.id, state="failed", problem=problem)
    connection.execute(
        update(claims)
        .where(claims.c.id == letter.claim_id, claims.c.state == "answered")
        .values(state="reopened", version=claims.c.version + 1)
    )


def _end(connection: Connection, answer_id: int, **values: Any) -> None:
    query = update(claim_answers).where(claim_answers.c.id == answer_id, claim_answers.c.state == "waiting")
    connection.execute(query.values(values))
