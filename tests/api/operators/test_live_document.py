"""The figures of one moment, from made-up readings and facts: rates, places, shares, and what cannot be told."""

import time
from typing import Any

import pytest

from api.operators.live_document import figures, series
from api.operators.live_facts import Facts, LedgerFacts, ScratchFacts
from api.operators.live_history import SPAN_MS, History
from api.operators.live_moment import Moment
from models.ballot_box.reading import Memory, Reading
from models.event import Proof
from models.minute_count import Sums
from models.scratch.beats import Beat

NOW_MS = 1_762_300_830_000  # 30 s into a minute
MINUTE_S = NOW_MS // 60_000 * 60


def reading(tallies: dict[int, int], at: int = NOW_MS, contest_id: int = 1) -> Reading:
    site: dict[str, Any] = {
        "contest": {"result_policy": "live", "opens_at": 1, "closes_at": 2},
        "categories": [{"slug": "a"}, {"slug": "b"}],
        "entries": [{"id": entry, "category": "ab"[entry % 2]} for entry in (1, 2, 3)],
    }
    return Reading(contest_id, site, b"", "open", 1, 2, 1, 1, 1, "", 0, tallies, {0: 1}, at)


def ledger(**more: Any) -> LedgerFacts:
    sums = Sums(30, 12, 9, 8, {Proof.EMAIL: 10, Proof.SMS: 15, 77: 5})
    values: dict[str, Any] = {"minutes": [], "hours": [], "before": {}, "minute": {}}
    return LedgerFacts(1, sums, **(values | more))


def moment(now: Reading | None, *, history: History | None = None, facts: Facts | None = None) -> Moment:
    past = history or History()
    if now is not None:
        past.add(now)
    return Moment(now, 0.25 if now else None, None, past, facts or Facts(), ("flush.0",))


def known(**more: Any) -> Facts:
    facts = Facts()
    facts.ledger.found(ledger(**more))
    return facts


def test_nothing_known_is_told_as_nothing() -> None:
    found = figures(moment(None))
    assert (found["at"], found["total"], found["contest"], found["accounts"]) == (None, None, None, None)
    assert found["rates"] == {"now": None, "minute": None, "hour": None}
    assert (found["entries"], found["pipeline"]["books"], found["pipeline"]["api"]) == ([], None, None)


def test_entries_by_place_with_shares_ties_and_what_is_not_published() -> None:
    found = figures(moment(reading({1: 5, 2: 5, 3: 10, 99: 7})))
    assert [row[:5] for row in found["entries"]] == [
        [3, 10, 50.0, 1, False],
        [1, 5, 25.0, 2, True],
        [2, 5, 25.0, 2, True],
    ]
    assert (found["total"], found["other_votes"]) == (27, 7)
    assert found["categories"] == [["b", 15], ["a", 5]]


def test_no_votes_are_no_division_by_zero() -> None:
    assert [row[2] for row in figures(moment(reading({})))["entries"]] == [0.0, 0.0, 0.0]


def test_places_gained_come_from_five_minutes_ago() -> None:
    history = History()
    for ago in (301, 200, 61, 3):
        history.add(reading({1: 10, 2: 8, 3: 1} if ago > 100 else {1: 10, 2: 8, 3: 9}, NOW_MS - ago * 1000))
    found = figures(moment(reading({1: 10, 2: 8, 3: 20}), history=history))
    assert [(row[0], row[5]) for row in found["entries"]] == [(3, 2), (1, -1), (2, -1)]
    assert [(row[0], row[6]) for row in found["entries"]] == [(3, 11), (1, 0), (2, 0)]


def test_a_process_that_has_just_started_takes_them_from_the_ledger() -> None:
    facts = known(before={1: 10, 2: 8, 3: 1}, minute={3: 4})
    found = figures(moment(reading({1: 10, 2: 8, 3: 20}), facts=facts))
    assert [(row[0], row[5], row[6]) for row in found["entries"]] == [(3, 2, 4), (1, -1, 0), (2, -1, 0)]


def test_where_nobody_had_a_vote_nobody_had_a_place() -> None:
    found = figures(moment(reading({1: 10, 2: 8}), facts=known(before={1: 0})))
    assert {row[5] for row in found["entries"]} == {None}


