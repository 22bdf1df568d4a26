"""The bench of the live view as a process: short, but with every part of it real."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from models.settings import ROOT

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed (apt install wrk)")


def test_it_tells_ages_and_what_consoles_cost() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loadtests.bench.console", "--consoles", "3", "--rounds", "1", "--seconds", "1"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"age when they come p50 \d+ ms, p99 \d+ ms; on the screen at most", done.stdout)) == 2
    assert re.search(r"intake, median: [\d,]+/s without, [\d,]+/s with: [+-]", done.stdout)
    assert "PANIC" not in done.stderr
