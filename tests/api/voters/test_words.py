"""Scripts and the texts that come with the page know of the same things."""

import json
import re
from importlib.resources import files

import pytest

from api.outcomes import Code
from api.voters.language import LANGUAGES, VI, Language
from api.voters.words import script_words


def script(name: str) -> str:
    return files("api.voters").joinpath("static", name).read_text(encoding="utf-8")


def test_scripts_find_every_text_that_they_say_and_none_is_for_nothing() -> None:
    said = "".join(script(name) for name in ("login.js", "pending.js", "site.js", "vote.js"))
    assert set(re.findall(r"\bwords\.(?!py\b)(\w+)", said)) == set(json.loads(script_words(VI)))


def test_what_ends_a_vote_is_a_refusal_and_has_its_words() -> None:
    listed = re.search(r"const FINAL = \[(.*?)\]", script("pending.js"), re.DOTALL)
    assert listed is not None
    final = {Code(code) for code in re.findall(r'"(\w+)"', listed[1])}
    without = {Code.MALFORMED}  # no click of ours is; said as `invalid`
    assert final - without == {Code(code) for code in json.loads(script_words(VI))["refused"]}


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_addresses_are_those_of_the_page_s_language(language: Language) -> None:
    words = json.loads(script_words(language))
    assert (words["login"], words["lookUp"]) == (language.path("/dang-nhap"), language.path("/tra-cuu"))
