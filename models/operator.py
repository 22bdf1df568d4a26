"""Operators: the organiser's people who may use the console, in the ledger."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from models.database import metadata


class Role(StrEnum):
    """What an operator may do; each may do all that the ones before it may.

    A viewer sees figures (an observer from outside fits here), a moderator works on entries, claims and fraud, an admin
    decides about the contest, operators and results.
    """

    VIEWER = "viewer"
    MODERATOR = "moderator"
    ADMIN = "admin"

    def may(self, needed: "Role") -> bool:
        """Whether this role includes `needed`."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


operators = Table(
    "operators",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True, comment="what is typed at login, in small letters"),
    Column("full_name", Text, nullable=False, server_default=""),
    Column("role", Text, nullable=False),
    Column("language", Text, nullable=False, server_default="vi"),
    Column("active", Boolean, nullable=False, server_default="true"),
    Column("password_hash", Text, nullable=False, comment="argon2id"),
    Column(
        "password_is_new", Boolean, nullable=False, server_default="true", comment="given by another: to be changed"
    ),
    Column("totp_secret", LargeBinary, comment="encrypted by a key derived from the identity key; none: not set up"),
    Column("totp_step", BigInteger, nullable=False, server_default="0", comment="latest used: each code counts once"),
    Column("recovery_codes", ARRAY(Text), nullable=False, server_default="{}", comment="keyed digests of the unused"),
    Column("openid", Text, unique=True, comment="keyed digest of issuer and subject, where one is linked"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("logged_in_at", DateTime(timezone=True)),
    CheckConstraint(f"role IN {tuple(role.value for role in Role)}", name="role"),
    CheckConstraint("name = lower(name) AND name <> ''", name="name"),
)


@dataclass(frozen=True)
class Operator:
    """An operator's row, without its secrets."""

    id: int
    name: str
    full_name: str
    role: Role
    language: str
    active: bool
    password_is_new: bool
    has_totp: bool
    recovery_codes: int
    """How many are unused."""
    openid_linked: bool
    created_at: datetime
    logged_in_at: datetime | None


_ROW = select(
    operators.c.id,
    operators.c.name,
    operators.c.full_name,
    operators.c.role,
    operators.c.language,
    operators.c.active,
    operators.c.password_is_new,
    operators.c.totp_secret.is_not(None).label("has_totp"),
    func.cardinality(operators.c.recovery_codes).label("recovery_codes"),
    operators.c.openid.is_not(None).label("openid_linked"),
    operators.c.created_at,
    operators.c.logged_in_at,
)


def _operator(row: Any) -> Operator:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Operator(**(values | {"role": Role(values["role"])}))


def all_operators(connection: Connection) -> list[Operator]:
    """By name."""
    return [_operator(row) for row in connection.execute(_ROW.order_by(operators.c.name))]


def find_operator(connection: Connection, operator_id: int) -> Operator | None:
    row = connection.execute(_ROW.where(operators.c.id == operator_id)).first()
    return _operator(row) if row else None


def operator_named(connection: Connection, name: str) -> Operator | None:
    row = connection.execute(_ROW.where(operators.c.name == name.strip().lower())).first()
    return _operator(row) if row else None


def locked_operator(connection: Connection, operator_id: int) -> Operator | None:
    """The operator, whom nobody else changes until this transaction ends."""
    row = connection.execute(_ROW.where(operators.c.id == operator_id).with_for_update()).first()
    return _operator(row) if row else None


def locked_admins(connection: Connection) -> list[Operator]:
    """The admins who may log in; nobody else changes one until this transaction ends."""
    query = _ROW.where(operators.c.role == Role.ADMIN, operators.c.active).order_by(operators.c.id)
    return [_operator(row) for row in connection.execute(query.with_for_update())]


def is_operator_name(text: str) -> bool:
    """Whether an operator may be called so at login."""
    return re.fullmatch(r"[a-z][a-z0-9._-]{1,31}", text) is not None


def create_operator(connection: Connection, name: str, full_name: str, role: Role, password_hash: str) -> int | None:
    """A new operator with a password that somebody else gave; returns the id, None where the name exists already."""
    values = {"name": name, "full_name": full_name, "role": role.value, "password_hash": password_hash}
    created: int | None = connection.scalar(
        insert(operators).values(values).on_conflict_do_nothing(index_elements=["name"]).returning(operators.c.id)
    )
    return created


def change_operator(connection: Connection, operator_id: int, **values: Any) -> None:
    """Sets some of `full_name`, `role`, `language`, `active`."""
    connection.execute(update(operators).where(operators.c.id == operator_id).values(**values))
