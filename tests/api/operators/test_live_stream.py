"""The stream: first frame at once, conflation, sessions that end, clients that never read, the end of the server."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from models.operator import Role
from tests.api.operators.desk import Desk
from tests.api.running import RunningApi
from tests.workers.contests import Stage


def read(desk: Desk, **more: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(event, document) of the stream, for as long as it lasts."""
    with desk.client.stream("GET", "/operator/live", timeout=10, **more) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])


def test_the_first_figures_come_at_once_and_follow_the_count(
    console: RunningApi, desk: Callable[..., Desk], open_contest: Stage
) -> None:
    open_contest.cast_many(5)
    began = time.monotonic()
    stream = read(desk(Role.VIEWER))
    name, _first = next(stream)
    assert time.monotonic() - began < 2
    assert name == "figures"
    assert next(stream)[0] == "series"
    open_contest.cast_many(7, entry=2)
    for name, document in stream:
        if name == "figures" and document["total"] == 12:
            break
    assert document["entries"][0][:5] == [2, 7, pytest.approx(58.33), 1, False]


def test_pages(console: RunningApi, desk: Callable[..., Desk], open_contest: Stage) -> None:
    open_contest.cast_many(5)
    viewer = desk(Role.VIEWER)
    for path in ("/operator/", "/operator/screen"):
        answer = viewer.get(path)
        assert answer.status_code == 200, answer.text
        assert "Bài 1" in answer.text
