"""The live view while a store is away: it says so, and what it knew stays, with its age."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis

from models.operator import Role
from tests.api.operators.desk import Desk, console_on
from tests.api.operators.test_live_stream import read
from tests.api.running import AWAY_DATABASE
from tests.servers import ValkeyServer
from tests.workers.contests import Stage, stage


def until(stream: Iterator[tuple[str, dict[str, Any]]], code: str, *, raised: bool = True) -> dict[str, Any]:
    """The first figures with the alarm `code`, or without it."""
    return next(
        document
        for name, document in stream
        if name == "figures" and any(alarm["code"] == code for alarm in document["alarms"]) is raised
    )


def test_the_box(valkey_factory: Callable[..., ValkeyServer], database: str, scratch: str, tmp_path: Path) -> None:
    box = valkey_factory("box")
    with stage(box.url, database) as made, console_on(box.url, database, scratch, tmp_path) as console:
        made.cast_many(5)
        desk = Desk(console, made.engine, scratch, Role.VIEWER)
        stream = read(desk)
        next(document for name, document in stream if name == "figures" and document["total"] == 5)
        box.kill()
        away = until(stream, "box_away")
        assert away["total"] == 5
        assert away["pipeline"]["box"]["problem"]
        older = next(document for name, document in stream if name == "figures" and document["age_ms"] > 3000)
        assert older["at"] == away["at"]
        page = desk.get("/operator/")
        assert page.status_code == 200
        assert "Hòm phiếu không trả lời" in page.text
        box.start()
        back = until(stream, "box_away", raised=False)
        assert back["at"] > away["at"]
        desk.close()


def test_scratch(
    open_contest: Stage, valkey_factory: Callable[..., ValkeyServer], box: str, database: str, tmp_path: Path
) -> None:
    scratch = valkey_factory("scratch")
    with console_on(box, database, scratch.url, tmp_path) as console:
        desk = Desk(console, open_contest.engine, scratch.url, Role.VIEWER)
        stream = read(desk)
        known = next(document for name, document in stream if name == "figures" and document["pipeline"]["api"])
        assert known["pipeline"]["api"][0]["unready"] is None
        assert 0 < known["pipeline"]["scratch"]["used"] < known["pipeline"]["scratch"]["limit"]
        scratch.kill()
        away = until(stream, "scratch_away")
        assert away["pipeline"]["api"] is None, "nothing is known of the processes"
        assert away["pipeline"]["scratch"]["age_s"] is not None
        open_contest.cast_many(6)
        assert any(name == "figures" and document["total"] == 6 for name, document in stream), "the count goes on"
        scratch.start()
        until(stream, "scratch_away", raised=False)
        desk.close()


def test_scratch_that_is_nearly_full_is_told_before_it_is(
    open_contest: Stage, valkey_factory: Callable[..., ValkeyServer], box: str, database: str, tmp_path: Path
) -> None:
    scratch = valkey_factory("scratch")
    with (
        console_on(box, database, scratch.url, tmp_path) as console,
        redis.Redis.from_url(scratch.url) as client,
    ):
        desk = Desk(console, open_contest.engine, scratch.url, Role.VIEWER)
        stream = read(desk)
        next(document for name, document in stream if name == "figures" and document["pipeline"]["api"])
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 0.8))
        until(stream, "scratch_memory")
        client.config_set("maxmemory", "256mb")
        until(stream, "scratch_memory", raised=False)
        desk.close()


def test_the_ledger(open_contest: Stage, box: str, scratch: str, tmp_path: Path) -> None:
    open_contest.cast_many(4)
    with console_on(box, AWAY_DATABASE, scratch, tmp_path) as console:
        desk = Desk(console, open_contest.engine, scratch, Role.VIEWER)
        page = desk.get("/operator/")
        assert page.status_code == 200
        assert "Sổ phiếu (PostgreSQL) không trả lời" in page.text
        figures = until(read(desk), "ledger_away")
        assert figures["total"] == 4
        assert figures["accounts"] is None
        assert figures["entries"][0][:2] == [1, 4]
        desk.close()


def test_a_box_without_a_contest(box: str, open_contest: Stage, scratch: str, database: str, tmp_path: Path) -> None:
    open_contest.client.flushall()
    with console_on(box, database, scratch, tmp_path) as console:
        desk = Desk(console, open_contest.engine, scratch, Role.VIEWER)
        for path in ("/operator/", "/operator/screen"):
            assert desk.get(path).status_code == 200, path
        figures = next(document for name, document in read(desk) if name == "figures")
        assert (figures["contest"], figures["total"], figures["entries"]) == (None, None, [])
        desk.close()
