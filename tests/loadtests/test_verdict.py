"""The verdict: what makes a no-go, and what the report says."""

import dataclasses
import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from loadtests.rehearsal.books import Books
from loadtests.rehearsal.check import Seen
from loadtests.rehearsal.counts import bucket
from loadtests.rehearsal.limits import Limits
from loadtests.rehearsal.notes import notes
from loadtests.rehearsal.report import write_report
from loadtests.rehearsal.series import charts
from loadtests.rehearsal.verdict import judge, passed
from loadtests.rehearsal.watching import SILENT_S, LogWatch, Sample, line

BOOKS = Books(
    acknowledged=1000,
    found=0,
    unknown=0,
    gave_up=0,
    earlier=0,
    twice=0,
    changed_receipts=0,
    shared_receipts=0,
    mixed=0,
    refused={},
    intrusions={},
    by_entry={1: (600, 0, 600), 2: (400, 0, 400)},
    box=1000,
    ledger=1000,
    pending=0,
    parked=0,
    conflicts=0,
    drift=0,
    memory_left=0.99,
    proof="",
    receipts={"in_ledger": 500},
    drained_s=2.0,
)
COUNTS = Counter(
    {
        "sent.vote": 1000,
        "status.vote.201": 1000,
        "ack": 1000,
        f"ms.vote.{bucket(20)}": 1000,
        f"ms.page.{bucket(20)}": 3000,
        f"late.{bucket(3)}": 300,
        "come.VoterFromPush": 300,
        "login.done": 3,
        "sent.bot": 40,
        "status.bot.401": 40,
        "sent.page": 3000,
        "status.page.200": 3000,
        "sent.asset": 900,
        "status.asset.200": 800,
        "status.asset.304": 100,
    }
)
SAMPLES = [Sample(0, True, 0, 0.0), Sample(1, True, 40, 0.4)]
WELL = Seen(COUNTS, SAMPLES, BOOKS, {"VoterFromPush": 300}, [])


def failing(seen):
    return {check.name for check in judge(seen, Limits()) if check.ok is False}


def with_books(**wrong):
    return dataclasses.replace(WELL, books=dataclasses.replace(BOOKS, **wrong))


def with_counts(**more):
    return dataclasses.replace(WELL, counts=COUNTS + Counter({name.replace("__", "."): n for name, n in more.items()}))


def test_a_rehearsal_in_which_all_is_well():
    assert failing(WELL) == set()
    assert passed(judge(WELL, Limits()))


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"by_entry": {1: (600, 0, 599), 2: (400, 0, 401)}}, "acknowledged_is_counted"),  # the sum is right
        ({"by_entry": {1: (600, 0, 601), 2: (400, 0, 400)}}, "acknowledged_is_counted"),
        ({"acknowledged": 0, "by_entry": {1: (0, 0, 0)}, "receipts": {}}, "acknowledged_is_counted"),
        ({"ledger": 999}, "box_is_ledger"),
        ({"drift": 1}, "box_is_ledger"),
        ({"pending": 1}, "box_is_ledger"),
        ({"parked": 1}, "box_is_ledger"),
        ({"conflicts": 1}, "box_is_ledger"),
        ({"conflicts": None}, "box_is_ledger"),
        ({"proof": "missing in ledger 1"}, "box_is_ledger"),
        ({"twice": 1}, "nobody_twice"),
        ({"changed_receipts": 1}, "nobody_twice"),
        ({"shared_receipts": 2}, "receipts_are_own"),
        ({"mixed": 1}, "receipts_are_own"),
        ({"receipts": {"in_ledger": 499, "received": 1}}, "receipts_in_ledger"),
        ({"receipts": {"in_ledger": 499, "of another entry": 1}}, "receipts_in_ledger"),
        ({"receipts": {"in_ledger": 400}}, "receipts_in_ledger"),
        ({"intrusions": {"bent": 1}}, "bots_refused"),
        ({"refused": {"401:no_session": 1}}, "nobody_refused_for_good"),
        ({"earlier": 1}, "nobody_refused_for_good"),
        ({"gave_up": 1}, "nobody_gave_up"),
        ({"drained_s": None}, "drained"),
        ({"memory_left": 0.1}, "memory_left"),
    ],
)
def test_books_that_are_wrong_are_a_no_go(wrong, name):
    assert name in failing(with_books(**wrong))


