"""An API whose proof of work takes milliseconds, for the tests of login."""

from collections.abc import Iterator

import pytest

from tests.api.running import RunningApi, settings_for
from tests.api.voters.logging_in import PROOF_COST


@pytest.fixture(scope="module")
def login_api(open_box: str, scratch_url: str) -> Iterator[RunningApi]:
    running = RunningApi(settings_for(open_box, scratch_url=scratch_url, login_proof_cost=PROOF_COST))
    running.wait_ready()
    yield running
    running.stop()
