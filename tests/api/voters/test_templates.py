"""What the templates make of an organiser's words."""

import jinja2
import pytest

from api.voters.language import VI
from api.voters.templates import _prose, render


def test_prose_makes_paragraphs_and_headings_and_escapes_both():
    text = "1. Đầu <b>\nmột\nhai & ba\n\n\n2024 năm\n\n<script>"
    assert _prose(text) == (
        "<h2>1. Đầu &lt;b&gt;</h2>\n<p>một<br>\nhai &amp; ba</p>\n<p>2024 năm</p>\n<p>&lt;script&gt;</p>"
    )
    assert _prose(" \n ") == ""


def test_a_value_that_nobody_gave_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        render("message.html", VI)
