"""What workers read from the box: the log page by page, books at one moment, ballots; and trimming."""

import pytest
from redis.exceptions import ResponseError

from models.ballot_box import drain, steer
from models.event import Kind, unpack
from models.outcomes import Outcome
from tests.models.ballot_box.boxes import Box


def ids(box: Box) -> list[tuple[int, int]]:
    return [drain.log_id(name) for name, _ in box.client.xrange(box.keys().log)]


def test_the_log_is_read_from_an_id_on_that_one_included(opened: Box) -> None:
    opened.cast((1, 1), (2, 1), (3, 1))
    names = ids(opened)
    page = drain.read_log(opened.client, opened.keys(), names[1], 2)
    assert (page.epoch, page.added) == (1, 4)
    assert [(event[:2], unpack(event[2]).account) for event in page.events] == [(names[1], 1), (names[2], 2)]
    opened.client.delete(opened.keys().contest)
    assert drain.read_log(opened.client, opened.keys(), names[-1], 10).epoch is None
    opened.client.delete(opened.keys().log)
    assert drain.read_log(opened.client, opened.keys(), (0, 0), 10) == drain.LogPage(None, 0, [])


def test_ten_events_of_one_millisecond_are_in_their_order(opened: Box) -> None:
    """As text -10 sorts before -9."""
    assert set(opened.cast(*((account, 1) for account in range(1, 13)))) == {Outcome.COUNTED}
    page = drain.read_log(opened.client, opened.keys(), (0, 0), 100)
    assert [unpack(event[2]).account for event in page.events[1:]] == list(range(1, 13))
    assert [event[:2] for event in page.events] == sorted(event[:2] for event in page.events)
    between = drain.events_between(opened.client, opened.keys(), page.events[3][:2], page.events[9][:2], page=2)
    assert list(between) == page.events[4:10]


def test_a_log_of_another_type_is_no_empty_log(opened: Box) -> None:
    opened.client.set(opened.keys().log, "no stream")
    for read in (
        lambda: drain.read_log(opened.client, opened.keys(), (0, 0), 10),
        lambda: drain.read_books(opened.client, opened.keys()),
        lambda: list(drain.whole_log(opened.client, opened.keys())),
    ):
        with pytest.raises(ResponseError):
            read()


def test_the_books_are_those_of_one_log_id(opened: Box) -> None:
    opened.cast((1, 1), (2, 1), (3, 2))
    books = drain.read_books(opened.client, opened.keys())
    assert (books.epoch, books.state, books.tally, books.added) == (1, "open", {1: 2, 2: 1}, 4)
    assert books.last == ids(opened)[-1]
    assert abs(books.now_ms - opened.now()) < 60_000
    opened.client.flushall()
    books = drain.read_books(opened.client, opened.keys())
    assert (books.epoch, books.state, books.tally, books.last, books.added) == (None, "", {}, (0, 0), 0)


def test_every_ballot_is_found_and_misfits_are_named(opened: Box) -> None:
    for start in range(1, 5_001, 1_000):
        opened.cast(*((account, account % 3 + 1) for account in range(start, start + 1_000)))
    opened.client.set(opened.keys().ballot + "6000", "no set")
    opened.client.sadd(opened.keys().ballot + "6001", "no number")
    opened.client.sadd(opened.keys().ballot + "nobody", 1)
    misfits: list[str] = []
    pairs = [pair for chunk in drain.scan_ballots(opened.client, opened.keys(), misfits.append) for pair in chunk]
    assert sorted(set(pairs)) == [(account, account % 3 + 1) for account in range(1, 5_001)]
    assert {name.rsplit(":", 1)[1] for name in misfits} == {"6000", "6001", "nobody"}


def test_what_is_voided_is_read(opened: Box) -> None:
    opened.cast((2**63 - 1, 1), (2, 1))
    steer.void(opened.client, opened.keys(), 1, [(2**63 - 1, 1)], "")
    assert drain.read_voided(opened.client, opened.keys()) == [(2**63 - 1, 1)]


def test_the_whole_log_begins_with_its_first_event(opened: Box) -> None:
    opened.cast((1, 1), (2, 1))
    events = list(drain.whole_log(opened.client, opened.keys()))
    assert [event[:2] for event in events] == ids(opened)
    assert unpack(events[0][2]).kind is Kind.OPENED
    opened.client.xtrim(opened.keys().log, maxlen=0, approximate=False)
    assert list(drain.whole_log(opened.client, opened.keys())) == []
    opened.client.delete(opened.keys().log)
    assert list(drain.whole_log(opened.client, opened.keys())) == []


def old_log(box: Box, number: int, age_ms: int) -> list[tuple[int, int]]:
    """A log with that many events older than `age_ms`, then one of now."""
    box.client.delete(box.keys().log)
    begin = box.now() - age_ms
    pipe = box.client.pipeline(transaction=False)
    for at in range(number):
        pipe.xadd(box.keys().log, {"e": "old"}, id=f"{begin}-{at}")
    pipe.xadd(box.keys().log, {"e": "new"})
    pipe.execute()
    return ids(box)


def test_trimming_leaves_the_tail_and_all_above_the_cursor(opened: Box) -> None:
    names = old_log(opened, 1_000, 2 * drain.KEEP_MS)
    drain.trim(opened.client, opened.keys(), names[500])
    assert names[500:] == ids(opened)[-len(names[500:]) :]
    drain.trim(opened.client, opened.keys(), names[-1])
    left = ids(opened)
    assert left[-1] == names[-1]
    assert len(left) < 200  # a stream drops whole nodes of 100 events
    assert opened.client.xinfo_stream(opened.keys().log)["entries-added"] == 1_001
    young = old_log(opened, 1_000, drain.KEEP_MS // 2)
    drain.trim(opened.client, opened.keys(), young[-1])
    assert ids(opened) == young


def test_a_log_that_is_too_long_is_trimmed_within_its_tail(opened: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "KEEP_EVENTS", 300)
    names = old_log(opened, 1_000, 1_000)
    drain.trim(opened.client, opened.keys(), names[200])
    assert ids(opened)[-len(names[200:]) :] == names[200:]
    drain.trim(opened.client, opened.keys(), names[-1])
    assert 300 <= len(ids(opened)) <= 450
