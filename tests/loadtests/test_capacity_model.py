"""Capacity on paper: cases that were reckoned by hand, what cannot be reckoned with, and a real box beside it."""

import copy
import dataclasses
import inspect
import json
import math
import re
import secrets
import subprocess
import sys

import pytest

from loadtests.bench.capacity_checks import aof_bytes, checks, machine_votes_per_s
from loadtests.bench.capacity_costs import CapacityError, costs_of, read_bench, seen_of
from loadtests.bench.capacity_model import BEGIN, END, put_into
from loadtests.bench.capacity_needs import (
    LONE_CALL_BYTES,
    Campaign,
    Peak,
    cores_of,
    log_of,
    needs,
    parts,
    proof_iterations,
)
from loadtests.bench.capacity_tables import CALLERS, PLACES, SHARES, fsync_votes_per_s, tables
from loadtests.rehearsal.turnout import Turnout, profile
from models.ballot_box.connection import call
from models.ballot_box.intake import Intake
from models.event import Proof, pack_cast, pack_evidence
from models.settings import ROOT
from tests.workers.contests import KEYS

COSTLY = {"api": 20.0, "box": 10.0, "flush": 5.0, "postgres": 15.0, "generator": 10.0}
BENCH = {
    "durable_votes_per_s": 20_000.0,
    "durable_votes_per_s_all_cores": 25_000.0,
    "page_per_s": 50_000.0,
    "logins_per_s": 1_000.0,
    "flush_rows_per_s": 40_000.0,
    "cpu_us_per_vote": {"api": 1.0, "box": 1.0, "flush": 1.0, "postgres": 1.0, "generator": 10.0},
    "cpu_us_per_login": {"box": 5.0, "flush": 10.0, "postgres": 20.0, "scratch": 50.0},
    "postgres_us_per_login_fresh": 200.0,
    "cost_by_stored_votes": [
        {"stored": 0, "cpu_us": 40.0, "cpu_us_per_vote": {"generator": 10.0}, "votes_per_s": 30_000.0},
        {"stored": 1_000_000, "cpu_us": 50.0, "cpu_us_per_vote": COSTLY, "votes_per_s": 32_000.0},
    ],
    "others_share": {"durable_votes": [0.1, 0.0, 0.3], "durable_votes_all_cores": [0.0]},
    "plan": {"rounds": 3, "seconds": 4},
    "machine": {"at": "2026-11-23T08:10:40+00:00", "processor": "one that was made up", "cores": 2},
    "box_bytes_per_account": 100.0,
    "log_bytes_per_vote": 54.0,
    "log_bytes_per_login": 108.0,
    "aof_bytes_per_vote": 170.0,
    "aof_bytes_per_login": 160.0,
    "ledger_bytes_per_vote": 170.0,
    "ledger_bytes_per_login": 300.0,
    "wal_bytes_per_vote": 240.0,
    "wal_bytes_per_login": 450.0,
    "scratch_bytes_per_login": 1_000.0,
}
COSTS, SEEN = costs_of(BENCH), seen_of(BENCH)
SOAKED_S = 595
"""A soak of 600 s rises for 10 s: as much as 595 s of its peak."""
SOAK = Campaign("by hand", Turnout(100_000, 0.1, 10, 2, "soak"), 0.5)
"""10,000 voters, 500 of them double clickers, 2,500 by a shared link, of whom 1,000 vote: 21,000 votes and 1,000
presses for nothing, 11,000 logins.
"""


def test_the_busiest_second():
    peak = needs(SOAK, COSTS).peak
    assert peak.votes == pytest.approx(21_000 / SOAKED_S)
    assert peak.presses == pytest.approx(22_000 / SOAKED_S)
    assert peak.logins == pytest.approx(11_000 / SOAKED_S)
    # 9 requests of the first view, list, result, login, two entries; one view of who comes by a link; 100 who watch ask
    # each 3 s, 10 bots twice a second.
    asked = 10_000 * (9 + 2 + 1 + 2) + 1_000 + 2_500 * 9 + 600 * (100 / 3 + 10 * 2)
    assert peak.pages == pytest.approx(asked / SOAKED_S)
    views = 12_500 * 28_914 + 10_000 * (2 * 5_914 + 2 * 20_954) + 11_000 * 24_437
    assert peak.bytes_out == pytest.approx((views + (22_000 + 3 * 11_000) * 1_000) / SOAKED_S)