def test_rates_of_now_the_minute_and_the_hour() -> None:
    history = History()
    for seconds in range(120, 0, -1):
        history.add(reading({1: (120 - seconds) * 10}, NOW_MS - seconds * 1000))
    facts = known(minutes=[(MINUTE_S - 3600, 1_000_000), (MINUTE_S - 3540, 1_800), (MINUTE_S, 1_800)])
    found = figures(moment(reading({1: 1_200}), history=history, facts=facts))
    assert found["rates"] == {"now": 10.0, "minute": 10.0, "hour": 1.0}


def test_a_void_makes_no_rate_below_nothing() -> None:
    history = History()
    history.add(reading({1: 100}, NOW_MS - 4_000))
    assert figures(moment(reading({1: 5}), history=history))["rates"]["now"] == 0.0


def test_the_last_minute_of_a_process_that_has_just_started_is_the_ledgers() -> None:
    facts = known(minutes=[(MINUTE_S - 60, 120), (MINUTE_S, 60)])
    assert figures(moment(reading({}), facts=facts))["rates"]["minute"] == pytest.approx(2.0)


def test_accounts_and_ways_of_login_are_of_this_contest() -> None:
    found = figures(moment(reading({}), facts=known()))
    assert found["accounts"] == {"voted": 12, "opened": 8}
    assert found["methods"] == [["sms", 15], ["email", 10], ["other", 5]]
    assert figures(moment(reading({}, contest_id=2), facts=known()))["accounts"] is None


def test_another_contest_begins_another_history() -> None:
    history = History()
    history.add(reading({1: 100}, NOW_MS - 4_000))
    assert figures(moment(reading({1: 5}, contest_id=2), history=history))["rates"]["now"] is None


def test_the_history_keeps_ten_minutes() -> None:
    history = History()
    for step in range(4_000):
        history.add(reading({1: step}, NOW_MS + step * 500))
    assert len(history.points) == SPAN_MS // 500 + 1
    assert len(history.tallies) < 70
    assert {rate for _second, rate in history.by_second()} == {2.0}


def test_processes_of_several_hosts_are_added_up() -> None:
    def api(pid: int, counted: int, place: int) -> Beat:
        times = [0] * 51
        times[place] = counted
        about = {"unready": None, "window_s": 10.0, "answers": {"counted": counted}, "times": times, "requests": 20}
        return Beat("api", "", "m", pid, 5, 10, about | {"waiting": 0, "connections": 3, "late_ms": 1})

    facts = Facts()
    beats = [api(1, 900, 5), api(2, 100, 30), Beat("worker", "flush.0", "m", 3), Beat("ticker", "", "n", 4, 1, 2)]
    facts.scratch.found(ScratchFacts({"ticked_at": int(time.time() * 1000) - 2_000, "drift": 0}, beats))
    facts.memory.found(Memory(1_000, 1_000 + 180 * 7))
    found = figures(moment(reading({}), facts=facts))["pipeline"]
    assert found["votes"]["answers"] == {"counted": 100.0}
    assert found["votes"]["p50"] < 2
    assert found["votes"]["p99"] > 100
    assert [(one["pid"], one["votes_s"]) for one in found["api"]] == [(1, 90.0), (2, 10.0)]
    assert (found["workers"], found["ticker"]) == ([["flush.0", "m", 3]], [["", "n", 4]])
    assert found["disks"] == [["m", 5, 10], ["n", 1, 2]]
    assert found["box"]["votes_left"] == 7
    assert found["books"]["age_s"] == pytest.approx(2.0, abs=0.5)


def test_series_are_filled_with_nothing_and_seconds_begin_with_minutes() -> None:
    history = History()
    for second in range(5, 0, -1):
        history.add(reading({1: (5 - second) * 3}, NOW_MS - second * 1000))
    hour = MINUTE_S // 3600 * 3600
    facts = known(minutes=[(MINUTE_S - 180, 60)], hours=[(hour - 7_200, 11)])
    found = series(moment(reading({1: 15}), history=history, facts=facts))
    assert len(found["minutes"][0]) == 24 * 60
    assert found["minutes"][1][-3:] == [60, 0, 0]
    assert found["hours"] == [[hour - 7_200, hour - 3_600, hour], [11, 0, 0]]
    times, rates = found["seconds"]
    assert times == sorted(set(times))
    assert rates[-5:] == [3.0] * 5
    assert 1.0 in rates[:-5]
