import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import structlog

from tests.api.contest import CONTEST_ID, open_contest, votes_in_box
from tests.api.running import Logged, RunningApi, new_account, settings_for, token_for
from tests.servers import empty_valkey, libpq_url


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "api" in metafunc.fixturenames and getattr(metafunc.module, "BOTH_LAYERS", False):
        metafunc.parametrize("api", ["lane", "asgi"], indirect=True)


@pytest.fixture(scope="module")
def open_box(box_url: str) -> str:
    """The session's box with the contest of these tests, open."""
    empty_valkey(box_url)
    open_contest(box_url)
    return box_url


@pytest.fixture(scope="module")
def api(open_box: str, request: pytest.FixtureRequest) -> Iterator[RunningApi]:
    """One API for the module, on `open_box`; ledger and scratch are away. A module that says
    `BOTH_LAYERS = True` meets it twice, as `RunningApi` says.
    """
    running = RunningApi(settings_for(open_box), layer=getattr(request, "param", "lane"))
    running.wait_ready()
    yield running
    running.stop()


@pytest.fixture
def start_api() -> Iterator[Callable[..., RunningApi]]:
    """`start_api(box_url, layer="lane", **settings)`: an API of this test's own."""
    made: list[RunningApi] = []

    def start(box_url: str, layer: str = "lane", **settings: Any) -> RunningApi:
        made.append(RunningApi(settings_for(box_url, **settings), layer=layer))
        return made[-1]

    yield start
    for running in made:
        running.stop()


@pytest.fixture
def ledger(database):
    """A connection to a ledger that has the contest and has taken only the log's first event."""
    with psycopg.connect(libpq_url(database), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO contests (id, slug, title, texts, opens_at, closes_at, key_fingerprint)"
            " VALUES (%s, 'thu', '', '{}', now(), now() + interval '1 day', '')",
            [CONTEST_ID],
        )
        connection.execute(
            "INSERT INTO categories (id, contest_id, slug, title, position) VALUES (1, %s, 'a', '', 1)", [CONTEST_ID]
        )
        connection.execute(
            "INSERT INTO entries (id, contest_id, slug, title, category_id, position) VALUES (1, %s, 'a', '', 1, 1)",
            [CONTEST_ID],
        )
        connection.execute(
            "INSERT INTO cursors (contest_id, shard, epoch, log_ms, log_seq, checksum, taken) VALUES (%s,0,1,1,1,'',1)",
            [CONTEST_ID],
        )
        yield connection


@pytest.fixture
def token() -> str:
    """A session of a new account."""
    return token_for(new_account(), time.time())


@pytest.fixture
def logged() -> Iterator[Logged]:
    """What this test made anyone log."""
    kept = Logged()
    before = structlog.get_config()
    structlog.configure(processors=[kept.keep])
    logging.getLogger().addHandler(kept)
    yield kept
    logging.getLogger().removeHandler(kept)
    structlog.configure(**before)


@pytest.fixture
def unchanged(open_box):
    """Checks at the end that no vote was counted."""
    before = votes_in_box(open_box)
    yield
    assert votes_in_box(open_box) == before
