"""Operators' decisions on their way into the box, and the box's own on their way into the ledger."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.ballot_box import steer
from models.ballot_box.connection import BoxAway, async_box
from models.ballot_box.keys import site_key
from models.ballot_box.reading import read_box
from models.contest_import import import_contest
from models.database import transaction
from models.decisions import bring, resume
from models.outcomes import Outcome
from tests.workers.contests import KEYS, Stage, contest_file, stage


def state_of(made: Stage) -> str:
    return made.contest.state


def bring_again(made: Stage) -> bool:
    return bring(made.engine, made.client, made.contest)


def test_pause_and_resume(open_contest: Stage) -> None:
    [vote] = open_contest.cast_many(1)
    open_contest.pause()
    assert state_of(open_contest) == "paused"
    assert open_contest.cast((5, 1), vote, (5, UNKNOWN)) == [Outcome.PAUSED, Outcome.ALREADY_VOTED, Outcome.PAUSED]
    assert resume(open_contest.engine, open_contest.client, open_contest.contest)
    assert open_contest.cast((5, 1)) == [Outcome.COUNTED]
    assert not resume(open_contest.engine, open_contest.client, open_contest.contest), "it is not paused"


UNKNOWN = 99


@pytest.mark.parametrize("how", ["died before it published", "published late what is old by now"])
def test_the_site_follows_the_decisions_whoever_dies_or_is_late(
    open_contest: Stage, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    old = open_contest.client.get(site_key(open_contest.contest_id))
    with transaction(open_contest.engine) as connection:
        import_contest(connection, contest_file(title="Tên mới"), KEYS.fingerprint())
    if how == "died before it published":
        with monkeypatch.context() as patched:
            patched.setattr(steer, "publish_site", _away)
            with pytest.raises(BoxAway):
                bring_again(open_contest)
    else:
        bring_again(open_contest)
        steer.publish_site(open_contest.client, open_contest.contest_id, "thu", old)
    assert bring_again(open_contest)
    assert json.loads(open_contest.client.get(site_key(open_contest.contest_id)))["contest"]["title"] == "Tên mới"


def _away(*_args: object) -> None:
    raise BoxAway


def test_a_stop_on_the_box_alone_is_taken_over_by_the_ledger(open_contest: Stage) -> None:
    steer.stop(open_contest.client, open_contest.keys())
    assert open_contest.cast((5, 1)) == [Outcome.PAUSED]
    assert state_of(open_contest) == "open", "the ledger was away"
    assert bring_again(open_contest)
    assert state_of(open_contest) == "paused"
    bring_again(open_contest)
    assert open_contest.cast((5, 1)) == [Outcome.PAUSED]
    assert resume(open_contest.engine, open_contest.client, open_contest.contest)
    assert open_contest.cast((5, 1)) == [Outcome.COUNTED]


def test_another_decision_does_not_undo_a_stop_that_the_ledger_has_not_seen(open_contest: Stage) -> None:
    """An entry is withdrawn in the ledger, whose state still says open, while voting was stopped on the box."""
    steer.stop(open_contest.client, open_contest.keys())
    contest = open_contest.contest
    decisions = steer.Decisions(contest.version + 1, "open", 0, 4_102_444_800_000, 0, contest.stops_seen, [1], [])
    steer.apply(open_contest.client, open_contest.keys(), decisions)
    assert open_contest.cast((5, 1)) == [Outcome.PAUSED]


def test_a_withdrawn_entry_takes_no_more_votes_and_keeps_those_it_has(open_contest: Stage) -> None:
    [vote] = open_contest.cast_many(1)
    file = contest_file()
    file = file.model_copy(update={"entries": file.entries[1:]})
    with transaction(open_contest.engine) as connection:
        report = import_contest(connection, file, KEYS.fingerprint())
    assert report.withdrawn == 1
    assert bring_again(open_contest)
    assert open_contest.cast((5, 1), vote, (5, 2)) == [Outcome.UNKNOWN_ENTRY, Outcome.ALREADY_VOTED, Outcome.COUNTED]


def test_a_blocked_account(open_contest: Stage) -> None:
    [vote] = open_contest.cast_many(1)
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql(
            f"INSERT INTO blocked_accounts (contest_id, account_id, reason) VALUES ({open_contest.contest_id},"
            f" {vote[0]}, 'thử'), ({open_contest.contest_id}, 5, 'thử')"
        )
        connection.exec_driver_sql("UPDATE contests SET version = version + 1")
    bring_again(open_contest)
    assert open_contest.cast((5, 1), vote, (vote[0], 2), (6, 1)) == [
        Outcome.BLOCKED,
        Outcome.ALREADY_VOTED,
        Outcome.BLOCKED,
        Outcome.COUNTED,
    ]


def test_the_end_of_the_voting_time_is_written_down_and_no_clock_reopens_it(box: str, database: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    with stage(box, database, opens_at=now - timedelta(hours=2), closes_at=now - timedelta(hours=1)) as made:
        assert made.cast((5, 1)) == [Outcome.CLOSED]
        bring_again(made)
        assert state_of(made) == "closed"
        # A clock that steps back looks like this to the box: the end lies ahead again.
        made.client.hset(made.keys().contest, "closes_at", str(int(now.timestamp() * 1000) + 3_600_000))
        bring_again(made)
        assert made.cast((5, 1)) == [Outcome.CLOSED]


def test_a_window_moved_in_the_ledger_reaches_the_box(open_contest: Stage) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    file = contest_file(opens_at=now + timedelta(hours=1), closes_at=now + timedelta(hours=2))
    with transaction(open_contest.engine) as connection:
        import_contest(connection, file, KEYS.fingerprint())
    bring_again(open_contest)
    assert open_contest.cast((5, 1)) == [Outcome.NOT_OPEN_YET]


def test_decisions_reach_every_shard_and_the_site(box: str, database: str) -> None:
    async def read() -> Any:
        client = async_box(box)
        try:
            return await read_box(client, "thu", None)
        finally:
            await client.aclose()

    with stage(box, database, shards=3) as made:
        made.pause()
        assert [made.cast((account, 1)) for account in range(3)] == [[Outcome.PAUSED]] * 3
        reading = asyncio.run(read())
        assert (reading.state, reading.version) == ("paused", made.contest.version)
        resume(made.engine, made.client, made.contest)
        assert asyncio.run(read()).state == "open"


def test_a_box_without_the_contest_needs_a_repair(open_contest: Stage) -> None:
    open_contest.client.delete(open_contest.keys().contest)
    assert not bring_again(open_contest)


@pytest.fixture
def gone(valkey_factory: Any, database: str) -> Iterator[Stage]:
    server = valkey_factory("box")
    with stage(server.url, database) as made:
        server.kill()
        yield made
        server.start()


def test_a_box_that_is_away_says_so(gone: Stage) -> None:
    with pytest.raises(BoxAway):
        bring_again(gone)
