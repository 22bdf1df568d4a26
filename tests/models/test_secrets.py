"""The installation's secrets: made once, for their owner only."""

import multiprocessing
import os
import stat
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from models.secrets import NORMALISATION_VERSION, KeyRing, generated_secret


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_secret_is_made_for_its_owner_only_and_kept(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "secrets" / "identity_key"
    before = os.umask(umask)
    try:
        made = generated_secret(path)
    finally:
        os.umask(before)
    assert len(made) >= 43
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert generated_secret(path) == made
    assert [found.name for found in path.parent.iterdir()] == ["identity_key"]


def test_a_secret_that_was_written_by_hand_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "identity_key"
    path.write_text("  by hand\n")
    assert generated_secret(path) == "by hand"


def _make(path: Path, ready: Barrier, queue: "multiprocessing.Queue[str]") -> None:
    ready.wait()
    queue.put(generated_secret(path))


def test_processes_that_make_it_at_once_agree_on_one(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("spawn")
    ready, queue = fork.Barrier(3), fork.Queue()
    path = tmp_path / "secrets" / "identity_key"
    processes = [fork.Process(target=_make, args=(path, ready, queue)) for _ in range(3)]
    for process in processes:
        process.start()
    made = {queue.get(timeout=30) for _ in processes}
    for process in processes:
        process.join(30)
    assert made == {path.read_text().strip()}
    assert [found.name for found in path.parent.iterdir()] == ["identity_key"]


def test_a_process_that_comes_second_takes_the_firsts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It saw no file, and finds one when it puts its own in place."""
    path = tmp_path / "identity_key"
    first = generated_secret(path)
    monkeypatch.setattr(Path, "exists", lambda _self: False)
    assert generated_secret(path) == first
    assert [found.name for found in tmp_path.iterdir()] == ["identity_key"]


def test_keys_are_derived_for_one_purpose_each_and_never_shown() -> None:
    keys = KeyRing("a secret that nobody may read", ("another secret",))
    assert len(keys.derived("account")) == 32
    assert keys.derived("account") != keys.derived("receipt")
    assert keys.derived("account") != KeyRing("other", ()).derived("account")
    assert keys.derived("account") == KeyRing("a secret that nobody may read", ()).derived("account")
    assert "nobody" not in repr(keys)
    assert "another" not in repr(keys)
    version, _, fingerprint = keys.fingerprint().partition(":")
    assert version == str(NORMALISATION_VERSION)
    assert len(fingerprint) == 16
