"""The restore drill: votes come, a backup is made under load, more votes come, the machine is lost; what comes back is
every vote that was acknowledged before the backup began, and none twice.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.journeys.stack import Stack
from tests.journeys.test_kill_everything import goes_on, ledger, settled
from tests.journeys.voters import CONNECTIONS, Voters
from tests.servers import is_alive, short_folder, wait_for


@pytest.fixture
def folder() -> Iterator[Path]:
    made = short_folder()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def stack(folder: Path) -> Iterator[Stack]:
    made = Stack(folder / "data").start()
    yield made
    made.stop()


@pytest.fixture
def key(folder: Path) -> str:
    (folder / "key").write_text("a key of thirty-two letters or more, made up\n")
    return str(folder / "key")


def votes_in_ledger(stack: Stack) -> int:
    with ledger(stack) as connection:
        rows = connection.execute("SELECT account_id, entry_id FROM votes").fetchall()
    assert len(set(rows)) == len(rows)
    return len(rows)


@pytest.mark.timeout(200)
def test_a_lost_machine_comes_back_with_every_vote_of_the_backup(
    stack: Stack, folder: Path, key: str, tmp_path: Path
) -> None:
    stack.run("mint-sessions", "--count", "60000", "--out", str(tmp_path / "tokens"))
    voters = Voters(stack.port, (tmp_path / "tokens").read_text().split()).start()
    try:
        goes_on(stack, voters)
        before = dict(voters.journal.acknowledged)
        stack.run("backup", str(folder / "backup"), "--key-file", key, "--with-secrets")
        during = dict(voters.journal.acknowledged)
        goes_on(stack, voters)
    finally:
        journal = voters.stop()
    assert len(before) < len(during) < len(journal.acknowledged), "voting went on all the while"
    assert not journal.broken
    lose(stack)

    stack.run("restore", str(folder / "backup"), "--key-file", key)
    stack.start()
    wait_for(lambda: settled(stack), 30, "drift 0 and nothing pending")
    votes = votes_in_ledger(stack)
    status = stack.status()
    assert status["box"]["votes"] == status["ledger"]["votes"] == votes
    assert len(before) <= votes <= len(during) + CONNECTIONS, "what was there when it began, not when it ended"
    assert missing(stack, before) == []
    assert "drift 0" in stack.run("reconcile", "--rows").stdout

    again = Voters(stack.port, (tmp_path / "tokens").read_text().split())
    again.journal.acknowledged.update(before)
    again.start()
    try:
        goes_on(stack, again)
    finally:
        journal = again.stop()
    assert not journal.broken
    wait_for(lambda: settled(stack), 30)
    assert votes_in_ledger(stack) == stack.status()["box"]["votes"]


def lose(stack: Stack) -> None:
    """The machine is gone, its disk too."""
    pids = [process["pid"] for process in json.loads(stack.run("ps", "--json").stdout)]
    stack.kill_supervisor()
    wait_for(lambda: not any(is_alive(pid) for pid in pids), 30, "all of it has ended")
    shutil.rmtree(stack.folder)


def missing(stack: Stack, acknowledged: dict[tuple[int, int], str]) -> list[str]:
    """Receipts that voters were given and that are not in the ledger."""
    lost = []
    with closing(HTTPConnection("127.0.0.1", stack.port, timeout=10)) as connection:
        for code in acknowledged.values():
            connection.request("GET", f"/api/receipts/{code}")
            answer = connection.getresponse()
            if json.load(answer).get("status") != "in_ledger":
                lost.append(code)
    return lost
