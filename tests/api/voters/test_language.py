from datetime import UTC, datetime

from api.voters.language import EN, VI, language_of
from models.times import milliseconds

MIDNIGHT = milliseconds(datetime(2025, 11, 20, 17, 0, tzinfo=UTC))


def test_moments_and_numbers_in_the_reader_s_form():
    assert VI.moment(MIDNIGHT) == "00:00 ngày 21/11/2025"
    assert EN.moment(MIDNIGHT) == "00:00 on 21 November 2025"
    assert (VI.number(1_234_567), EN.number(1_234_567)) == ("1.234.567", "1,234,567")
    assert (VI.votes(1), EN.votes(1), EN.votes(2)) == ("1 phiếu", "1 vote", "2 votes")


def test_an_end_at_midnight_is_the_end_of_the_day_before():
    assert VI.until(MIDNIGHT) == "hết ngày 20/11/2025"
    assert VI.until(MIDNIGHT - 3_600_000) == "23:00 ngày 20/11/2025"
    assert EN.until(MIDNIGHT) == "the end of 20 November 2025"


def test_english_pages_live_below_en():
    assert language_of("/en/binh-chon") == (EN, "/binh-chon")
    assert language_of("/en") == language_of("/en/") == (EN, "/")
    assert language_of("/binh-chon") == (VI, "/binh-chon")
    assert language_of("/enough") == (VI, "/enough")
    assert (EN.path("/"), EN.path("/the-le"), VI.path("/")) == ("/en/", "/en/the-le", "/")


def test_a_record_s_own_english_text_wins_where_there_is_one():
    record = {"title": "Chè", "title_en": "Tea", "summary": "Ngắn", "summary_en": ""}
    assert (EN.of(record, "title"), EN.of(record, "summary"), VI.of(record, "title")) == ("Tea", "Ngắn", "Chè")
