"""The dry run of a correction of very many votes."""

from typing import Any

import pytest

from tests.servers import wait_for
from tests.workers.contests import Stage
from tests.workers.correcting import correction, flushed, of, proposed
from workers import beat, correction_count


def test_a_long_count_says_that_its_worker_is_there(open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else another worker would take it after a minute, and wait behind it."""
    open_contest.cast_many(5, entry=2)
    votes = open_contest.cast_many(5)
    flushed(open_contest)
    freeze = correction_count.freeze

    def heard() -> Any:
        return open_contest.rows("SELECT heard_at FROM tasks WHERE kind = 'correction.count'")[0][0]

    def slow(*args: Any) -> int:
        began = heard()
        wait_for(lambda: heard() > began, 10, "a word of the worker")
        return freeze(*args)

    monkeypatch.setattr(beat, "EVERY_S", 0.01)
    monkeypatch.setattr(correction_count, "freeze", slow)
    assert correction(open_contest, proposed(open_contest, of(votes))).state == "proposed"
