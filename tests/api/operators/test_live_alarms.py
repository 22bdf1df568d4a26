"""Each alarm of the live view, from the figures alone."""

import copy
from typing import Any

import pytest

from api.operators.language import EN, VI
from api.operators.live_advice import ADVICE
from api.operators.live_alarms import SENTENCES, alarms

GIB = 1024**3
WELL: dict[str, Any] = {
    "pipeline": {
        "box": {"problem": None, "age_s": 0.3, "used": 10 * GIB, "limit": 100 * GIB, "votes_left": 500_000_000},
        "ledger": {"problem": None, "age_s": 5.0},
        "scratch": {"problem": None, "age_s": 1.0, "used": 10 * GIB, "limit": 100 * GIB},
        "known_for_s": 86_400.0,
        "books": {
            "pending": 12,
            "parked": 0,
            "conflicts": 0,
            "drift": 0,
            "flush_lag_s": 0.2,
            "fault": None,
            "proof": "holds",
            "claims": 0,
            "failed_jobs": 0,
            "age_s": 1.0,
            "claims_for_s": 0.0,
        },
        "queues": ["flush.0", "books"],
        "votes": {"answers": {"counted": 5_000.0, "already_voted": 10.0, "busy": 1.0}, "p50": 3.0},
        "api": [{"host": "a", "pid": 12_345, "unready": None}],
        "workers": [["flush.0", "a", 7], ["books", "a", 8]],
        "ticker": [["", "a", 9]],
        "disks": [["a", 50 * GIB, 100 * GIB]],
        "late": {"claims": 0, "requests": 0},
        "wrong_tries": 9,
    }
}
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("box_away", "bad", {"box.problem": "gone"}),
    ("box_away", "bad", {"box.age_s": 3.5}),
    ("ledger_away", "bad", {"ledger.problem": "gone"}),
    ("ledger_away", "bad", {"ledger.age_s": 30.0}),
    ("scratch_away", "bad", {"scratch.problem": "gone", "api": None, "workers": None, "ticker": None, "disks": None}),
    ("scratch_away", "bad", {"scratch.age_s": 9.0}),
    ("not_ready", "bad", {"api": [{"host": "a", "pid": 12_345, "unready": "the box went back in time"}]}),
    ("drift", "bad", {"books.drift": 3}),
    ("proof", "bad", {"books.proof": "failed"}),
    ("fault", "bad", {"books.fault": "box and ledger"}),
    ("parked", "bad", {"books.parked": 1}),
    ("conflicts", "bad", {"books.conflicts": 2}),
    ("ticker", "bad", {"ticker": []}),
    ("worker", "bad", {"workers": [["books", "a", 8]]}),
    ("books_old", "warn", {"books.age_s": 16.0}),
    ("lag", "warn", {"books.flush_lag_s": 10.5}),
    ("memory", "warn", {"box.used": 71 * GIB}),
    ("memory", "bad", {"box.used": 91 * GIB}),
    ("scratch_memory", "warn", {"scratch.used": 71 * GIB}),
    ("scratch_memory", "bad", {"scratch.used": 91 * GIB}),
    ("disk", "warn", {"disks": [["a", 9 * GIB, 100 * GIB]]}),
    ("disk", "bad", {"disks": [["a", 2 * GIB, 100 * GIB]]}),
    ("disk", "bad", {"disks": [["b", GIB // 2, 10 * GIB]]}),
    ("refusing", "warn", {"votes": {"answers": {"counted": 90.0, "not_confirmed": 10.0}}}),
    ("claims", "warn", {"books.claims": 4, "books.claims_for_s": 31.0}),
    ("failed_jobs", "warn", {"books.failed_jobs": 1}),
    ("late_claims", "warn", {"late.claims": 2}),
    ("late_requests", "warn", {"late.requests": 1}),
    ("guessing", "warn", {"wrong_tries": 10}),
]
QUIET: list[dict[str, Any]] = [
    {},
    dict.fromkeys(("books", "votes", "api", "workers", "ticker", "disks", "late", "wrong_tries")),
    {"books.claims": 4, "books.claims_for_s": 3.0},
    {"known_for_s": 2.0, "ticker": [], "workers": []},
    {"box.used": None, "box.limit": None, "box.votes_left": None, "box.age_s": None},
    {"scratch.used": None, "scratch.limit": None},
    {"scratch.limit": 0},
    {"votes": {"answers": {}}},
    {"books.flush_lag_s": None, "books.drift": None, "books.age_s": None, "books.pending": None},
]


def figures(changes: dict[str, Any]) -> dict[str, Any]:
    document = copy.deepcopy(WELL)
    for path, value in changes.items():
        part, _, name = path.rpartition(".")
        place = document["pipeline"][part] if part else document["pipeline"]
        place[name] = value
    return document


@pytest.mark.parametrize(("code", "level", "changes"), CASES)
def test_each_is_raised_alone_and_says_so(code: str, level: str, changes: dict[str, Any]) -> None:
    [alarm] = alarms(figures(changes))
    assert (alarm.code, alarm.level) == (code, level)
    for language in (VI, EN):
        told = alarm.told(language)
        assert told["text"]
        assert "%(" not in told["text"], "everything is filled in"
        assert "%%" not in told["text"]


@pytest.mark.parametrize("changes", QUIET)
def test_none_is_raised_where_all_is_well_or_nothing_is_known(changes: dict[str, Any]) -> None:
    assert alarms(figures(changes)) == []


def test_every_alarm_has_a_case_and_advice() -> None:
    assert {code for code, _level, _changes in CASES} == set(SENTENCES) == set(ADVICE)


def test_the_worst_come_first_and_name_what_it_is_about() -> None:
    found = alarms(figures({"books.failed_jobs": 2, "workers": [], "books.drift": 1_234}))
    assert [alarm.level for alarm in found] == ["bad", "bad", "bad", "warn"]
    texts = " ".join(alarm.told(VI)["text"] for alarm in found)
    assert "flush.0" in texts
    assert "1.234" in texts
    unready = alarms(figures({"api": [{"host": "may-1", "pid": 12_345, "unready": "x"}]}))[0].told(VI)["text"]
    assert "may-1" in unready
    assert "12345" in unready, "a process's number is no amount"
