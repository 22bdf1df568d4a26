"""The climb to the knee, and what is made of it."""

import dataclasses
import datetime as dt
import json
import shutil
from itertools import pairwise

import pytest

from loadtests.rehearsal.advice import advice
from loadtests.rehearsal.capacity import Capacity, Ledger
from loadtests.rehearsal.capacity_report import checks_of, write_capacity
from loadtests.rehearsal.climbing import CONNECTIONS, FIRST_RATE, RISE, Step, UsedUpError, Votes, climb, wait_ms
from loadtests.rehearsal.plan import Entry
from loadtests.rehearsal.target import Target
from tests.journeys.stack import Stack
from tests.loadtests.rehearsing import ended, start

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed (apt install wrk)")

GOOD = Step(1000, 980, 5, 20, 0.2, 0.0, 0.0)


def step(rate, answered=None, p99=20.0, refused=0):
    return Step(rate, rate if answered is None else answered, 5.0, p99, 0.3, 0.0, 0.0, refused)


def silent(_said):
    pass


def test_the_climb_ends_behind_the_knee():
    steps = climb(lambda rate, _ms: step(rate, min(rate, 6_000)), silent)
    assert steps[0].offered == FIRST_RATE
    assert [one.good for one in steps] == [*[True] * (len(steps) - 2), False, False]
    assert all(later.offered == pytest.approx(RISE * before.offered) for before, later in pairwise(steps[:-1]))
    assert steps[-1].offered == steps[-2].offered


def test_a_moment_in_which_the_machine_is_busy_does_not_end_the_climb():
    seen = iter([True, False, True, True, False, False])
    assert len(climb(lambda rate, _ms: step(rate, p99=20.0 if next(seen) else 600.0), silent)) == 6


def test_late_answers_and_refusals_end_the_climb_too():
    assert len(climb(lambda rate, _ms: step(rate, p99=600.0 if rate > 2_000 else 20.0), silent)) == 4
    assert len(climb(lambda rate, _ms: step(rate, refused=rate > 2_000), silent)) == 4


def test_the_climb_ends_where_there_are_no_more_tokens(tmp_path):
    (tmp_path / "tokens").write_text("x" * 56 + "\n" + "y" * 56 + "\n")
    target = Target("http://127.0.0.1:9", {}, [Entry(1, "a"), Entry(2, "b")], [], None)
    votes = Votes(target, tmp_path / "tokens", 1)
    assert votes.most == 4
    with pytest.raises(UsedUpError):
        votes.paced(1_000, 0.0)

    def run(rate, _ms):
        if rate > 2_000:
            raise UsedUpError
        return step(rate)

    said = []
    assert len(climb(run, said.append)) == 2
    assert "no more tokens" in said[-1]


def test_the_pace_makes_good_for_the_time_that_answers_take():
    assert wait_ms(1_000, 0.0) == pytest.approx(CONNECTIONS)
    assert CONNECTIONS / (wait_ms(5_000, 40.0) + 40) * 1000 == pytest.approx(5_000)
    assert wait_ms(20_000, 40.0) is None


def test_where_wrk_or_its_connections_are_the_limit_it_is_at_least():
    assert not GOOD.at_least()
    assert Step(None, 30_000, 5, 20, 0.95, 0.0, 0.0).at_least()
    assert Step(None, 30_000, 5, 20, 0.3, 0.5, 0.0).at_least()
    assert Step(None, 30_000, 5, 20, 0.3, 0.0, 0.4).at_least()


def test_elsewhere_answers_that_queue_show_the_limit_and_this_machine_does_not():
    first = step(1_000)
    assert Step(None, 9_000, 5, 60, 0.3, 0.9, 0.0).at_least(first)
    assert not Step(None, 9_000, 50, 60, 0.3, 0.9, 0.5).at_least(first)
    assert Step(None, 9_000, 50, 60, 0.95, 0.0, 0.0).at_least(first)


BOOKS = Ledger(9_000, 600, 9_100, 9_100, 9_100, 0, 0, 3.0)


