from collections.abc import Iterator

import pytest

from tests.workers.contests import Stage, stage


@pytest.fixture
def open_contest(box: str, database: str) -> Iterator[Stage]:
    """A contest of three entries, open in the session's box, with a ledger of this test's own behind it."""
    with stage(box, database) as made:
        yield made
