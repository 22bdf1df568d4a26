"""What the templates make of an organiser's words."""

import jinja2
import pytest

from api.voters.templates import _prose, _until, render


def test_prose_makes_paragraphs_and_headings_and_escapes_both():
    text = "1. Đầu <b>\nmột\nhai & ba\n\n\n2024 năm\n\n<script>"
    assert _prose(text) == (
        "<h2>1. Đầu &lt;b&gt;</h2>\n<p>một<br>\nhai &amp; ba</p>\n<p>2024 năm</p>\n<p>&lt;script&gt;</p>"
    )
    assert _prose(" \n ") == ""


def test_the_end_of_a_day_is_said_as_people_say_it():
    midnight = 1_763_658_000_000  # 2025-11-21 00:00 in Viet Nam
    assert _until(midnight) == "hết ngày 20/11/2025"
    assert _until(midnight + 5_400_000) == "01:30 ngày 21/11/2025"


def test_a_value_that_nobody_gave_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        render("message.html")
