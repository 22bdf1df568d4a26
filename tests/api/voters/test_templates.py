"""What the templates make of an organiser's words."""

import jinja2
import pytest

from api.voters.language import VI
from api.voters.templates import _prose, render


def test_prose_is_markdown_below_the_pages_own_heading():
    assert _prose("# Đầu <b>\n\nmột\nhai & **ba**") == (
        "<h2>Đầu &lt;b&gt;</h2>\n<p>một<br>\nhai &amp; <strong>ba</strong></p>"
    )
    assert _prose(" \n ") == ""


def test_a_value_that_nobody_gave_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        render("message.html", VI)
