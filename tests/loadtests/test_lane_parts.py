"""Where a vote's time goes: short, on a real stack."""

import re
import subprocess
import sys

import pytest

from models.settings import ROOT


@pytest.mark.timeout(120)
def test_tells_both_processes_and_every_part(tmp_path):
    words = ["--rounds", "1", "--seconds", "1", "--folder", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "loadtests.bench.lane", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    numbers = {
        line[:32].strip(): [float(one.replace(",", "")) for one in re.findall(r"\d[\d.,]*", line[32:])]
        for line in done.stdout.splitlines()
    }
    for name in ("a vote in the lane", "an empty ASGI answer"):
        own, kernel, together, per_s = numbers[name]
        assert own > 0 <= kernel
        assert abs(own + kernel - together) <= 0.2
        assert per_s > 0
    for name in ("the head", "the token", "the evidence", "receipt number and event", "receipt and body of the answer"):
        assert 0 < numbers[name][0] < 100
    assert list(tmp_path.iterdir()) == []