def test_an_unclear_vote_may_be_counted_or_not_but_no_more():
    for counted in (598, 599, 600):
        assert not failing(with_books(by_entry={1: (598, 2, counted), 2: (400, 0, 400)}, unknown=2))
    assert failing(with_books(by_entry={1: (598, 2, 601), 2: (400, 0, 400)}, unknown=2))


@pytest.mark.parametrize(
    ("counts", "name"),
    [
        ({"status__page__500": 1}, "no_other_5xx"),
        ({"sent__page": 20, "status__page__0": 20}, "pages_served"),  # they never came, and so took no time
        ({"sent__page": 20, "status__page__429": 20}, "pages_served"),  # a proxy refused them, at once
        ({"sent__asset": 20, "status__asset__404": 20}, "pages_served"),
        ({"sent__page": 20}, "pages_served"),
        ({"status__bot__502": 1}, "no_other_5xx"),
        ({"bare503": 1}, "no_other_5xx"),
        ({"sent__vote": 10, "status__vote__503": 10}, "turned_away"),
        ({"sent__vote": 10, "status__vote__0": 10}, "turned_away"),
        ({f"ms__vote__{bucket(3000)}": 100}, "vote_p95"),
        ({f"ms__vote__{bucket(3000)}": 20}, "vote_p99"),
        ({f"ms__page__{bucket(3000)}": 900}, "page_p95"),
        ({f"late__{bucket(5000)}": 10}, "on_time"),
        ({"error": 1}, "everybody_came"),
        ({"login__failed": 1}, "logins"),
    ],
)
def test_answers_that_are_wrong_are_a_no_go(counts, name):
    assert name in failing(with_counts(**counts))


def test_a_stack_of_our_own_that_does_not_answer_any_more_is_a_no_go():
    away = dataclasses.replace(
        BOOKS, by_entry={1: (600, 0, None)}, box=None, ledger=None, drift=None, memory_left=None, proof="it is away"
    )
    seen = dataclasses.replace(WELL, books=away, samples=[Sample(0, False, None, None)])
    assert failing(seen) == {"acknowledged_is_counted", "box_is_ledger", "memory_left", "flush_lag"}


def test_a_few_503_with_retry_after_are_within_the_budget():
    assert failing(with_counts(sent__vote=4, status__vote__503=4)) == set()


def test_a_late_flush_a_restart_and_missing_people_are_a_no_go():
    late = dataclasses.replace(WELL, samples=[Sample(0, True, 9, 31.0)])
    assert failing(late) == {"flush_lag"}
    assert failing(dataclasses.replace(WELL, restarts=["box ended; starting it again in 0.1 s."])) == {"no_restarts"}
    assert failing(dataclasses.replace(WELL, planned={"VoterFromPush": 301})) == {"everybody_came"}


