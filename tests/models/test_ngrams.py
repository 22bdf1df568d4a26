"""Keyed fragments of names: alike for names that are alike, and nothing to read without the key."""

from hypothesis import given
from hypothesis import strategies as st

from models.event import MAX_GRAMS
from models.ngrams import grams_of
from models.secrets import KeyRing

KEY = KeyRing("a key", ()).derived("ngrams")
OTHER_KEY = KeyRing("another key", ()).derived("ngrams")


def shared(one: str, other: str) -> int:
    return len(set(grams_of(KEY, one)) & set(grams_of(KEY, other)))


@given(st.text(st.characters(), max_size=200))
def test_any_name_has_a_bounded_number_of_grams_in_order(name: str) -> None:
    grams = grams_of(KEY, name)
    assert list(grams) == sorted(set(grams))
    assert len(grams) <= min(MAX_GRAMS, max(0, len(name.lower()) - 2))
    assert all(-(2**31) <= gram < 2**31 for gram in grams)


def test_names_that_are_alike_share_grams_and_others_do_not() -> None:
    assert shared("nguyenvana1", "nguyenvana2") == 8
    assert shared("nguyenvana1", "NguyenVanA1") == 9
    assert shared("nguyenvana1", "tranthib") == 0


def test_under_another_key_the_same_name_has_other_grams() -> None:
    assert not set(grams_of(KEY, "nguyenvana1")) & set(grams_of(OTHER_KEY, "nguyenvana1"))


def test_a_fragment_that_comes_twice_is_one_gram_and_a_short_name_has_none() -> None:
    assert len(grams_of(KEY, "aaaaaa")) == 1
    assert grams_of(KEY, "an") == grams_of(KEY, "") == ()


def test_long_names_that_are_alike_keep_the_same_grams() -> None:
    long = "".join(chr(ord("a") + number * number % 26) + str(number) for number in range(40))
    assert len(grams_of(KEY, long)) == MAX_GRAMS
    assert shared(long, long + "1") >= MAX_GRAMS - 1
