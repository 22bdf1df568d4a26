"""Fixtures for every test: real servers, started once for the session and only when a test asks for them.

| fixture          | what                                                                                     |
|------------------|------------------------------------------------------------------------------------------|
| `box`            | address of the session's box, emptied (keys and functions) for this test                  |
| `scratch`        | the same of scratch                                                                       |
| `box_url`, `scratch_url` | addresses for the session, not emptied                                            |
| `database`       | address of a new database of this test, with all migrations                               |
| `empty_database` | address of a new database of this test, empty                                             |
| `new_database`   | makes further ones: `new_database()` with migrations, `new_database(migrated=False)` without |
| `postgres`       | the session's server (`tests.servers.PostgresServer`); never kill it                      |
| `open_contest`   | a contest of three entries, open in `box`, with `database` behind it (`Stage`) |
| `valkey_factory` | `valkey_factory("box")` → a server of this test's own, to be killed and restarted         |
| `postgres_factory` | `postgres_factory()` → a server of this test's own, to be killed and restarted          |
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from models.migrate import migrate
from tests.servers import PostgresServer, Servers, ValkeyServer, database_name, denied, empty_valkey, short_folder
from tests.workers.contests import Stage, stage


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    session = Servers()
    try:
        yield session
    finally:
        session.close()


@pytest.fixture(scope="session")
def box_url(servers: Servers) -> Iterator[str]:
    """At the end of all tests nobody was refused anything: API and workers may do what they do."""
    url = servers.valkey("box").url
    yield url
    assert denied(url) == []


@pytest.fixture(scope="session")
def scratch_url(servers: Servers) -> str:
    return servers.valkey("scratch").url


@pytest.fixture(scope="session")
def postgres(servers: Servers) -> PostgresServer:
    return servers.postgres()


@pytest.fixture
def box(box_url: str) -> str:
    empty_valkey(box_url)
    return box_url


@pytest.fixture
def scratch(scratch_url: str) -> str:
    empty_valkey(scratch_url)
    return scratch_url


@pytest.fixture(scope="session")
def migrated_template(postgres: PostgresServer) -> str:
    """Name of a database with all migrations, to be copied: much faster than migrating each test's own."""
    url = postgres.new_database()
    migrate(url)
    return database_name(url)


@pytest.fixture
def new_database(postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    made: list[str] = []

    def new(*, migrated: bool = True) -> str:
        template = request.getfixturevalue("migrated_template") if migrated else "template0"
        made.append(postgres.new_database(template))
        return made[-1]

    yield new
    for url in made:
        postgres.drop_database(url)


@pytest.fixture
def database(new_database: Callable[..., str]) -> str:
    return new_database()


@pytest.fixture
def open_contest(box: str, database: str) -> Iterator[Stage]:
    with stage(box, database) as made:
        yield made


@pytest.fixture
def empty_database(new_database: Callable[..., str]) -> str:
    return new_database(migrated=False)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder with a short path (Unix sockets in it must fit in 107 bytes)."""
    made = short_folder()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def valkey_factory(folder: Path) -> Iterator[Callable[..., ValkeyServer]]:
    """`valkey_factory(role, data_dir=None, *, maxmemory=…, extra=())`: started, and stopped after the test."""
    made: list[ValkeyServer] = []

    def start(role: Any = "box", data_dir: Path | None = None, **options: Any) -> ValkeyServer:
        made.append(ValkeyServer(role, data_dir or folder / f"{role}{len(made)}", **options))
        return made[-1].start()

    yield start
    for server in made:
        server.stop()


@pytest.fixture
def postgres_factory(folder: Path) -> Iterator[Callable[..., PostgresServer]]:
    """`postgres_factory(data_dir=None, *, namespaces=None, elsewhere=…)`: started, and stopped after the test."""
    made: list[PostgresServer] = []

    def start(data_dir: Path | None = None, **options: Any) -> PostgresServer:
        made.append(PostgresServer(data_dir or _made(folder / f"pg{len(made)}"), **options))
        return made[-1].start()

    yield start
    for server in made:
        server.stop()
        shutil.rmtree(server.place.sockets, ignore_errors=True)


def _made(path: Path) -> Path:
    path.mkdir(mode=0o700)
    return path
