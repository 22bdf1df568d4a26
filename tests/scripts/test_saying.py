"""What the supervisor says: in two places, and that a disk is full."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts.saying import FULL_BYTES, sayer


def test_a_sentence_stands_on_the_terminal_and_in_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").mkdir()
    sayer(tmp_path)("Xin chào.")
    assert capsys.readouterr().out == "Xin chào.\n"
    assert (tmp_path / "logs" / "supervisor.log").read_text(encoding="utf-8").endswith(" Xin chào.\n")


def test_a_full_disk_is_said_and_not_with_every_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=FULL_BYTES - 1))
    say = sayer(tmp_path)
    say("box ended.")
    say("box ended again.")
    first, full, again = capsys.readouterr().out.splitlines()
    assert (first, again) == ("box ended.", "box ended again.")
    assert full.startswith(f"The disk of {tmp_path} is full (15 MB free).")
