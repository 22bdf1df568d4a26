"""What the docs promise about the repository is so: tests, files and commands that they name exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from models.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/*.md")])


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_that_are_named_exist(path: Path) -> None:
    for file, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", path.read_text()):
        assert (ROOT / file).is_file(), file
        assert not name or f"def {name}(" in (ROOT / file).read_text(), f"{file}::{name}"


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_linked_or_named_exist(path: Path) -> None:
    text = path.read_text()
    linked = [path.parent / link for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text)]
    named = [
        ROOT / name
        for name in re.findall(r"`((?:api|workers|models|scripts|deploy|contests|loadtests|docs)/[\w/.-]+)`", text)
    ]
    for file in linked + named:
        assert file.exists() or file.with_name(file.name + ".example").exists(), file


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_that_are_named_exist(path: Path) -> None:
    text = path.read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)", text):
        assert f"\n{target}:" in makefile, f"make {target}"
    commands = set(re.findall(r"`(?:\.venv/bin/)?binhchon ([a-z-]+)", text))
    if commands:
        help_text = subprocess.run(
            [Path(sys.executable).with_name("binhchon"), "--help"], capture_output=True, text=True, check=True
        ).stdout
        for command in commands:
            assert re.search(rf"\b{command}\b", help_text), command


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    listed = set(re.findall(r"^## ([a-z-]+):", makefile, re.MULTILINE))
    assert targets == listed


def test_the_locks_hold_no_registry_address() -> None:
    assert not re.search(r"https?://|index-url", (ROOT / "requirements.lock").read_text())
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()


def test_every_setting_is_documented() -> None:
    documented = set(re.findall(r"`([A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text()))
    assert {name.upper() for name in Settings.model_fields} <= documented


def test_the_map_names_every_folder() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folders = {line.split("/")[0] for line in tracked.splitlines() if "/" in line and not line.startswith(".")}
    readme = (ROOT / "README.md").read_text()
    assert all(f"`{folder}/" in readme for folder in folders), folders
