"""`binhchon import-contest`: contents and pictures together, or nothing at all."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from models.contest import all_contests
from models.database import transaction, worker_engine
from models.settings import ROOT, Settings
from models.site_document import site_document
from scripts.import_contest import run
from tests.models.pictures import picture, write

FILE = """\
[contest]
slug = "thu"
title = "Thử"
opens_at = 2026-05-01
closes_at = 2026-05-17

[[categories]]
slug = "chung"
title = "Chung"

[[entries]]
slug = "a"
title = "Bài a"
category = "chung"
pictures = [{ file = "a.jpg", alt = "A" }]
"""


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    nowhere = SecretStr("unix:///nonexistent/valkey.sock")  # an import asks neither
    return Settings(
        database_url=SecretStr(database), ballot_box_url=nowhere, scratch_url=nowhere, data_dir=tmp_path / "data"
    )


def contests(database: str) -> list[str]:
    with transaction(worker_engine(database)) as connection:
        return [contest.slug for contest in all_contests(connection)]


def test_pictures_are_kept_in_the_media_folder(settings, database, tmp_path, capsys):
    write(tmp_path, "a.jpg", picture(300, 200))
    assert run(settings, write(tmp_path, "thu.toml", FILE.encode())) == 0
    (kept,) = (tmp_path / "data" / "media").glob("*.webp")
    with transaction(worker_engine(database)) as connection:
        (contest,) = all_contests(connection)
        assert f'"/media/{kept.name}"'.encode() in site_document(connection, contest)
    capsys.readouterr()
    assert run(settings, tmp_path / "thu.toml") == 0
    assert "Contest thu unchanged" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"", b"<svg/>", picture()[:900]], ids=["absent", "empty", "svg", "cut"])
def test_a_broken_picture_is_one_line_and_nothing_is_imported(settings, database, tmp_path, capsys, content):
    if content is not None:
        write(tmp_path, "a.jpg", content)
    assert run(settings, write(tmp_path, "thu.toml", FILE.encode())) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("thu.toml:15: entries[0].pictures[0]: ")
    assert "a.jpg" in line
    assert contests(database) == []


def test_a_folder_that_cannot_be_written_is_one_line(settings, database, tmp_path, capsys):
    write(tmp_path, "a.jpg", picture(300, 200))
    write(tmp_path, "data/media", b"a file, no folder")
    assert run(settings, write(tmp_path, "thu.toml", FILE.encode())) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "data/media" in line
    assert contests(database) == []


def test_the_demo_contest_is_imported_whole(settings, database, tmp_path):
    assert run(settings, ROOT / "contests" / "demo.toml") == 0
    assert contests(database) == ["doi-moi-sang-tao-vi-thai-nguyen-than-yeu"]
    assert len(list((tmp_path / "data" / "media").glob("*.pdf"))) == 1
