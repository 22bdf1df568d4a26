"""The bench as a process: short, but with every part of it real."""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys

import psutil
import pytest

from loadtests.bench.ledger import Audit
from models.settings import ROOT

RATES = ("empty_asgi", "durable_votes", "empty_fastapi", "insert_per_vote")
needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed (apt install wrk)")


def bench(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "loadtests.bench", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def processes_of(folder):
    """Command lines of the processes that name `folder` there or in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            words = process.cmdline()
            if any(str(folder) in word for word in [*words, *process.environ().values()]):
                found.append(words)
    return found


@needs_wrk
def test_measures_everything_loses_nothing_and_leaves_nothing(tmp_path):
    out = tmp_path / "bench.json"
    words = ["--rounds", "1", "--seconds", "1", "--rows", "5000", "--accounts", "20000", "--out", str(out)]
    # Settings of an installation are not the bench's: with this address it would not come up.
    done = bench(*words, "--folder", str(tmp_path), BALLOT_BOX_URL="unix:///nowhere", TMPDIR="/tmp")

    assert done.returncode == 0, done.stdout + done.stderr
    numbers = json.loads(out.read_text())
    assert all(numbers[f"{name}_per_s"] > 0 for name in RATES)
    assert all(
        numbers[f"{name}_rows_per_s{how}"] > 0 for name, how in [("flush", "_cpu"), ("flush", "_wall"), ("copy", "")]
    )
    assert set(numbers["ratios"]) == {"votes/empty_asgi", "votes/empty_fastapi", "votes/insert_per_vote"}
    assert numbers["cpu_us_per_vote"]["api"] > 0
    assert all(0 <= share < 1 for shares in numbers["others_share"].values() for share in shares)
    audit = numbers["audit"]
    assert audit["rows"] == audit["answers"]["counted"] + 5000
    assert audit["seen_by_wrk"] > 0
    assert "votes/empty_asgi" in done.stdout
    assert list(tmp_path.iterdir()) == [out]
    assert processes_of(tmp_path) == []


def test_says_that_wrk_is_missing(tmp_path):
    done = bench("--out", str(tmp_path / "bench.json"), PATH=str(tmp_path))

    assert done.returncode == 1
    assert done.stderr == "bench: wrk is not installed. On Debian and Ubuntu: apt install wrk\n"
    assert not list(tmp_path.iterdir())


GOOD = Audit(
    seen_by_wrk=900,
    unseen_at_most=200,
    answers={"counted": 1000},
    cast_directly=50,
    box=1050,
    ledger=1050,
    rows=1050,
    parked=0,
    conflicts=0,
    drift=0,
)


def test_an_audit_in_which_all_is_well():
    assert GOOD.problems() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": 1049, "ledger": 1049, "box": 1049},  # a vote was lost everywhere
        {"rows": 1049},  # or in the rows alone
        {"box": 1051},
        {"ledger": 1049},
        {"answers": {"counted": 1000, "already_voted": 1}},  # the requests were not distinct
        {"answers": {"counted": 1000, "busy": 1}},
        {"answers": {}},
        {"seen_by_wrk": 1001},  # an answer that the API does not know of
        {"seen_by_wrk": 799},
        {"parked": 1},
        {"conflicts": 1},
        {"drift": 1},
        {"drift": None},
    ],
)
def test_an_audit_finds(wrong):
    assert dataclasses.replace(GOOD, **wrong).problems()