def made(**more):
    values = {"steps": [GOOD], "votes_per_s": 20_000, "pages_per_s": 30_000, "at_least": False, "others": 0.0} | more
    return Capacity(**values, processes=2, cores=2, books=BOOKS)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"counted": 8_999}, "acknowledged_is_counted"),  # lost, or from tokens that had voted before
        ({"counted": 9_601}, "acknowledged_is_counted"),
        ({"counted": None}, "acknowledged_is_counted"),
        ({"ledger": 9_099}, "box_is_ledger"),
        ({"pending": 1}, "box_is_ledger"),
        ({"drift": None}, "box_is_ledger"),
        ({"drained_s": None}, "drained"),
    ],
)
def test_a_rate_of_votes_that_are_lost_is_none(tmp_path, wrong, name):
    found = made()
    assert all(check.ok for check in checks_of(BOOKS, elsewhere=False))
    books = dataclasses.replace(BOOKS, **wrong)
    assert [check.name for check in checks_of(books, elsewhere=False) if not check.ok] == [name]
    assert not write_capacity(tmp_path, dataclasses.replace(found, books=books), 3, None, dt.datetime.now(dt.UTC))
    assert "<strong>KHÔNG ĐẠT" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("wanted", "says"),
    [(None, "61\u202f"), (30_000, "Đủ cho 30\u202f000"), (600_000, "Chưa đủ cho 600\u202f000")],
)
def test_the_report_of_a_capacity(tmp_path, wanted, says):
    found = made(steps=[GOOD, step(1_500, p99=900.0), Step(None, 20_000, 5, 20, 0.95, 0, 0)], at_least=True)
    assert write_capacity(tmp_path, found, 3, wanted, dt.datetime(2026, 11, 20, tzinfo=dt.UTC))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert says in text[: text.index("</div>")]
    assert "at least 61" in text
    assert text.count("<svg") == 2
    assert "<td>tối đa · all</td><td>20\u202f000</td>" in text
    assert "<script" not in text
    assert "url(" not in text


def test_voters_a_minute_pay_for_votes_pages_and_login():
    carried = made().voters_per_minute(3)
    assert carried == pytest.approx(60 / (3 / 20_000 + 8 / 30_000 + 1 / 1_800))
    assert made().voters_per_minute(1) > carried > made(votes_per_s=10_000).voters_per_minute(3)


def test_the_advice():
    said, same = english(made())
    assert "carries 61," in said
    assert "least" not in said
    assert "same 2 cores" in same
    assert english(made(at_least=True))[0].count("at least") == 2
    assert "measure again" in english(made(others=0.4))[-1]
    assert "nothing more" in english(made(), 30_000)[1]
    more = english(made(), 600_000)[1]
    assert "33 cores" in more
    assert "WEB_CONCURRENCY=31" in more
    assert "reconcile --rows" in english(made(url="https://x"))[-1]


def english(capacity, wanted=None):
    return [en for _, en in advice(capacity, 3, wanted)]


@needs_wrk
@pytest.mark.timeout(240)
def test_the_capacity_of_this_machine(tmp_path):
    process = start(tmp_path, "--capacity", "--step-seconds", "1", "--voters-a-minute", "1")
    said = ended(process, 230)
    assert process.returncode == 0, said
    [folder] = tmp_path.iterdir()
    found = json.loads((folder / "capacity.json").read_text())
    soon = [one["answered"] for one in found["steps"] if one["p99_ms"] <= 500 and not one["refused"]]
    assert found["votes_per_s"] == max(soon, default=found["steps"][0]["answered"])
    assert found["steps"][0]["offered"] == FIRST_RATE
    assert found["steps"][-1]["offered"] is None
    assert f"{found['voters_per_minute']:,} voters a minute" in said
    assert "1 a minute need nothing more" in said
    assert not (folder / "stack").exists()
    assert not (folder / "tokens").exists()
    assert found["books"]["box"] == found["books"]["ledger"] == found["books"]["counted"]
    assert [check["ok"] for check in found["checks"]] == [True, True, True]
    assert str(folder / "report.html") in said
    assert (folder / "report.html").exists()


@needs_wrk
@pytest.mark.timeout(240)
def test_the_capacity_of_an_installation_elsewhere(tmp_path):
    stack = Stack(tmp_path / "installation").start()
    tokens, few = tmp_path / "tokens", tmp_path / "few"
    words = ["--capacity", "--step-seconds", "1", "--url", stack.address, "--tokens"]
    try:
        stack.run("mint-sessions", "--count", "900", "--out", str(tokens))
        few.write_text("".join(tokens.read_text().splitlines(keepends=True)[:10]))
        assert "too few for a single step" in ended(start(tmp_path / "none", *words, str(few)))
        assert list((tmp_path / "none").iterdir()) == []
        process = start(tmp_path / "one", *words, str(tokens))
        said = ended(process)
        assert process.returncode == 0, said
        [folder] = (tmp_path / "one").iterdir()
        found = json.loads((folder / "capacity.json").read_text())
        assert found["at_least"] is True  # the tokens were used up
        assert found["books"]["acknowledged"] <= found["books"]["counted"] == stack.status()["box"]["votes"]
        assert found["checks"][1]["ok"] is None
        assert tokens.exists()
        again = start(tmp_path / "two", *words, str(tokens))  # the same tokens: their votes are no votes
        said = ended(again)
        assert again.returncode == 1, said
        assert "KHÔNG ĐẠT" in said
    finally:
        assert stack.stop() == 0
