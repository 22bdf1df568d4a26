"""The climb to the knee, and what is made of it."""

import json
from itertools import pairwise

import pytest

from loadtests.rehearsal.capacity import Capacity, advice
from loadtests.rehearsal.climbing import CONNECTIONS, FIRST_RATE, RISE, Step, climb, paced_by
from tests.loadtests.rehearsing import ended, start
from tests.loadtests.test_bench import needs_wrk

GOOD = Step(1000, 980, 5, 20, 0.2, 0.0, 0.0)


def step(rate, answered=None, p99=20.0):
    return Step(rate, rate if answered is None else answered, 5.0, p99, 0.3, 0.0, 0.0)


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
    assert len(climb(lambda rate, _ms: step(rate) if rate < 2_000 else None, silent)) == 2


def test_the_pace_makes_good_for_the_time_that_answers_take():
    assert paced_by(1_000, 0.0) == pytest.approx(1_000)
    told = paced_by(5_000, 40.0)
    assert CONNECTIONS / (CONNECTIONS / told + 0.040) == pytest.approx(5_000)
    assert paced_by(20_000, 40.0) is None


def test_where_wrk_or_its_connections_are_the_limit_it_is_at_least():
    assert not GOOD.at_least
    assert Step(None, 30_000, 5, 20, 0.95, 0.0, 0.0).at_least
    assert Step(None, 30_000, 5, 20, 0.3, 0.5, 0.0).at_least
    assert Step(None, 30_000, 5, 20, 0.3, 0.0, 0.4).at_least


def made(**more):
    values = {"steps": [GOOD], "votes_per_s": 20_000, "pages_per_s": 30_000, "at_least": False, "others": 0.0} | more
    return Capacity(**values, processes=2, cores=2)


def test_voters_a_minute_pay_for_votes_pages_and_login():
    carried = made().voters_per_minute(3)
    assert carried == pytest.approx(60 / (3 / 20_000 + 8 / 30_000 + 1 / 1_800))
    assert made().voters_per_minute(1) > carried > made(votes_per_s=10_000).voters_per_minute(3)


def test_the_advice():
    [said] = advice(made(), 3, None)
    assert "carries 61," in said
    assert "at least" not in said
    assert advice(made(at_least=True), 3, None)[0].count("at least") >= 1
    assert "measure again" in advice(made(others=0.4), 3, None)[1]
    assert "nothing more" in advice(made(), 3, 30_000)[1]
    more = advice(made(), 3, 600_000)[1]
    assert "28 cores" in more
    assert "WEB_CONCURRENCY=26" in more


@needs_wrk
@pytest.mark.timeout(240)
def test_the_capacity_of_this_machine(tmp_path):
    process = start(tmp_path, "--capacity", "--step-seconds", "1", "--voters-a-minute", "1")
    said = ended(process, 230)
    assert process.returncode == 0, said
    [folder] = tmp_path.iterdir()
    found = json.loads((folder / "capacity.json").read_text())
    soon = [one["answered"] for one in found["steps"] if one["p99_ms"] <= 500]
    assert found["votes_per_s"] == max(soon, default=found["steps"][0]["answered"])
    assert found["steps"][0]["offered"] == FIRST_RATE
    assert found["steps"][-1]["offered"] is None
    assert f"{found['voters_per_minute']:,} voters a minute" in said
    assert "1 a minute need nothing more" in said
    assert not (folder / "stack").exists()
    assert not (folder / "tokens").exists()
