import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from tests.api.contest import open_contest
from tests.api.running import Logged, RunningApi, new_account, settings_for, token_for
from tests.servers import empty_valkey


@pytest.fixture(scope="module")
def open_box(box_url: str) -> str:
    """The session's box with the contest of these tests, open."""
    empty_valkey(box_url)
    open_contest(box_url)
    return box_url


@pytest.fixture(scope="module")
def api(open_box: str) -> Iterator[RunningApi]:
    """One API for the module, on `open_box`; ledger and scratch are away."""
    running = RunningApi(settings_for(open_box))
    running.wait_ready()
    yield running
    running.stop()


@pytest.fixture
def start_api() -> Iterator[Callable[..., RunningApi]]:
    """`start_api(box_url, **settings)`: an API of this test's own."""
    made: list[RunningApi] = []

    def start(box_url: str, **settings: Any) -> RunningApi:
        made.append(RunningApi(settings_for(box_url, **settings)))
        return made[-1]

    yield start
    for running in made:
        running.stop()


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