def test_the_cores_of_the_busiest_second():
    needed = needs(SOAK, COSTS)
    per_s = 1e6 * SOAKED_S
    assert needed.cores.box == pytest.approx((22_000 * 10 + 11_000 * 5) / per_s)
    assert needed.cores.flush == pytest.approx((21_000 * 5 + 11_000 * 10) / per_s)
    assert needed.cores.postgres == pytest.approx((21_000 * 15 + 11_000 * 20) / per_s)
    assert needed.cores.scratch == pytest.approx(11_000 * 50 / per_s)
    # A login: a second of an API process is 1,000 of them; as much for asking; 5,000 iterations of 0.22 µs.
    assert needed.cores.logins == pytest.approx(11_000 * (2_000 + 1_100) / per_s)
    asked = needed.peak.pages * SOAKED_S
    assert needed.cores.api == pytest.approx((22_000 * 20 + asked * 20 + 11_000 * 3_100) / per_s)
    assert needed.cores_with_spare == pytest.approx(needed.cores.all / 0.6)
    assert needed.worker_share == pytest.approx((21_000 / 40_000 + 11_000 * 30e-6) / SOAKED_S)
    assert (needed.api_processes, needed.box_shards, needed.flush_workers) == (1, 1, 1)


def test_the_memory_and_the_disk():
    needed = needs(SOAK, COSTS)
    assert (needed.accounts, needed.votes) == (50_000, 100_000)
    assert needed.ballots == 5_000_000
    assert needed.log.events == pytest.approx(32_000, rel=0.01)
    assert (needed.log.pending, needed.log.wait_s) == (0, 0)
    assert needed.box == pytest.approx(5_000_000 + 21_000 * 54 + 11_000 * 108, rel=0.01)
    assert needed.scratch == pytest.approx(11_000_000)
    assert needed.aof_disk == 256 * 1024**2
    assert needed.aof_written == pytest.approx(100_000 * (170 + LONE_CALL_BYTES) + 50_000 * 160)
    assert needed.ledger == pytest.approx(100_000 * 170 + 50_000 * 300)
    assert needed.wal_written == pytest.approx(100_000 * 240 + 50_000 * 450)
    assert needed.aof_per_s == pytest.approx((21_000 * 170 + 11_000 * 160) / SOAKED_S)
    assert needed.wal_per_s == pytest.approx((21_000 * 240 + 11_000 * 450) / SOAKED_S)
    assert needed.votes_per_s_mean == pytest.approx(100_000 / 1_382_400)


def test_what_is_left_to_spare():
    assert [parts(load) for load in (0.0, 0.59, 0.61, 1.19, 1.21)] == [1, 1, 2, 2, 3]
    assert cores_of(Peak(100_000, 100_000, 0, 0, 0), COSTS).box == pytest.approx(1.0)


@pytest.mark.parametrize(("logins_per_s", "iterations"), [(0, 5_000), (20, 625), (100, 1_250), (500, 2_500)])
def test_the_busier_the_cheaper_a_proof_of_work_is_verified(logins_per_s, iterations):
    assert proof_iterations(logins_per_s) == iterations


def peak_of_events(load, number):
    return Peak(number * load.shape.peak(), 0, 0, 0, 0)


def test_a_flush_that_is_too_slow_lets_votes_wait():
    load = profile(Turnout(100_000, 0.1, 10, 2, "soak"))
    log = log_of(load, peak_of_events(load, 60_000), 50)
    assert log.pending == pytest.approx(60_000 - 50 * 600, rel=0.01)
    assert log.wait_s == pytest.approx(600, rel=0.01)


def test_the_log_keeps_a_quarter_of_an_hour():
    load = profile(Turnout(100_000, 0.1, 60, 2, "soak"))
    assert log_of(load, peak_of_events(load, 360_000), 1e9).events == pytest.approx(90_000, rel=0.01)


