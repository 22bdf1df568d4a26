"""Requests of data subjects: what somebody asks about their own data, with the clock of the law.

Neither name nor address of the person is kept: what they typed is hashed to the account at once, as at login.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    func,
    insert,
    select,
    text,
    update,
)

from models.audit import Actor
from models.database import metadata

TERM_DAYS = 2
"""Working days within which a request is answered (Nghị định 356/2025/NĐ-CP; docs/privacy.md)."""
KINDS = ("see", "correct", "erase", "withdraw")
FOUND_BY = ("email", "sms", "receipt", "claim")

data_requests = Table(
    "data_requests",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("contest_id", Integer, nullable=False),
    Column("account_id", BigInteger, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("found_by", Text, nullable=False),
    Column("hint", Text, nullable=False, comment="masked identity; erased after the retention period"),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False, comment="the first moment that is too late"),
    Column("erased_at", DateTime(timezone=True), comment="what stood there then has been erased"),
    Column("note", Text, nullable=False, server_default="", comment="what the person was answered"),
    Column("answered_at", DateTime(timezone=True)),
    Column("version", Integer, nullable=False, server_default="1", comment="rises with every change"),
    Column("operator", Text, nullable=False, comment="who wrote it down"),
    CheckConstraint(f"kind IN {KINDS}", name="kind"),
    CheckConstraint(f"found_by IN {FOUND_BY}", name="found_by"),
    Index("ix_data_requests_due_at", "due_at", postgresql_where=text("answered_at IS NULL")),
)


@dataclass(frozen=True)
class DataRequest:
    """A request's row."""

    id: int
    contest_id: int
    account_id: int
    kind: str
    found_by: str
    hint: str
    received_at: datetime
    due_at: datetime
    erased_at: datetime | None
    note: str
    answered_at: datetime | None
    version: int
    operator: str


_COLUMNS = [data_requests.c[name] for name in DataRequest.__dataclass_fields__]


def open_request(
    connection: Connection,
    contest_id: int,
    account_id: int,
    *,
    kind: str,
    found_by: str,
    hint: str,
    received_at: datetime,
    due_at: datetime,
    actor: Actor,
) -> int:
    """Returns its id."""
    request_id: int = connection.execute(
        insert(data_requests)
        .values(
            contest_id=contest_id,
            account_id=account_id,
            kind=kind,
            found_by=found_by,
            hint=hint,
            received_at=received_at,
            due_at=due_at,
            operator=actor.name,
        )
        .returning(data_requests.c.id)
    ).scalar_one()
    return request_id


def all_requests(connection: Connection, *, limit: int = 200) -> list[DataRequest]:
    """Those that wait first, the one that is due next at the top; then the answered, latest first."""
    order = (data_requests.c.answered_at.desc().nulls_first(), data_requests.c.due_at)
    return [DataRequest(*row) for row in connection.execute(select(*_COLUMNS).order_by(*order).limit(limit))]


def find_request(connection: Connection, request_id: int, *, lock: bool = False) -> DataRequest | None:
    query = select(*_COLUMNS).where(data_requests.c.id == request_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return DataRequest(*row) if row else None


def overdue(connection: Connection) -> int:
    """Requests whose term is over without an answer."""
    query = select(func.count()).where(data_requests.c.answered_at.is_(None), data_requests.c.due_at <= func.now())
    return int(connection.scalar(query) or 0)


def answer_request(connection: Connection, request_id: int, version: int, note: str) -> bool:
    """Notes the answer, if the request is what the operator saw (`version`). Returns whether it was."""
    return _change(connection, request_id, version, note=note, answered_at=func.now())


def note_erased(connection: Connection, request_id: int, version: int) -> bool:
    """Notes that the data has been erased, as above."""
    return _change(connection, request_id, version, erased_at=func.now())


def _change(connection: Connection, request_id: int, version: int, **values: Any) -> bool:
    query = update(data_requests).where(data_requests.c.id == request_id, data_requests.c.version == version)
    return connection.execute(query.values(values | {"version": version + 1})).rowcount == 1
