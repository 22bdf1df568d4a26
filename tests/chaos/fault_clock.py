"""The clocks of the hosts of API and workers are wrong around opening and closing; the box's clock is right."""

import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from models.settings import ROOT
from tests.chaos.arena import Arena
from tests.chaos.checker import Allowed
from tests.chaos.fault_two_stacks import second_stack
from tests.chaos.history import read
from tests.servers import wait_for

LIBRARIES = sorted(Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1"))
VIETNAM = timezone(timedelta(hours=7))
OPENS_IN_S, OPEN_S = 18.0, 12.0
CODES = frozenset({"busy", "not_ready", "not_confirmed", "not_open_yet", "closed"})


def _contest(arena: Arena, opens_at: datetime, closes_at: datetime) -> Path:
    """The demo contest with another voting time."""
    text = (ROOT / "contests" / "demo.toml").read_text(encoding="utf-8")
    for name, old, at in (("opens_at", '"today"', opens_at), ("closes_at", '"today+16d"', closes_at)):
        assert f"{name} = {old}" in text
        text = text.replace(f"{name} = {old}", f"{name} = {at.isoformat(timespec='milliseconds')}")
    path = arena.folder / "contest.toml"
    path.write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / "contests" / "pictures", arena.folder / "pictures")
    return path


@pytest.mark.parametrize("wrong", ["+1h", "-1h", "+1d", "-1d"])
def test_wrong_clocks_around_opening_and_closing(arena: Arena, wrong: str) -> None:
    """API, workers and ticker on wrong clocks (an hour, a day) around opening and closing: nobody is let in wrongly"""
    if not LIBRARIES:
        pytest.skip("libfaketime is not installed (apt install faketime)")
    arena.start()
    servers = ("DATABASE_URL", "BALLOT_BOX_URL", "SCRATCH_URL")
    clock = {"LD_PRELOAD": str(LIBRARIES[0]), "FAKETIME": wrong, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    other = second_stack(arena, *servers, **clock)
    opens_at = datetime.now(VIETNAM) + timedelta(seconds=OPENS_IN_S)
    closes_at = opens_at + timedelta(seconds=OPEN_S)
    arena.stack.run("import-contest", str(_contest(arena, opens_at, closes_at)))
    arena.window = (opens_at.timestamp(), closes_at.timestamp())
    with arena.unattended():
        for role in ("ticker", "worker", "api"):
            arena.kill(role)
        other.start()
        try:
            with arena.load(other.port, accepted=False) as voters:
                arena.mark_fault(f"clocks {wrong}")
                wait_for(lambda: datetime.now(VIETNAM) > closes_at + timedelta(seconds=3), 60, "the end of voting")
                assert voters.counts["ok"] > 200
            arena.settle()
        finally:
            other.stop()
    wait_for(lambda: arena.stack.status()["box"]["state"] == "closed", 30, "closed")
    history = read(arena.journal)
    told = [a.told_at for a in history.attempts if a.outcome == "ok" and a.told_at]
    assert min(told) >= arena.window[0]
    assert max(a.sent_at for a in history.attempts if a.outcome == "ok" and a.status == 201) < arena.window[1]
    refused = {attempt.code for attempt in history.attempts if attempt.outcome == "refused"}
    assert refused >= {"not_open_yet", "closed"}, refused
    arena.verify(Allowed(state="closed", codes=CODES))
