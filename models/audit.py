"""The audit log: who changed what, when, from what to what, and why. Rows are only ever added: a trigger of the
database refuses every UPDATE, DELETE and TRUNCATE.

It holds nothing of a voter but account numbers, so that it can be kept when personal data is erased: a reason that
somebody types is kept without the addresses and telephone numbers in it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    cast,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from models.database import metadata

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("operator_id", Integer, comment="none: a command or the system itself"),
    Column("operator", Text, nullable=False, comment="the name as it was then"),
    Column("address", Text, nullable=False, server_default="", comment="where the operator came from"),
    Column("contest_id", Integer),
    Column("action", Text, nullable=False, comment="such as entry.publish"),
    Column("subject", Text, nullable=False, server_default="", comment="what it was done to, such as entry:12"),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Column("why", Text, nullable=False, server_default=""),
    Index(None, "at"),
)

_IDENTITY = re.compile(r"[^\s@<>(),;]{1,64}@[^\s@<>(),;]{1,255}|(?<!\d)(?:\+?84|0)(?:[ .-]?\d){9}(?!\d)")
"""An e-mail address or a Vietnamese telephone number, as people write them."""


@dataclass(frozen=True)
class Actor:
    """Who does something: an operator, or (`operator_id` None) a command or job by its name."""

    name: str
    operator_id: int | None = None
    address: str = ""


SYSTEM = Actor("system")


class Change(NamedTuple):
    """What one line of many says: `subject`, and the values that changed, JSON."""

    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def record(
    connection: Connection,
    actor: Actor,
    action: str,
    subject: str = "",
    *,
    contest_id: int | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    why: str = "",
) -> None:
    """Writes one line of the audit log, in the transaction of the change itself: neither stands without the other.

    `action`: `<noun>.<verb>`; `before`, `after`: the values that changed, JSON; `why`: kept with “…” for identities.
    """
    connection.execute(
        insert(audit).values(
            operator_id=actor.operator_id,
            operator=actor.name,
            address=actor.address,
            contest_id=contest_id,
            action=action,
            subject=subject,
            before=before,
            after=after,
            why=_IDENTITY.sub("…", why),
        )
    )


def record_each(
    connection: Connection, actor: Actor, action: str, changes: list[Change], contest_id: int, why: str
) -> None:
    """Writes one line for each of many changes of one kind, in one statement. As `record`."""
    same = {"operator_id": actor.operator_id, "operator": actor.name, "address": actor.address, "action": action}
    same |= {"contest_id": contest_id, "why": _IDENTITY.sub("…", why)}
    connection.execute(insert(audit), [same | change._asdict() for change in changes])


def difference(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Only what differs: `before` and `after` for `record`."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


@dataclass(frozen=True)
class AuditLine:
    """One line, as it was written."""

    id: int
    at: datetime
    operator_id: int | None
    operator: str
    address: str
    contest_id: int | None
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    why: str


@dataclass(frozen=True)
class AuditSearch:
    """Which lines are looked for; what is empty does not count."""

    operator: str = ""
    action: str = ""
    """Its beginning: `entry` finds `entry.publish`."""
    subject: str = ""
    words: str = ""
    """In the reason, the subject, or what was changed."""
    since: datetime | None = None
    until: datetime | None = None
    """The first moment that is too late."""


def audit_lines(
    connection: Connection, search: AuditSearch | None = None, *, below: int | None = None, limit: int = 50
) -> list[AuditLine]:
    """Newest first. `below`: only lines before the one with this id, for the next page."""
    asked = search or AuditSearch()
    query = select(*(audit.c[name] for name in AuditLine.__dataclass_fields__)).order_by(audit.c.id.desc())
    if below is not None:
        query = query.where(audit.c.id < below)
    if asked.operator:
        query = query.where(audit.c.operator == asked.operator)
    if asked.action:
        query = query.where(audit.c.action.startswith(asked.action, autoescape=True))
    if asked.subject:
        query = query.where(audit.c.subject == asked.subject)
    if asked.words:
        places = (audit.c.why, audit.c.subject, cast(audit.c.before, Text), cast(audit.c.after, Text))
        query = query.where(or_(*(place.icontains(asked.words, autoescape=True) for place in places)))
    if asked.since is not None:
        query = query.where(audit.c.at >= asked.since)
    if asked.until is not None:
        query = query.where(audit.c.at < asked.until)
    return [AuditLine(**row._mapping) for row in connection.execute(query.limit(limit))]  # noqa: SLF001 - public name
