"""Events that no API ever wrote, damaged on the box's disk (its log has no checksum): one stops none of the rest."""

import pytest

from models.ballot_box import steer
from models.event import CAST, DECISION, HEAD, Kind
from tests.workers.contests import Stage
from workers.books import compare
from workers.flush import flush_batch


def flush(made: Stage) -> None:
    with made.engine.connect() as connection:
        while flush_batch(connection, made.client, made.contest_id, 0).events:
            pass


@pytest.mark.parametrize(
    "packed",
    [
        HEAD.pack(1, Kind.CAST, 1) + CAST.pack(5, 1, 2**64 - 1, 128),
        HEAD.pack(1, Kind.CAST, 2**64 - 1) + CAST.pack(5, 1, 1, 128),
        HEAD.pack(1, Kind.CAST, 300_000_000_000_000) + CAST.pack(5, 1, 1, 128),
        HEAD.pack(1, Kind.VOID, 2**63) + DECISION.pack(5, 1),
        b"",
    ],
    ids=["receipt", "time", "a time that Python cannot tell", "time of a void", "nothing"],
)
def test_a_damaged_event_is_parked_and_the_rest_goes_on(open_contest: Stage, packed: bytes) -> None:
    votes = open_contest.cast_many(3)
    open_contest.client.xadd(open_contest.keys().log, {"e": packed})
    votes += open_contest.cast_many(3)
    flush(open_contest)
    assert sorted(open_contest.rows()) == votes
    assert compare(open_contest.engine, open_contest.client, open_contest.contest).parked == 1
    open_contest.repair()
    assert sorted(open_contest.rows()) == votes


def test_a_reason_with_a_zero_byte_stops_nothing(open_contest: Stage) -> None:
    votes = open_contest.cast_many(3)
    assert steer.void(open_contest.client, open_contest.keys(), open_contest.contest.epoch, votes[:1], "a\0b") == "d"
    flush(open_contest)
    assert sorted(open_contest.rows()) == votes[1:]
    books = compare(open_contest.engine, open_contest.client, open_contest.contest)
    assert (books.drift, books.parked) == (0, 0)
