"""`opened`: a contest open in the session's box; `own`: the same on a server of the test's own, to be hurt."""

from collections.abc import Callable, Iterator

import pytest

from tests.models.ballot_box.boxes import Box, open_box
from tests.servers import ValkeyServer


@pytest.fixture
def opened(box: str) -> Iterator[Box]:
    with open_box(box) as made:
        yield made


@pytest.fixture
def server(valkey_factory: Callable[..., ValkeyServer]) -> ValkeyServer:
    return valkey_factory("box")


@pytest.fixture
def own(server: ValkeyServer) -> Iterator[Box]:
    with open_box(server.url) as made:
        yield made
