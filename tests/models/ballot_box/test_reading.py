"""What the API reads from the box."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis.asyncio

from models.ballot_box import steer
from models.ballot_box.connection import BoxAway, BoxRefused, async_box
from models.ballot_box.reading import Reading, read_ballot, read_box
from models.outcomes import Outcome
from models.times import milliseconds
from tests.models.ballot_box.boxes import CONTEST_ID, FINGERPRINT, Box, open_box
from tests.servers import ValkeyServer
from tests.workers.contests import KEYS, stage


def ask(url: str, question: Callable[[redis.asyncio.Redis], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with async_box(url) as client:
            return await question(client)

    return asyncio.run(run())


def read(url: str, slug: str | None = None, last: Reading | None = None) -> Reading | None:
    return ask(url, lambda client: read_box(client, slug, last))


def publish(box: Box, contest_id: int = CONTEST_ID, slug: str = "thu", title: str = "") -> None:
    document = {"contest": {"title": title}, "categories": [], "entries": []}
    steer.publish_site(box.client, contest_id, slug, json.dumps(document).encode())


def test_an_empty_box_has_no_contest(box: str) -> None:
    assert read(box) is None
    assert read(box, "thu") is None


def test_a_contest_whose_site_is_not_published_yet_is_none(box: str, opened: Box) -> None:
    assert read(box) is None
    opened.client.hset("contests", "thu", CONTEST_ID)
    assert read(box, "thu") is None


def test_all_that_the_box_says_of_a_contest(box: str, opened: Box) -> None:
    publish(opened, title="Cuộc thi")
    opened.cast((1, 1), (2, 1), (3, 2))
    opened.change(version=8, sessions_from=99)
    found = read(box)
    assert found is not None
    assert (found.contest_id, found.site["contest"]["title"], found.state) == (CONTEST_ID, "Cuộc thi", "open")
    assert found.site["contest"]["rules_en"] == ""  # what an older version left out
    assert (found.version, found.epoch, found.shards, found.key, found.sessions_from) == (8, 1, 1, FINGERPRINT, 99)
    assert (found.tallies, found.events_added) == ({1: 2, 2: 1}, {0: 4})
    assert found.opens_at < found.box_ms < found.closes_at
    assert abs(found.box_ms - opened.now()) < 60_000


def test_the_newest_contest_or_the_one_with_that_slug(box: str, opened: Box) -> None:
    publish(opened, CONTEST_ID, "cu", title="cũ")
    publish(opened, CONTEST_ID + 90, "moi", title="mới")
    assert [read(box, slug).site["contest"]["title"] for slug in (None, "cu", "moi")] == ["mới", "cũ", "mới"]
    assert read(box, "khong-co") is None


def test_a_site_that_has_not_changed_is_not_parsed_again(box: str, opened: Box) -> None:
    publish(opened, title="một")
    first = read(box)
    assert read(box, None, first).site is first.site
    publish(opened, title="hai")
    assert read(box, None, first).site["contest"]["title"] == "hai"


def test_a_box_that_is_not_ready_still_gives_its_site(box: str, opened: Box) -> None:
    publish(opened, title="một")
    opened.cast((1, 1))
    steer.shut(opened.client, opened.keys(), "mine")
    found = read(box)
    assert (found.state, found.epoch, found.tallies) == ("", 0, {1: 1})
    assert found.site["contest"]["title"] == "một"


@pytest.mark.parametrize(
    ("states", "common"),
    [
        (("open", "open", "open"), "open"),
        (("open", "paused", "open"), "paused"),
        (("paused", "open", "closed"), "closed"),
        (("final", "closed", "open"), "final"),
        (("open", "open", None), ""),
    ],
)
def test_the_state_of_several_shards_is_that_of_the_least_open(box: str, states: tuple, common: str) -> None:
    with open_box(box, shards=3) as opened:
        publish(opened)
        for state, keys in zip(states, opened.every_shard(), strict=True):
            if state is None:
                opened.client.delete(keys.contest)
            else:
                opened.client.hset(keys.contest, "state", state)
        assert read(box).state == common


def test_a_contest_of_three_shards_as_the_ledger_opens_it(box: str, database: str) -> None:
    with stage(box, database, shards=3) as made:
        for account in range(1, 8):
            assert made.cast((account, 1), (account, 2)) == [Outcome.COUNTED] * 2
        found = read(box, made.contest.slug)
        assert (found.shards, found.state, found.key) == (3, "open", KEYS.fingerprint())
        assert found.tallies == {1: 7, 2: 7}
        assert found.events_added == {0: 5, 1: 7, 2: 5}  # two votes an account, and each log's first event
        assert (found.opens_at, found.closes_at) == (
            milliseconds(made.contest.opens_at),
            milliseconds(made.contest.closes_at),
        )
        assert [entry["id"] for entry in found.site["entries"]] == [1, 2, 3]
        assert ask(box, lambda client: read_ballot(client, made.contest_id, 3, 5)) == [1, 2]


def test_a_ballot_lists_its_entries_in_order(box: str, opened: Box) -> None:
    opened.client.sadd(opened.keys().entries, 10)
    opened.cast((2**63 - 1, 10), (2**63 - 1, 2), (1, 3))
    assert ask(box, lambda client: read_ballot(client, CONTEST_ID, 1, 2**63 - 1)) == [2, 10]
    assert ask(box, lambda client: read_ballot(client, CONTEST_ID, 1, 77)) == []


def test_a_ballot_of_a_box_that_is_not_ready_is_none_and_not_empty(box: str, opened: Box) -> None:
    opened.cast((1, 1))
    assert ask(box, lambda client: read_ballot(client, CONTEST_ID, 2, 1)) is None, "the box has another S"
    opened.client.set(opened.keys().ballot + "2", "no set")
    assert ask(box, lambda client: read_ballot(client, CONTEST_ID, 1, 2)) is None
    steer.shut(opened.client, opened.keys(), "repair")
    assert ask(box, lambda client: read_ballot(client, CONTEST_ID, 1, 1)) is None


def test_reading_from_a_box_that_is_away_or_set_otherwise(own: Box, server: ValkeyServer) -> None:
    publish(own)
    own.client.config_set("appendfsync", "no")
    with pytest.raises(BoxRefused):
        read(server.url)
    server.kill()
    with pytest.raises(BoxAway):
        read(server.url)
    with pytest.raises(BoxAway):
        ask(server.url, lambda client: read_ballot(client, CONTEST_ID, 1, 1))
