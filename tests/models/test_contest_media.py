"""Files that a contest file names: taken into the media folder, reported with line and field, shown in the document."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models.contest import contest_by_id
from models.contest_file import ContestFileError, read_contest_file
from models.contest_import import import_contest
from models.contest_media import Media, take_media
from models.contest_texts import TEXTS, completed
from models.database import transaction, worker_engine
from models.media import MediaFolder
from models.site_document import site_document
from tests.models.pictures import PDF, bomb, picture, write

NOW = datetime(2026, 5, 1, tzinfo=UTC)
HEAD = """\
[contest]
slug = "thu"
title = "Thử"
opens_at = 2026-05-01
closes_at = 2026-05-17
area = "tỉnh minh hoạ"

[[categories]]
slug = "chung"
title = "Chung"

[[entries]]
slug = "a"
title = "Bài a"
title_en = "Entry a"
category = "chung"
"""


def take(folder: Path, fields: str) -> Media:
    path = write(folder, "thu.toml", (HEAD + fields).encode())
    return take_media(path, read_contest_file(path, NOW), MediaFolder(folder / "media"))


def problem(folder: Path, fields: str) -> str:
    with pytest.raises(ContestFileError) as caught:
        take(folder, fields)
    return str(caught.value)


def test_files_are_taken_once_each(tmp_path):
    write(tmp_path, "p/a.jpg", picture(300, 200))
    write(tmp_path, "a.pdf", PDF)
    kept = take(
        tmp_path,
        'pictures = [{ file = "p/a.jpg" }, { file = "p/a.jpg" }]\nattachments = [{ file = "a.pdf", title = "Bản vẽ" }]',
    )
    assert set(kept) == {("pictures", "p/a.jpg"), ("attachments", "a.pdf")}
    assert [size["width"] for size in kept["pictures", "p/a.jpg"]] == [300]


def test_each_file_that_cannot_be_shown_is_a_problem_of_one_line(tmp_path):
    write(tmp_path, "bomb.png", bomb(8000, 8000))
    write(tmp_path, "not.pdf", b"text")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    write(tmp_path.parent, f"{tmp_path.name}-outside.jpg", picture())
    (tmp_path / "link.jpg").symlink_to(tmp_path.parent / f"{tmp_path.name}-outside.jpg")
    names = ("bomb.png", "none.jpg", "folder", "pipe", "link.jpg")
    files = ", ".join(f'{{ file = "{name}" }}' for name in names)
    said = problem(tmp_path, f'pictures = [{files}]\nattachments = [{{ file = "not.pdf", title = "T" }}]')
    assert said.split("\n") == [
        "thu.toml:17: entries[0].pictures[0]: bomb.png has more than 40 million pixels",
        "thu.toml:17: entries[0].pictures[1]: none.jpg cannot be read: No such file or directory",
        "thu.toml:17: entries[0].pictures[2]: folder is no file",
        "thu.toml:17: entries[0].pictures[3]: pipe is no file",
        "thu.toml:17: entries[0].pictures[4]: link.jpg does not lie beside the contest file",
        "thu.toml:18: entries[0].attachments[0]: not.pdf is no whole PDF file",
    ]


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "p/../../a.jpg", "p\\\\a.jpg", "C:/a.jpg", "p//a.jpg", "."])
def test_files_elsewhere_are_refused_by_their_name(tmp_path, name):
    said = problem(tmp_path, f'pictures = [{{ file = "{name}" }}]')
    assert said.startswith("thu.toml:17: entries[0].pictures[0].file: must be a file beside the contest file")


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ('pictures = ["a.jpg"]', "entries[0].pictures[0]: must be a table of its own"),
        ('pictures = [{ fil = "a" }]', 'entries[0].pictures[0].fil: unknown field; did you mean "file"?'),
        ('attachments = [{ file = "a.pdf" }]', "entries[0].attachments[0].title: is missing"),
        ("pictures = [" + '{ file = "a" },' * 9 + "]", "entries[0].pictures: there may be at most 8"),
        ('video = "http://example.com/"', "entries[0].video: must be an address that begins with https://"),
        ('video = "javascript:alert(1)"', "entries[0].video: must be an address"),
        ('video = "https://user@example.com/"', "entries[0].video: must be an address"),
        ('video = "https://example.com/<script>"', "entries[0].video: must be an address"),
        ('video = "https://[::1"', "entries[0].video: must be an address"),
    ],
)
def test_fields_are_checked_before_any_file_is_read(tmp_path, fields, what):
    assert what in problem(tmp_path, fields)
    assert not (tmp_path / "media").exists()


def document(engine: Any) -> dict[str, Any]:
    with transaction(engine) as connection:
        found: dict[str, Any] = json.loads(site_document(connection, contest_by_id(connection, 1)))
    return found


def test_what_is_imported_stands_in_the_published_document(database, tmp_path):
    write(tmp_path, "a.jpg", picture(300, 200))
    write(tmp_path, "a.pdf", PDF)
    path = write(
        tmp_path,
        "thu.toml",
        (
            HEAD
            + 'pictures = [{ file = "a.jpg", alt = "Đồi", alt_en = "Hill" }]\nvideo = "https://example.com/v?id=1"\n'
            + 'attachments = [{ file = "a.pdf", title = "Bản vẽ" }]\ntext_en = "Text"'
        ).encode(),
    )
    file = read_contest_file(path, NOW)
    media = take_media(path, file, MediaFolder(tmp_path / "media"))
    engine = worker_engine(database)
    with transaction(engine) as connection:
        import_contest(connection, file, "1:0", media)
    site = document(engine)
    (entry,) = site["entries"]
    (size,) = media["pictures", "a.jpg"]
    assert entry["pictures"] == [{"alt": "Đồi", "alt_en": "Hill", "sizes": [size]}]
    assert entry["attachments"] == [{"title": "Bản vẽ", "title_en": "", **media["attachments", "a.pdf"]}]
    assert (entry["video"], entry["title_en"], entry["text_en"]) == ("https://example.com/v?id=1", "Entry a", "Text")
    assert site["contest"]["area"] == "tỉnh minh hoạ"
    assert set(TEXTS) <= set(site["contest"])
    with transaction(engine) as connection:
        assert not import_contest(connection, file, "1:0", media).changed
    engine.dispose()


def test_a_document_of_an_older_version_has_every_field():
    site = completed({"contest": {"title": "Thử", "rules": "Cũ"}, "entries": [{"id": 1, "text": "x"}]})
    assert site["contest"]["rules"] == "Cũ"
    assert site["contest"]["recognise_en"] == ""
    assert site["entries"] == [
        {
            "title_en": "",
            "summary_en": "",
            "text_en": "",
            "pictures": [],
            "video": "",
            "attachments": [],
            "id": 1,
            "text": "x",
        }
    ]