def test_the_log_keeps_a_million_events_and_what_the_trim_is_too_slow_for():
    load = profile(Turnout(100_000, 0.1, 10, 2, "soak"))
    assert log_of(load, peak_of_events(load, 10_000 * SOAKED_S), 1e9).events == pytest.approx(1_010_000)
    # 30,000 come each second and 20,000 are dropped, from the 39th second on.
    fast = log_of(load, peak_of_events(load, 30_000 * SOAKED_S), 1e9).events
    assert fast == pytest.approx(1_000_000 + 10_000 * (600 - 38), rel=0.01)


def test_the_log_never_drops_what_is_not_in_the_ledger():
    load = profile(Turnout(100_000, 0.1, 10, 2, "soak"))
    log = log_of(load, peak_of_events(load, 3_000_000), 1_000)
    assert log.pending == pytest.approx(3_000_000 - 600_000, rel=0.01)
    assert log.events >= log.pending


def test_one_machine_as_predicted_and_as_measured():
    same, others, all_cores, beside, flush, aof = checks(COSTS, SEEN)
    assert same.predicted == pytest.approx(2 * 0.9e6 / 60)
    assert same.measured == 20_000
    assert same.error == pytest.approx(0.5)
    assert others.predicted == pytest.approx(2 * 0.9e6 / 50)
    assert all_cores.predicted == pytest.approx(2e6 / 60)
    assert all_cores.measured == 25_000
    assert (beside.predicted, beside.measured) == (pytest.approx(2e6 / 60), 32_000)
    assert flush.predicted == pytest.approx(1e6 / 20)
    assert aof.measured == 170
    slow = dataclasses.replace(COSTS, api_us=100.0)
    assert checks(slow, SEEN)[0].predicted == pytest.approx(10_000)  # one process is one core
    assert machine_votes_per_s(100, 4) == 40_000


def test_the_disk_is_no_limit_as_long_as_thousands_share_an_fsync():
    assert fsync_votes_per_s(10, 10) == pytest.approx(3_000 / 0.040)
    assert fsync_votes_per_s(10, 10, processes=4) == pytest.approx(12_000 / 0.130)


def test_an_api_process_has_as_many_calls_under_way():
    assert inspect.signature(Intake).parameters["callers"].default == CALLERS


def test_a_vote_in_the_file_of_a_real_box(open_contest):
    head = (1, open_contest.contest.epoch, KEYS.fingerprint())
    evidence = pack_evidence("127.0.0.1", bytes(8))

    def grown(number):
        args = []
        for _ in range(number):
            account = 10**18 + secrets.randbits(59)
            args += [account, 1, pack_cast(account, 1, 1, Proof.EMAIL, evidence)]
        before = open_contest.client.info("persistence")["aof_current_size"]
        letters, _ = call(open_contest.client, "cast", open_contest.keys(), *head, *args)
        assert letters == b"c" * number
        return open_contest.client.info("persistence")["aof_current_size"] - before

    grown(1)  # loads the library
    assert grown(1_000) / 1_000 == pytest.approx(aof_bytes(), rel=0.02)
    assert 0.7 * LONE_CALL_BYTES < grown(1) - aof_bytes() <= LONE_CALL_BYTES


def without(*names):
    bench = copy.deepcopy(BENCH)
    inner = bench
    for name in names[:-1]:
        inner = inner[name]
    del inner[names[-1]]
    return bench


@pytest.mark.parametrize(
    "names", [(name,) for name in BENCH] + [("cpu_us_per_vote", "generator"), ("machine", "cores")]
)
def test_a_bench_without_a_number_is_refused_by_its_name(names):
    with pytest.raises(CapacityError, match=re.escape(names[0])):
        tables(costs_of(without(*names)), seen_of(without(*names)))


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, True, "20000", None, [1.0]])
def test_a_number_that_no_bench_measures_is_refused(value):
    with pytest.raises(CapacityError, match="page_per_s"):
        costs_of(BENCH | {"page_per_s": value})