def verdict_of(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    return text[text.index('<div class="verdict') : text.index("</div>")]


def test_what_http_does_not_tell_is_not_checked_and_says_so(tmp_path):
    books = dataclasses.replace(
        BOOKS,
        box=None,
        ledger=None,
        pending=None,
        parked=None,
        conflicts=None,
        drift=None,
        memory_left=None,
        proof=None,
    )
    seen = Seen(COUNTS, [Sample(0, True, None, None)], books, {"VoterFromPush": 300}, None)
    open_ones = {check.name for check in judge(seen, Limits()) if check.ok is None}
    assert open_ones == {"box_is_ledger", "flush_lag", "memory_left", "no_restarts"}
    assert not failing(seen)
    [said] = [vi for vi, _ in notes(seen, elsewhere=True)]
    assert "HTTP" in said
    write_report(tmp_path, judge(seen, Limits()), {}, [], [])
    told = verdict_of(tmp_path)
    assert "<strong>ĐẠT " in told
    assert "All conditions hold" not in told
    assert "look at these yourself" in told
    assert "Box and ledger agree" in told


def test_public_counts_that_do_not_come_are_no_agreement():
    books = dataclasses.replace(BOOKS, by_entry={1: (600, 0, None), 2: (400, 0, None)}, proof=None)
    assert "acknowledged_is_counted" in failing(dataclasses.replace(WELL, books=books, restarts=None))


def test_bots_that_were_never_answered_were_not_refused():
    counts = Counter({name: n for name, n in COUNTS.items() if name != "status.bot.401"}) + Counter(
        {"status.bot.0": 40}
    )
    assert failing(dataclasses.replace(WELL, counts=counts)) == {"bots_refused"}


def test_silence_about_the_log_counts_as_waiting():
    log = LogWatch()
    assert log.look({}, 0.0) == (None, None)
    assert log.look({"told_at_ms": 5_000, "pending": 7, "lag_s": 0.2}, 10.0) == (7, 0.2)
    still = {"told_at_ms": 5_000, "pending": 7, "lag_s": 0.2}  # the ledger is away: the numbers stand still
    assert log.look(still, 10.0 + SILENT_S) == (7, 0.2)
    assert log.look(still, 45.0) == (None, pytest.approx(35.2))
    assert log.look({}, 55.0) == (None, pytest.approx(45.2))
    assert log.look({"told_at_ms": 6_000, "pending": 90, "lag_s": 46.0}, 56.0) == (90, 46.0)


def test_restarts_are_told_once_each_with_how_often():
    lines = [
        *(f"api.1 ended (exit status 1); starting it again in {n} s." for n in range(9)),
        "box ended; starting it again",
    ]
    [check] = [one for one in judge(dataclasses.replace(WELL, restarts=lines), Limits()) if one.name == "no_restarts"]
    assert check.seen == "api.1 ended (exit status 1) × 9; box ended"


def test_a_generator_at_its_end_is_said():
    busy = dataclasses.replace(WELL, samples=[*SAMPLES, Sample(2, False, 40, 0.4, 0.97)])
    said = " ".join(en for _, en in notes(busy, elsewhere=False))
    assert "hold delays of its own" in said
    assert "For 1 seconds" in said
    hung = dataclasses.replace(WELL, samples=[SAMPLES[0], Sample(2, False, None, None), Sample(12, True, 0, 0.0)])
    assert "For 10 seconds" in " ".join(en for _, en in notes(hung, elsewhere=False))
    assert "took 40%" in " ".join(en for _, en in notes(dataclasses.replace(WELL, others=0.4), elsewhere=False))


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.svgs = [], [], 0

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in {"src", "href"}]
        self.svgs += tag == "svg"
        if tag not in {"meta", "path"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize(("seen", "word"), [(WELL, "ĐẠT"), (with_books(drift=1), "KHÔNG ĐẠT")])
def test_the_report_needs_nothing_else_and_says_why(tmp_path, seen, word):
    checks = judge(seen, Limits())
    drawn = charts({0: COUNTS, 1: COUNTS}, SAMPLES)
    facts = {"machine": {"cores": 2, "<b>": "&"}, "books": {"by_entry": seen.books.by_entry, "counted": 1000}}
    write_report(tmp_path, checks, facts, notes(seen, elsewhere=False), drawn)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    assert page.addresses == []
    assert page.svgs == 4
    assert "url(" not in text
    assert "@import" not in text
    assert "<script" not in text
    assert f"<strong>{word} " in text
    assert "&lt;b&gt;" in text
    assert '<th scope="row">#1</th><td>600</td><td>0</td><td>600</td>' in text
    assert "1\u202f000" in text  # to Vietnamese readers 1,000 is one
    assert "1,000" not in text
    document = json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))
    assert document["verdict"] == word
    assert document["go"] is (word == "ĐẠT")
    assert {check["name"] for check in document["checks"]} == {check.name for check in checks}
    if word == "KHÔNG ĐẠT":
        reasons = verdict_of(tmp_path)
        assert "Hòm phiếu khớp sổ phiếu" in reasons
        assert "Box and ledger agree" in reasons


def test_the_progress_line():
    said = line(dict.fromkeys(range(10), COUNTS), 9, Sample(8, True, 1234, 1.0))
    assert re.search(r"9 s  sent +[\d,]+/s  acknowledged +10,000", said)
    assert said.endswith("refused 0  pending 1,234")
    assert "—" in line({}, 3, None)
