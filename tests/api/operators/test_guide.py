"""The organiser's guide names only what stands on the screens, letter by letter."""

import re

import pytest

from models.entry_sheet import COLUMNS
from models.settings import ROOT
from tests.api.voters.test_translations import texts

GUIDE = (ROOT / "docs/operations.md").read_text(encoding="utf-8").partition("# Guide for the organiser")[2]
_NAMED = re.compile(r"\*\*([^*]+)\*\*|(?<!\*)\*([^*]+)\*(?!\*)")
_VIETNAMESE = re.compile(r"[àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ]", re.IGNORECASE)
IN_FILES = ("Hướng dẫn",)
"""The second sheet of the template."""


def named() -> list[str]:
    """What stands in bold or italics and is Vietnamese; `Người điều hành → Thêm người điều hành` is two of them."""
    found = [bold or italics for bold, italics in _NAMED.findall(re.sub(r"\s+", " ", GUIDE))]
    return [part for name in found for part in name.split(" → ") if _VIETNAMESE.search(part)]


def known() -> list[str]:
    """Texts of the console and of the voters' pages, with anything where a page fills in a value."""
    found = [
        text if isinstance(text, str) else text[0] for package in ("operators", "voters") for text in texts(package)
    ]
    found += [column.heading for column in COLUMNS]
    return [re.sub(r"%\(\w+\)s", "…", text) for text in found] + list(IN_FILES)


def test_the_guide_names_things(known_texts: list[str]) -> None:
    assert len(named()) > 100
    assert len(known_texts) > 1000


@pytest.fixture(scope="module")
def known_texts() -> list[str]:
    return known()


@pytest.mark.parametrize("name", sorted(set(named())))
def test_what_the_guide_names_stands_on_a_screen(name: str, known_texts: list[str]) -> None:
    pattern = ".*".join(re.escape(part) for part in re.split(r"…|\d[\d,.]*", name.strip("“”.:"))).replace(r"\ ", " ")
    assert any(re.search(pattern, text, re.IGNORECASE) for text in known_texts)