@pytest.mark.parametrize("value", [[], {}, None, 3])
def test_what_should_be_a_list_and_is_none_is_refused(value):
    with pytest.raises(CapacityError, match="cost_by_stored_votes"):
        seen_of(BENCH | {"cost_by_stored_votes": value})
    with pytest.raises(CapacityError, match=r"others_share\.durable_votes"):
        seen_of(BENCH | {"others_share": BENCH["others_share"] | {"durable_votes": value}})


def test_a_file_that_is_no_bench_is_refused(tmp_path):
    file = tmp_path / "bench.json"
    with pytest.raises(CapacityError, match="make bench"):
        read_bench(file)
    for text in ("", "{", "[]", "3"):
        file.write_text(text)
        with pytest.raises(CapacityError):
            read_bench(file)


@pytest.mark.parametrize("voting", [0.05, 1.1])
def test_more_in_the_busiest_minutes_than_in_all_is_refused(voting):
    with pytest.raises(CapacityError):
        Campaign("wrong", Turnout(1_000, 0.1, 10, 3), voting)


def test_a_spike_of_the_country_needs_shards_and_one_of_a_commune_nothing():
    country, commune = (
        needs(Campaign("", Turnout(PLACES[place], 0.1, 10, 3), 0.5), COSTS) for place in ("The country", "A commune")
    )
    assert country.box_shards > 1
    assert country.cores.api > 50
    assert country.flush_workers == parts(country.worker_share) > 1
    assert country.log.wait_s > 1
    assert country.aof_disk == 3 * country.box
    assert (commune.box_shards, commune.api_processes, commune.flush_workers) == (1, 1, 1)


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "loadtests.bench.capacity_model", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def bench(tmp_path):
    file = tmp_path / "bench.json"
    file.write_text(json.dumps(BENCH))
    return file


def test_the_command_prints_the_tables_or_puts_them_into_a_page(tmp_path, bench):
    printed = run("--from", bench)
    assert printed.returncode == 0, printed.stderr
    assert all(f"### {place}: " in printed.stdout for place in PLACES)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}old\n{END}after\n")
    for _ in range(2):  # the second time changes nothing
        assert run("--from", bench, "--into", page).returncode == 0
        assert page.read_text() == f"before\n{BEGIN}\n{printed.stdout}\n{END}after\n"


def test_the_command_says_what_is_wrong(tmp_path, bench):
    done = run("--from", tmp_path / "none.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("capacity: ")
    assert done.stderr.count("\n") == 1
    page = tmp_path / "page.md"
    page.write_text("no marks")
    assert run("--from", bench, "--into", page).returncode == 1
    assert page.read_text() == "no marks"
    with pytest.raises(CapacityError):
        put_into(tmp_path / "none.md", "")


def labels(text):
    """Headings and first columns, numbers aside: a bench of another day has others."""
    found = re.findall(r"^(?:### .*|\| [^|]*\|)", text, re.MULTILINE)
    return {re.sub(r"[\d.,]+", "0", one) for one in found}


def test_the_page_has_the_tables_that_the_command_makes_today():
    page = (ROOT / "docs" / "capacity.md").read_text()
    assert labels(page.split(BEGIN)[1].split(END)[0]) == labels(tables(COSTS, SEEN))


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{END}", f"{BEGIN}{BEGIN}{END}"])
def test_a_page_without_one_place_for_the_tables_is_left_alone(tmp_path, text):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(CapacityError, match=r"page\.md has no place"):
        put_into(page, "tables")
    assert page.read_text() == text


def test_what_gives_way_first_stands_first():
    rows = tables(COSTS, SEEN).split("### From how many inhabitants on")[1].split("###")[0].splitlines()[4:]
    numbers = [int(row.split("|")[2].replace(",", "")) for row in rows if row]
    assert len(numbers) == 8
    assert numbers == sorted(numbers)


def test_every_turnout_stands_in_the_head_of_each_place():
    text = tables(COSTS, SEEN)
    assert text.count(f"|  | {' | '.join(SHARES)} |") == len(PLACES)


def test_the_tables_say_whether_the_spare_covers_the_error():
    assert "**does not cover** it" in tables(COSTS, SEEN)  # 50 % too high
    assert ", covers it" in tables(COSTS, seen_of(BENCH | {"durable_votes_per_s": 29_000.0}))
