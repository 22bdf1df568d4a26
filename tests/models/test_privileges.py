"""The roles of the ledger: each may do what its processes do, and what it may not the database refuses."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import ProgrammingError
from structlog.testing import capture_logs

from models.database import metadata, transaction, worker_engine
from models.migrate import migrate
from models.privileges import GRANTS, HIDDEN_FROM_AUDITORS, ROLES
from scripts.embedded.postgres import User
from tests.servers import PostgresServer, as_role

FOR_NOBODY = [
    "DELETE FROM votes",
    "TRUNCATE votes",
    "DROP TABLE votes",
    "UPDATE votes SET entry_id = 1",
    "UPDATE votes SET cast_at = now()",
    "UPDATE votes SET recovered_at = NULL",
    "ALTER TABLE votes DISABLE TRIGGER USER",
    "DROP TRIGGER votes_stay ON votes",
    "CREATE OR REPLACE FUNCTION votes_stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "UPDATE audit SET why = ''",
    "DELETE FROM audit",
    "TRUNCATE audit",
    "DROP TRIGGER audit_never_changes ON audit",
    "DELETE FROM results",
    "UPDATE results SET minutes = '{}'",
    "DELETE FROM epochs",
    "UPDATE alembic_version SET version_num = '0001'",
    "CREATE TABLE more ()",
    "CREATE ROLE somebody",
    "ALTER TABLE votes OWNER TO CURRENT_USER",
    "SET session_replication_role = replica",
    "SET ROLE binhchon",
    "COPY contests TO PROGRAM 'cat'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'binhchon' OR usename = 'postgres'",
]
FOR_NO_API = [
    "INSERT INTO votes (account_id, entry_id, receipt, shard) VALUES (1, 1, 1, 0)",
    "UPDATE votes SET voided_at = now()",
    "UPDATE tallies SET votes = 0",
    "UPDATE cursors SET taken = 0",
    "INSERT INTO epochs (epoch, contest_id) VALUES (1, 1)",
    "DELETE FROM operators",
]
FOR_NO_WORKER = [
    "SELECT password_hash FROM operators",
    "INSERT INTO operators (name, role, password_hash) VALUES ('mallory', 'admin', 'x')",
    "UPDATE operators SET role = 'admin'",
    "INSERT INTO contests (slug) VALUES ('x')",
    "DELETE FROM contests",
    "DELETE FROM entries",
    "UPDATE results SET published_at = now()",
]
FOR_NO_AUDITOR = [
    "UPDATE contests SET title = ''",
    "INSERT INTO audit (operator, action) VALUES ('mallory', 'x')",
    *(f"SELECT {column} FROM {table}" for table, columns in HIDDEN_FROM_AUDITORS.items() for column in sorted(columns)),
]
EVERYONE: tuple[User, ...] = ("api", "worker", "auditor")
REFUSED: dict[User, list[str]] = {
    "api": FOR_NOBODY + FOR_NO_API,
    "worker": FOR_NOBODY + FOR_NO_WORKER,
    "auditor": FOR_NOBODY + FOR_NO_API + FOR_NO_WORKER + FOR_NO_AUDITOR,
}


@pytest.fixture(scope="module")
def migrated(postgres: PostgresServer, migrated_template: str) -> Iterator[str]:
    """One database for the module: what is refused changes nothing."""
    url = postgres.new_database(migrated_template)
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="module")
def engines(migrated: str) -> dict[User, Engine]:
    return {user: worker_engine(as_role(migrated, user)) for user in EVERYONE}


@pytest.mark.parametrize(
    ("user", "statement"), [(user, statement) for user in EVERYONE for statement in REFUSED[user]], ids=str
)
def test_what_a_role_may_not_do_is_refused(engines: dict[User, Engine], user: User, statement: str) -> None:
    with pytest.raises(ProgrammingError) as refused, transaction(engines[user]) as connection:
        connection.exec_driver_sql(statement)
    assert getattr(refused.value.orig, "sqlstate", "") == "42501"


def test_every_table_says_who_may_do_what(migrated: str) -> None:
    with worker_engine(migrated).connect() as connection:
        assert set(GRANTS) == set(inspect(connection).get_table_names())
    for table, columns in HIDDEN_FROM_AUDITORS.items():
        assert columns < {column.name for column in metadata.tables[table].columns}, table


def test_an_auditor_reads_all_that_is_neither_secret_nor_personal(engines: dict[User, Engine]) -> None:
    with engines["auditor"].connect() as connection:
        for name, table in metadata.tables.items():
            shown = [column.name for column in table.columns if column.name not in HIDDEN_FROM_AUDITORS.get(name, ())]
            connection.exec_driver_sql(f"SELECT {', '.join(shown)} FROM {name}")


def test_a_right_that_nobody_needs_any_more_goes_with_the_next_migration(database: str) -> None:
    owner, api = worker_engine(database), worker_engine(as_role(database, "api"))
    with transaction(owner) as connection:
        connection.exec_driver_sql("GRANT DELETE ON operators TO binhchon_api")
    with transaction(api) as connection:
        connection.exec_driver_sql("DELETE FROM operators")
    migrate(database)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction(api) as connection:
        connection.exec_driver_sql("DELETE FROM operators")


def test_where_nobody_may_create_roles_one_does_everything_and_it_is_said(
    postgres_factory: Callable[..., PostgresServer],
) -> None:
    """A managed server; then one whose owner may, where they come without a password; in two databases of it."""
    server = postgres_factory()
    for role in ROLES:
        server.execute(f"DROP ROLE {role}")
    first, second = server.new_database(), server.new_database()
    with capture_logs() as logs:
        migrate(first)
    assert [(line["log_level"], line["missing"]) for line in logs] == [("warning", sorted(ROLES))]
    with worker_engine(first).begin() as connection:
        connection.execute(text("INSERT INTO votes (account_id, entry_id, receipt, shard) VALUES (1, 1, 1, 0)"))

    server.execute("ALTER ROLE binhchon CREATEROLE")
    with capture_logs() as logs:
        migrate(first)
        migrate(second)
    assert logs == []
    for url in (first, second):
        with worker_engine(url).connect() as connection:
            query = "SELECT has_table_privilege(:role, 'votes', 'SELECT') FROM unnest(CAST(:roles AS text[])) AS role"
            query = query.replace(":role,", "role,")
            assert connection.scalars(text(query), {"roles": ["binhchon_api", "binhchon_worker"]}).all() == [True, True]
