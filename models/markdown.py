"""Markdown of organisers and authors, as HTML that is safe to put into a page.

CommonMark without raw HTML, code blocks and images, with tables; a line end stays a line end, as in plain text. What is
written is parsed by markdown-it and its result goes through nh3 with the short list below, so that no fault of the one
alone lets anything through.
"""

import html
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

TAGS = {
    *("p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "em", "strong", "blockquote", "ul", "ol", "li", "a"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
SCHEMES = {"https", "http", "mailto", "tel"}
FIRST_LEVEL = 2  # a page has its own <h1>
DEEPEST = 6
MAX_LINKS = 2_000
"""Beyond so many brackets a text is no text: they are shown as they are, and no link is looked for."""
KEPT = 2048  # renderings in memory

_TAG_ENDS = re.compile(r"<(?:/(?:p|h[2-6]|li|td|th|blockquote)|br ?/?|hr ?/?)>")


@lru_cache(maxsize=KEPT)
def rendered(text: str) -> str:
    """The Markdown `text` as HTML. Its headings begin at <h2> and skip no level, whatever the author began with."""
    parser = _WITHOUT_LINKS if text.count("[") > MAX_LINKS else _PARSER
    tokens = parser.parse(text)
    _shift_headings(tokens)
    found = parser.renderer.render(tokens, parser.options, {})
    return nh3.clean(found, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel="nofollow noopener").strip()


@lru_cache(maxsize=KEPT)
def plain(text: str) -> str:
    """What `rendered` shows, without marks and on one line: for lists and descriptions."""
    return " ".join(html.unescape(nh3.clean(_TAG_ENDS.sub(" ", rendered(text)), tags=set())).split())


def _shift_headings(tokens: Sequence[Token]) -> None:
    """The highest level used becomes <h2>, the next one <h3> …; no heading is more than one below the one before it."""
    levels = sorted({token.tag for token in tokens if token.type == "heading_open"})
    ranks = {tag: FIRST_LEVEL + at for at, tag in enumerate(levels)}
    before = FIRST_LEVEL - 1
    for token in tokens:
        if token.type == "heading_open":
            before = min(ranks[token.tag], before + 1, DEEPEST)
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{before}"


def _picture(_renderer: Any, tokens: Sequence[Token], at: int, _options: Any, _env: Any) -> str:
    """Only what a picture says: pictures of an entry have a place of their own, and none is loaded from elsewhere."""
    return html.escape(tokens[at].content)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable("table").disable(["code", "fence", "lheading", "html_block", "html_inline", "backticks"])
    parser.add_render_rule("image", _picture)
    return parser


_PARSER = _parser()
_WITHOUT_LINKS = _parser().disable(["link", "image", "reference"])
