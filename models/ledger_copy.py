"""A copy of the ledger and its return: what must be one moment, what must be empty, what is written anew.

A copy is made by `pg_dump` at a moment that a transaction of ours holds (`held`): so that the copy, the cursors and the
numbers of rows are of the same moment. It is put back into a schema of its own, `restoring`, which nothing reads, and
becomes the ledger in one transaction (`become_ledger`), in which everything about it is checked first.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from alembic import command
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import text, update
from sqlalchemy.engine import make_url

from models import privileges
from models.contest import Contest, all_contests, set_epoch
from models.cursor import Cursor, add_epoch, cursors, read_cursors
from models.database import Connection, Engine, ledger_errors
from models.event import LogId
from models.migrate import config

RESTORING = "restoring"
"""Schema of a ledger that is being put back."""
REPLACED = "replaced_"
"""What the schemas of ledgers begin with in whose place another one was put."""
# One session runs the first before what `pg_dump` made of the schema `public`, its CREATE included; then the second.
BEGIN_COPY = f"ALTER SCHEMA public RENAME TO {RESTORING}_beside"
END_COPY = f"ALTER SCHEMA public RENAME TO {RESTORING}; ALTER SCHEMA {RESTORING}_beside RENAME TO public"


class CopyRefusedError(Exception):
    """A copy cannot be put back here; nothing was changed. The text says why, for people."""


@dataclass(frozen=True)
class Held:
    """The ledger at one moment. `snapshot` names it to `pg_dump`; `rows`: table → rows; `cursors`: contest → shard →
    cursor.
    """

    snapshot: str
    server: int
    revision: str
    rows: dict[str, int]
    contests: list[Contest]
    cursors: dict[int, dict[int, Cursor]]


@contextmanager
def held(engine: Engine) -> Iterator[Held]:
    """The ledger at this moment, for as long as the block lasts. Errors: LedgerAway."""
    with ledger_errors():
        connection = engine.connect()
    try:
        with ledger_errors():  # but not around the block: a disk that is full there is no ledger that is away
            ledger = _hold(connection)
        yield ledger
    finally:
        connection.close()


def _hold(connection: Connection) -> Held:
    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    contests = all_contests(connection)
    return Held(
        snapshot=connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one(),
        server=int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()),
        revision=connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one(),
        rows=count_rows_of_all(connection),
        contests=contests,
        cursors={contest.id: read_cursors(connection, contest.id) for contest in contests},
    )


def count_rows_of_all(connection: Connection) -> dict[str, int]:
    """Table → rows, of every table of the schema `public`."""
    names = connection.exec_driver_sql(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    ).scalars()
    quoted = connection.dialect.identifier_preparer.quote
    count = "SELECT count(*) FROM public."
    return {name: connection.exec_driver_sql(count + quoted(name)).scalar_one() for name in names.all()}


def connection_words(url: str) -> tuple[str, str]:
    """How PostgreSQL's own programs are told of the database `url`: a connection text without the password, for the
    command line that everybody sees, and the password, for the environment. Errors: CopyRefusedError.
    """
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        words = conninfo_to_dict(address)
    except ProgrammingError:
        raise CopyRefusedError("DATABASE_URL is no address that PostgreSQL's programs understand") from None
    password = words.pop("password", "")
    return make_conninfo("", **{name: str(value) for name, value in words.items()}), str(password or "")


def knows_revision(connection: Connection, revision: str) -> bool:
    """Whether this release knows a ledger of that revision."""
    try:
        return ScriptDirectory.from_config(config(connection)).get_revision(revision) is not None
    except CommandError:
        return False


def look_at_target(engine: Engine, revision: str, *, replace: bool) -> None:
    """Errors: CopyRefusedError where this release does not know the copy's revision, something is there that nobody
    said may be replaced, or somebody is logged in; LedgerAway.
    """
    with ledger_errors(), engine.connect() as connection:
        if not knows_revision(connection, revision):
            raise CopyRefusedError(f"the backup was made by a newer release (its ledger is at {revision})")
        others = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).scalar_one()
        if others:
            raise CopyRefusedError(
                f"{others} other connections to the database are open: stop every process of the installation first"
            )
        tables = sorted(count_rows_of_all(connection))
        if tables and not replace:
            raise CopyRefusedError(
                f"the database is not empty ({len(tables)} tables). With --replace its tables are kept beside the"
                f" restored ones, in a schema {REPLACED}…"
            )


def forget_unfinished(engine: Engine) -> None:
    """Drops what a restore that was killed has left. Errors: LedgerAway."""
    with ledger_errors(), engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA IF EXISTS {RESTORING} CASCADE"))


def become_ledger(connection: Connection, rows: dict[str, int], replaced: str) -> None:
    """Makes what is in the schema `restoring` the ledger, in the caller's transaction, with all migrations and
    the rights of its roles. What was there goes to the schema `replaced`.

    Errors: CopyRefusedError where it is not what was copied.
    """
    before = count_rows_of_all(connection)
    connection.execute(text(f'ALTER SCHEMA public RENAME TO "{replaced}"'))
    if not before:
        connection.execute(text(f'DROP SCHEMA "{replaced}"'))
    connection.execute(text(f"ALTER SCHEMA {RESTORING} RENAME TO public"))
    connection.execute(text("GRANT USAGE ON SCHEMA public TO PUBLIC"))
    found = count_rows_of_all(connection)
    wrong = sorted(name for name in rows.keys() | found.keys() if rows.get(name) != found.get(name))
    if wrong:
        raise CopyRefusedError(f"the restored tables are not those of the backup: {', '.join(wrong)}")
    command.upgrade(config(connection), "head")
    privileges.grant(connection)


def begin_life(connection: Connection, contest_id: int, last: dict[int, LogId]) -> None:
    """Takes the contest out of every epoch that a box may be in, so that nothing is flushed or served before a repair.
    `last`: shard → id of the last event that the ledger has been given; the next log begins after it.
    """
    epoch = secrets.randbelow(2**52) + 1
    add_epoch(connection, contest_id, epoch)
    set_epoch(connection, contest_id, epoch)
    ours = cursors.c.contest_id == contest_id
    connection.execute(update(cursors).where(ours).values(epoch=epoch))
    for shard, (ms, seq) in last.items():
        connection.execute(update(cursors).where(ours, cursors.c.shard == shard).values(log_ms=ms, log_seq=seq))


def analyze(engine: Engine) -> None:
    """Lets PostgreSQL count anew what its plans go by. Errors: LedgerAway."""
    with ledger_errors(), engine.begin() as connection:
        connection.execute(text("ANALYZE"))
