"""The ledger's engine, table metadata, and how its absence is spoken of."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection as Connection  # noqa: PLC0414 - for those who pass one on; SQL stays in this package
from sqlalchemy import Engine as Engine  # noqa: PLC0414 - the same
from sqlalchemy import MetaData, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)

API_TIMEOUT_S = 2.0
CONSOLE_TIMEOUT_S = 10.0
CONSOLE_CONNECTIONS = 6  # of one API process
CONNECT_TIMEOUT_S = 5
IDLE_IN_TRANSACTION_MS = 30_000  # a worker that hangs in a transaction loses its locks after this
CHECK_CLIENT_MS = 10_000  # a statement whose client was killed ends after this, and its locks with it
IDLE_MS = 60_000  # and one that hangs between two the lock on the repair: no other could open a box that it had shut

# A peer that is gone without a word is noticed within about 15 s.
_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


# `hide_parameters`, of every engine: an error that is logged says which statement failed, and of whom it spoke nothing.


class LedgerAway(Exception):  # noqa: N818 - a state of the ledger, as its callers speak of it
    """PostgreSQL does not answer."""


def worker_engine(url: str) -> Engine:
    """An engine without a pool: one direct connection at a time, opened where it is used and closed after.

    `synchronous_commit` is on whatever the server's default: a commit that returned is on disk.
    """
    engine = create_engine(
        url,
        hide_parameters=True,
        poolclass=NullPool,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}"
            f" -c idle_session_timeout={IDLE_MS} -c client_connection_check_interval={CHECK_CLIENT_MS} -c timezone=UTC",
            "application_name": "binhchon",
            **_KEEPALIVE,
        },
    )

    @event.listens_for(engine, "connect")
    def _durable(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = on")
        connection.commit()

    return engine


def async_engine(url: str, *, size: int = 4) -> AsyncEngine:
    """A small pooled engine for the API's few questions to the ledger (receipts, operators)."""
    return create_async_engine(
        url,
        hide_parameters=True,
        pool_size=size,
        max_overflow=0,
        pool_timeout=API_TIMEOUT_S,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 2,
            "options": f"-c statement_timeout={int(API_TIMEOUT_S * 1000)} -c timezone=UTC",
            "application_name": "binhchon-api",
            **_KEEPALIVE,
        },
    )


def console_engine(url: str) -> Engine:
    """A small pooled engine for the operators' console, whose pages run in threads of the API's processes."""
    return create_engine(
        url,
        hide_parameters=True,
        pool_size=CONSOLE_CONNECTIONS,
        max_overflow=0,
        pool_timeout=CONSOLE_TIMEOUT_S,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 2,
            "options": f"-c statement_timeout={int(CONSOLE_TIMEOUT_S * 1000)}"
            f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS} -c timezone=UTC",
            "application_name": "binhchon-console",
            **_KEEPALIVE,
        },
    )


@contextmanager
def ledger_errors() -> Iterator[None]:
    """Translates a lost or refused connection into LedgerAway; other errors stay what they are."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise LedgerAway(str(error.orig).strip().split("\n")[0]) from error
    except psycopg.OperationalError as error:  # from a COPY, which goes past SQLAlchemy
        raise LedgerAway(str(error).strip().split("\n")[0]) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise LedgerAway(str(error.orig).strip().split("\n")[0]) from error
        raise
    except (PoolTimeoutError, TimeoutError, OSError) as error:
        raise LedgerAway(str(error) or type(error).__name__) from error


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction on a connection of its own. Errors: LedgerAway."""
    with ledger_errors(), engine.begin() as connection:
        yield connection


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """One transaction in which every query sees the ledger at the same moment."""
    with connection.begin():
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for reading. Errors: LedgerAway."""
    with ledger_errors():
        async with engine.connect() as connection:
            yield connection


UNIQUE_VIOLATION = "23505"


class RefusedDataError(Exception):
    """PostgreSQL refuses the data itself (SQLSTATE 22… or 23…); trying again would change nothing."""

    def __init__(self, sqlstate: str, reason: str) -> None:
        super().__init__(f"{sqlstate}: {reason}")
        self.sqlstate = sqlstate
        self.reason = reason


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """What stands inside happens whole or not at all. Errors: RefusedDataError, after which the transaction goes on."""
    try:
        with connection.begin_nested():
            yield
    except (DBAPIError, psycopg.Error) as error:
        original: Any = error.orig if isinstance(error, DBAPIError) else error
        sqlstate = getattr(original, "sqlstate", None) or ""
        if sqlstate[:2] not in {"22", "23"}:
            raise
        raise RefusedDataError(sqlstate, str(original).strip().split("\n")[0]) from None
