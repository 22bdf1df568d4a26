"""Receipts: genuine codes are known, forged and mistyped ones are refused, whatever was typed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.event import MAX_ACCOUNT, MAX_ENTRY
from models.receipt import Receipts
from models.secrets import KeyRing

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RECEIPTS = Receipts(KeyRing("identity key of the tests", ("session",)), 12)
votes = st.tuples(st.integers(0, MAX_ACCOUNT), st.integers(1, MAX_ENTRY))
codes = votes.map(lambda vote: RECEIPTS.code(RECEIPTS.number(*vote)))


@given(votes)
def test_a_code_is_known_and_always_the_same(vote) -> None:
    number = RECEIPTS.number(*vote)
    code = RECEIPTS.code(number)
    assert 0 <= number < 2**60
    assert re.fullmatch(f"([{ALPHABET}]{{4}}-){{4}}[{ALPHABET}]{{4}}", code)
    assert RECEIPTS.parse(code) == number
    again = Receipts(KeyRing("identity key of the tests", ("other",)), 12)
    assert again.code(again.number(*vote)) == code


@given(codes, st.integers(0, 23), st.sampled_from(ALPHABET))
def test_a_code_with_one_letter_changed_is_refused(code, at, letter) -> None:
    if code[at] not in {"-", letter}:
        assert RECEIPTS.parse(code[:at] + letter + code[at + 1 :]) is None


def test_every_change_of_every_letter_of_a_code_is_refused() -> None:
    code = RECEIPTS.code(RECEIPTS.number(42, 1))
    for at, letter in enumerate(code):
        for other in ALPHABET if letter != "-" else "":
            parsed = RECEIPTS.parse(code[:at] + other + code[at + 1 :])
            assert (parsed is None) == (other != letter)


@given(codes, st.integers(0, 22))
def test_letters_that_changed_places_are_refused(code, at) -> None:
    swapped = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    if swapped.replace("-", "") != code.replace("-", ""):
        assert RECEIPTS.parse(swapped) is None


@given(codes, st.data())
def test_what_looks_alike_reads_alike(code, data) -> None:
    """Crockford: O is 0; I and L are 1; case, blanks and dashes do not matter."""
    alike = {"0": "0Oo", "1": "1IiLl"}
    typed = "".join(data.draw(st.sampled_from(alike.get(letter, letter + letter.lower()))) for letter in code)
    spaced = data.draw(st.sampled_from((typed, typed.replace("-", ""), typed.replace("-", " "), f"  {typed} ")))
    assert RECEIPTS.parse(spaced) == RECEIPTS.parse(code) is not None


@given(st.text(max_size=100) | st.text(ALPHABET + "-OIL", min_size=18, max_size=26))
def test_no_text_breaks_it_and_none_is_genuine(text) -> None:
    assert RECEIPTS.parse(text) is None


@given(st.integers(0, 2**100 - 1))
def test_a_code_made_up_at_random_is_not_genuine(whole) -> None:
    letters = "".join(ALPHABET[(whole >> shift) & 31] for shift in range(95, -1, -5))
    assert RECEIPTS.parse(letters) is None


@pytest.mark.parametrize(
    "other",
    [
        Receipts(KeyRing("another identity key", ("session",)), 12),
        Receipts(KeyRing("identity key of the tests", ("session",)), 13),
    ],
    ids=["another key", "another contest"],
)
def test_a_code_of_another_installation_or_contest_is_refused(other) -> None:
    assert other.number(42, 1) != RECEIPTS.number(42, 1)
    assert RECEIPTS.parse(other.code(other.number(42, 1))) is None
    assert RECEIPTS.parse(other.code(RECEIPTS.number(42, 1))) is None


@given(votes, votes)
def test_votes_that_differ_have_numbers_that_differ(one, other) -> None:
    assert (RECEIPTS.number(*one) == RECEIPTS.number(*other)) == (one == other)
