"""The `binhchon` command as a process: what its long-running commands write while everything is away."""

import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

NOWHERE = {
    "DATABASE_URL": "postgresql+psycopg://nobody@/nothing?host=/nonexistent",
    "BALLOT_BOX_URL": "unix:///nonexistent/box.sock",
    "SCRATCH_URL": "unix:///nonexistent/scratch.sock",
    "ENVIRONMENT": "production",
    "PUBLIC_ORIGIN": "https://binhchon.example.vn",
    "IDENTITY_KEY": secrets.token_hex(32),
    "SESSION_KEYS": secrets.token_hex(32),
}


@pytest.mark.parametrize("words", [("worker", "flush.0"), ("ticker",)], ids=["worker", "ticker"])
def test_logs_in_production_are_json_lines_with_the_role(words: tuple[str, ...], tmp_path: Path) -> None:
    command = [Path(sys.executable).with_name("binhchon"), *words]
    environment = os.environ | NOWHERE | {"DATA_DIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        first = json.loads(process.stderr.readline())
        assert (first["role"], first["level"]) in {(words[0], "warning"), (words[0], "error")}
        process.send_signal(signal.SIGTERM)
        for line in process.stderr:
            assert json.loads(line)["role"] == words[0]
        assert process.stdout.read() == b""


@pytest.mark.parametrize("command", ["migrate", "resume", "reconcile"])
def test_a_ledger_that_is_away_is_one_line(command: str, tmp_path: Path) -> None:
    environment = os.environ | NOWHERE | {"DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [Path(sys.executable).with_name("binhchon"), command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("binhchon: the ledger does not answer: ")
    assert done.stderr.count("\n") == 1
