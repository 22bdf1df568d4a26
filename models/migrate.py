"""Bringing the ledger's tables up to date, and what its roles may do in them."""

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from models import privileges
from models.database import ledger_errors, worker_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOCK = 7267  # two processes that migrate at once take turns


def config(connection: "Connection") -> Config:
    """Alembic's configuration for one connection."""
    settings = Config()
    settings.set_main_option("script_location", "models:migrations")
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    return settings


def migrate(database_url: str) -> None:
    """Runs all migrations that are missing and grants the roles what they need, in one transaction.

    Errors: LedgerAway.
    """
    engine = worker_engine(database_url)
    with ledger_errors(), engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(config(connection), "head")
        privileges.grant(connection)
