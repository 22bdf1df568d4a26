"""Whole numbers that somebody typed."""

import pytest

from api.numbers import LARGEST_ID, whole


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("7", 7), ("2147483647", LARGEST_ID), ("007", 7)])
def test_a_number(text: str, number: int) -> None:
    assert whole(text) == number


@pytest.mark.parametrize("text", ["", " 7", "-1", "+1", "1.0", "1e3", "²", "٣", "0x1", "2147483648", "9" * 5_000])
def test_what_is_none(text: str) -> None:
    assert whole(text) is None


def test_up_to_a_number_of_ones_own() -> None:
    assert whole("99", 99) == 99
    assert whole("100", 99) is None
    assert whole("99999999999", 2**63 - 1) == 99_999_999_999
