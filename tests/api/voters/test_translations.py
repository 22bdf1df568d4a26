"""Every text of the pages and of the console has a translation, with the same values in it, and the catalogues hold
nothing else.
"""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from api.operators.language import EN as CONSOLE
from api.voters.language import EN

ROOT = Path(__file__).parents[3]
_VALUES = re.compile(r"%\(\w+\)[sd]|</?\w+[^>]*>|\{\w*\}")


PACKAGES = ("voters", "operators")


def texts(package: str) -> set[str | tuple[str, ...]]:
    """What stands in templates and code."""
    with (ROOT / f"api/{package}/locales/babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOT, methods, options, DEFAULT_KEYWORDS | {"N_": None})
    return {message if isinstance(message, str) else tuple(message) for _, _, message, _, _ in found}


def catalogue(package: str) -> Catalog:
    with files(f"api.{package}").joinpath("locales", "en.po").open("rb") as source:
        return read_po(source, locale="en", abort_invalid=True)


def key(message: Message) -> str | tuple[str, ...]:
    return message.id if isinstance(message.id, str) else tuple(message.id)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_text_is_translated(package):
    translated = {
        key(message) for message in catalogue(package) if message.id and all_of(message) and not message.fuzzy
    }
    missing = {text for text in texts(package) if text} - translated
    assert not missing


@pytest.mark.parametrize("package", PACKAGES)
def test_the_catalogue_holds_nothing_that_no_page_says(package):
    assert not {key(message) for message in catalogue(package) if message.id} - texts(package)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_translation_has_the_values_and_tags_of_its_source(package):
    for message in filter(key, catalogue(package)):
        sources = [message.id] if isinstance(message.id, str) else list(message.id)
        for source, target in zip(sources, all_of(message), strict=False):
            assert sorted(_VALUES.findall(source)) == sorted(_VALUES.findall(target)), source


def all_of(message: Message) -> list[str]:
    found = [message.string] if isinstance(message.string, str) else list(message.string)
    return found if all(found) else []


def test_the_source_is_found():
    assert len(texts("voters")) > 100
    assert EN.text("Bình chọn") == "Vote"
    assert len(texts("operators")) > 1000
    assert CONSOLE.text("Nhật ký") == "Audit log"
