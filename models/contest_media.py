"""Taking the pictures and attachments that a contest file names into the media folder, before anything is imported."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from models.contest_file import ContestFile, ContestFileError, Problem, report
from models.media import MediaError, MediaFolder

Media = dict[tuple[str, str], Any]
"""What was kept: ("pictures" or "attachments", the file's name in the contest file) → what the folder returned."""


def take_media(path: Path, file: ContestFile, folder: MediaFolder) -> Media:
    """Keeps every file that the contest file at `path` names.

    Errors: ContestFileError, one line for each file that cannot be shown; OSError of the media folder. What was kept by
    then is shown nowhere.
    """
    kept: Media = {}
    problems: list[Problem] = []
    take: dict[str, Callable[[Path], Any]] = {"pictures": folder.take_picture, "attachments": folder.take_attachment}
    for where, name in _named(file):
        kind = str(where[2])
        if (kind, name) in kept:
            continue
        try:
            kept[kind, name] = take[kind](_beside(path, name))
        except MediaError as error:
            problems.append((where, f"{name} {error}"))
    if problems:
        raise ContestFileError(report(path.name, path.read_text(encoding="utf-8-sig"), problems))
    return kept


def _named(file: ContestFile) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each file that is named: where, and how."""
    for at, entry in enumerate(file.entries):
        files = {
            "pictures": [one.file for one in entry.pictures],
            "attachments": [one.file for one in entry.attachments],
        }
        for kind, names in files.items():
            yield from ((("entries", at, kind, number), name) for number, name in enumerate(names))


def _beside(path: Path, name: str) -> Path:
    """The file `name` in the folder of `path`. Errors: MediaError for a link that leads out and for no plain file."""
    folder = path.parent.resolve()
    found = (folder / name).resolve()
    if not found.is_relative_to(folder):
        raise MediaError("does not lie beside the contest file")
    if found.exists() and not stat.S_ISREG(found.stat().st_mode):  # a pipe would keep the import waiting
        raise MediaError("is no file")
    return found
