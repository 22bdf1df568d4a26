import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
import redis
import structlog
from uvicorn.lifespan.on import LifespanOn

from api import snapshot
from api.app import create_app
from api.lane import VoteLane
from api.protocol import BoundedHeads
from api.serve import uvicorn_config
from models.ballot_box.reading import Reading
from tests.api.contest import CONTEST_ID, DAY_MS, open_contest, votes_in_box
from tests.api.running import Logged, RunningApi, new_account, settings_for, token_for
from tests.api.sides import Side
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


@pytest.fixture
def sides(
    valkey_factory: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[asyncio.AbstractEventLoop, Side, Side]]:
    """A loop, the lane and the ASGI layer alone, each with a box of its own and the same contest in it.

    For the pages of both the box's clock stands still, at the beginning of a minute: pages name their minute.
    """
    now, loop, made, lives = int(time.time() * 1000), asyncio.new_event_loop(), [], []
    read_box, minute = snapshot.read_box, now - now % 60_000

    async def read_at_one_time(*asked: Any) -> Reading | None:
        reading = await read_box(*asked)
        return None if reading is None else replace(reading, box_ms=minute)

    monkeypatch.setattr(snapshot, "read_box", read_at_one_time)
    for protocol in (VoteLane, BoundedHeads):
        box = valkey_factory()
        open_contest(box.url, opens_at=now - DAY_MS, closes_at=now + DAY_MS, result_policy="hidden")
        chosen = settings_for(box.url, trusted_proxies="127.0.0.1")
        app = create_app(chosen)
        config = uvicorn_config(chosen, app)
        config.http = protocol
        config.load()
        lives.append(LifespanOn(config))
        loop.run_until_complete(lives[-1].startup())
        made.append(Side(protocol, config, app, box, redis.Redis.from_url(box.url)))
    yield loop, made[0], made[1]
    for side in made:
        side.log.close()
    for life in lives:
        loop.run_until_complete(life.shutdown())
    loop.close()


@pytest.fixture
def lane(sides: tuple[asyncio.AbstractEventLoop, Side, Side]) -> tuple[asyncio.AbstractEventLoop, Side]:
    return sides[:2]
