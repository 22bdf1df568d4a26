"""What becomes of Markdown: what organisers mean, what hostile texts try, and how long it may take."""

import re
import time

import pytest

from models.markdown import plain, rendered


def test_what_organisers_write():
    text = "## 1. Số phiếu\n\nMỗi tài khoản **một** phiếu.\nDòng hai.\n\n- a\n- b\n\n> trích\n\n|A|B|\n|-|-:|\n|1|2|"
    assert rendered(text) == (
        "<h2>1. Số phiếu</h2>\n<p>Mỗi tài khoản <strong>một</strong> phiếu.<br>\nDòng hai.</p>\n"
        "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<blockquote>\n<p>trích</p>\n</blockquote>\n"
        "<table>\n<thead>\n<tr>\n<th>A</th>\n<th>B</th>\n</tr>\n</thead>\n"
        "<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>"
    )


def test_plain_text_of_before_looks_as_before():
    assert rendered("Một dòng\nhai dòng\n\n    thụt vào\n\nKết `x`\n---") == (
        "<p>Một dòng<br>\nhai dòng</p>\n<p>thụt vào</p>\n<p>Kết `x`</p>\n<hr>"
    )
    assert rendered("1. Người bình chọn\nNgười dân.\n\n2. Số phiếu\nMột.").startswith(
        "<ol>\n<li>\n<p>Người bình chọn<br>"
    )


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("# A\n## B\n# C", "232"),
        ("### A\n###### B\n### C", "232"),
        ("### A\n# B\n### C", "223"),
        ("# A\n## B\n### C\n#### D\n##### E\n###### F", "234566"),
    ],
)
def test_headings_stand_below_the_pages_own_and_skip_none(text, levels):
    assert "".join(re.findall(r"<h(\d)>", rendered(text))) == levels


def test_links_go_out_without_credit_and_addresses_of_scripts_are_text():
    assert rendered("[x](https://example.vn)") == ('<p><a href="https://example.vn" rel="nofollow noopener">x</a></p>')
    for address in (
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "&#106;avascript:x",
    ):
        for text in (f"[x]({address})", f"<{address}>", f"[x][y]\n\n[y]: {address}"):
            assert "<a" not in rendered(text), text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href=x onclick=alert(1)>x</a>",
        "![x](https://example.org/follow.png)",
        '[x](https://example.vn "a\\" onmouseover=\\"alert(1)")',
        "<!-- --><style>*{}</style>",
        "<svg/onload=alert(1)>",
        "```html\n<script>\n```",
        "x\0<b>",
    ],
)
def test_nothing_hostile_gets_in(text):
    found = rendered(text)
    tags = re.findall(r"<[^>]*>", found)
    assert all(
        re.fullmatch(r'</?(p|br|a)>|<a href="https://example.vn" title="[^"<>]*" rel="nofollow noopener">', tag)
        for tag in tags
    )


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "![",
        "[a](",
        "[a](b)",
        "](",
        "*a ",
        "*_",
        "**a*",
        "a**b",
        ">",
        "- ",
        "> - ",
        "|",
        "<",
        "&",
        "`",
        "\\",
        "\n",
        "# a\n",
    ],
)
def test_fifty_thousand_characters_of_it_take_no_time(text):
    begun = time.process_time()
    rendered(text * (50_000 // len(text)))
    assert time.process_time() - begun < 3  # 0.3 s on a quiet machine


def test_nested_as_deep_as_it_goes():
    for text in ("[" * 1000 + "a" + "](b)" * 1000, "\n".join(" " * depth + "- a" for depth in range(300))):
        assert "a" in rendered(text)


def test_plain_text_for_lists_and_descriptions():
    assert plain("# A\nx **b** & < c\n\n- d\n- [e](https://example.vn)") == "A x b & < c d e"
