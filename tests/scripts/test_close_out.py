"""`binhchon close-out`, `export-results` and `verify-minutes`; and that openssl comes to the same conclusion."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

from models.minutes import public_key
from models.settings import Settings
from scripts import close_out, export_results, verify_minutes
from tests.workers.contests import KEYS, Stage


@pytest.fixture
def settings(open_contest: Stage, box: str, database: str, tmp_path: Path) -> Settings:
    open_contest.cast_many(3)
    return Settings(
        database_url=SecretStr(database),
        ballot_box_url=SecretStr(box),
        scratch_url=SecretStr("unix:///nonexistent/valkey.sock"),
        identity_key=SecretStr(KEYS.identity_key),
        session_keys=SecretStr(",".join(KEYS.session_keys)),
        data_dir=tmp_path / "data",
    )


def closed(settings: Settings, early: str = "Hết lý do.") -> int:
    return close_out.run(settings, number="1/BB", place="", persons=["Bà An - Trưởng ban"], early=early)


def test_before_the_end_it_says_what_to_do(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert closed(settings, early="") == 1
    assert "voting is not over" in capsys.readouterr().err


def test_minutes_are_verified_here_and_by_openssl(
    settings: Settings, open_contest: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert closed(settings) == 0
    assert "3 votes counted, 0 voided" in capsys.readouterr().out
    out = tmp_path / "ra"
    assert export_results.run(settings, out=out, votes=True) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "bien-ban-thu.json",
        "bien-ban-thu.json.sig",
        "bien-ban-thu.pdf",
        "ket-qua-thu.csv",
        "ket-qua-thu.json",
        "ket-qua-thu.xlsx",
        "phieu-thu.csv",
    ]
    file, key = out / "bien-ban-thu.json", public_key(KEYS, open_contest.contest_id)
    assert verify_minutes.run(file, None, key) == 0
    assert "The signature is good" in capsys.readouterr().out
    assert verify_minutes.run(file, None, public_key(KEYS, 99)) == 1
    openssl = shutil.which("openssl")
    if openssl:  # the steps of docs/operations.md
        (out / "key.pem").write_text(f"-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n")
        verifying = [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", out / "key.pem", "-rawin", "-in", file]
        told = subprocess.run([*verifying, "-sigfile", f"{file}.sig"], capture_output=True, text=True, check=True)
        assert "Signature Verified Successfully" in told.stdout
    file.write_bytes(file.read_bytes().replace(b'"votes":3', b'"votes":4'))
    assert verify_minutes.run(file, None, None) == 1
    assert "was changed" in capsys.readouterr().err


def test_before_the_close_out_the_ranking_is_provisional(settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "ra"
    assert export_results.run(settings, out=out, votes=False) == 0
    assert sorted(path.name for path in out.iterdir()) == [f"tam-tinh-thu.{kind}" for kind in ("csv", "json", "xlsx")]
    assert json.loads((out / "tam-tinh-thu.json").read_bytes())["final"] is False


def test_a_folder_that_cannot_be_written_is_one_line(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ra").write_text("a file")
    assert export_results.run(settings, out=tmp_path / "ra", votes=False) == 1
    assert capsys.readouterr().err.startswith("binhchon: ")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format":"other"}', b"\xff\xfe"])
def test_what_are_no_minutes_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(content)
    assert verify_minutes.run(file, None, None) == 1
    file.with_name("x.json.sig").write_bytes(bytes(64))
    assert verify_minutes.run(file, None, None) == 1
    assert capsys.readouterr().err.count("\n") == 2
