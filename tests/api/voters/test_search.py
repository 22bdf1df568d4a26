"""Search without diacritics, the best answers first."""

import unicodedata

import pytest

from api.voters.search import Words, fold, searchable


def rank(question, title, others=""):
    return Words(question).rank(searchable(title, others))


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("may tinh", "Máy tính bảng"),
        ("MÁY TÍNH", "máy tính"),
        ("tinh may", "máy tính"),
        ("duong", "Đường đua"),
        ("Đường", "duong"),
        (unicodedata.normalize("NFD", "nước"), "Lọc nước"),
        ("  uoc  ", "nước"),
        ("", "gì cũng được"),
    ],
)
def test_found(question, text):
    assert rank(question, text) is not None
    assert rank(question, "", text) is not None


@pytest.mark.parametrize(("question", "text"), [("may tinh", "máy bay"), ("x", ""), ("ơơ", "o")])
def test_not_found(question, text):
    assert rank(question, text) is None


def test_only_the_beginning_of_an_endless_question_is_looked_at():
    assert rank("a" * 100 + "b", "a" * 100) is not None
    assert rank("a " * 1_000_000, "a") is not None


def test_a_title_stands_before_a_text_and_the_spelling_that_was_typed_before_another():
    answers = [
        ("Máy làm cỏ mini", ""),
        ("May lắm có", ""),
        ("Phòng thí nghiệm", "máy làm cỏ"),
        ("Phòng thí nghiệm", "mây lấm co"),
    ]
    assert [rank("máy làm cỏ", *answer) for answer in answers] == [0, 1, 2, 3]
    assert [rank(unicodedata.normalize("NFD", "máy làm cỏ"), *answer) for answer in answers] == [0, 1, 2, 3]
    assert [rank("may lam co", *answer) for answer in answers] == [1, 1, 3, 3]


def test_folding():
    assert fold("  Đổi   MỚI ") == "doi moi"
