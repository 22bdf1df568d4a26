"""What can be checked of a page's accessibility by a program: axe-core, and whether everything fits the width."""

from functools import cache
from typing import Any

from playwright.sync_api import Page

from models.settings import ROOT

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
_RUN = """
async (options) => {
  const found = await axe.run(document, options);
  return found.violations.map(({id, help, nodes}) => ({
    id, help, nodes: nodes.map(({html, failureSummary}) => `${html.slice(0, 160)} (${failureSummary})`)
  }));
}
"""
# The skip link is out of sight on purpose, and the brand of one line ends in an ellipsis.
_OVERFLOW = """
() => {
  const root = document.documentElement, found = [];
  if (root.scrollWidth > root.clientWidth) found.push(`the page is ${root.scrollWidth} wide`);
  const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowX);
  for (const element of document.body.querySelectorAll('*')) {
    const box = element.getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || element.closest('.skip, .brand')) continue;
    let inside = element.parentElement;
    while (inside && !scrolls(inside)) inside = inside.parentElement;
    const out = !inside && (box.right > root.clientWidth + 1 || box.left < -1);
    const cut = /hidden|clip/.test(getComputedStyle(element).overflowX)
      && element.scrollWidth > element.clientWidth + 1 && element.innerText;
    if (out || cut) found.push(`${cut ? 'cut off' : 'outside'}: ${element.outerHTML.slice(0, 120)}`);
  }
  return found;
}
"""


@cache
def _source() -> str:
    return (ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, *, only: list[str] | None = None) -> list[str]:
    """The rules that the page (one with JavaScript) breaks, each with the elements; `only` those of these names."""
    if page.evaluate("!window.axe"):
        page.evaluate(_source())
    options: dict[str, Any] = {
        "runOnly": {"type": "rule", "values": only} if only else {"type": "tag", "values": TAGS},
        "resultTypes": ["violations"],
    }
    if only is None:
        options["rules"] = {"target-size": {"enabled": True}}  # 24 px; off unless asked for
    return [
        f"{broken['id']}: {broken['help']}\n    " + "\n    ".join(broken["nodes"])
        for broken in page.evaluate(_RUN, options)
    ]


def misfits(page: Page, width: int, text: str = "100%") -> list[str]:
    """What does not fit a window of `width` CSS pixels with its text enlarged to `text`."""
    page.set_viewport_size({"width": width, "height": 640})
    page.evaluate("(size) => { document.documentElement.style.fontSize = size }", text)
    found = [f"{width} px, text {text}: {misfit}" for misfit in page.evaluate(_OVERFLOW)]
    page.evaluate("document.documentElement.style.fontSize = ''")
    return found


def barriers(page: Page) -> list[str]:
    """Everything above for the page as it is now: in light and in dark, narrow, and with large text."""
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {broken}" for broken in violations(page, only=COLOURS)]
    page.emulate_media(color_scheme="light")
    return found + misfits(page, 320) + misfits(page, 640, "200%")


def accessible(page: Page) -> None:
    """Fails with the barriers that the page has; it is left as wide as it was."""
    size = page.viewport_size
    found = barriers(page)
    assert not found, "\n".join([page.url, *found])
    assert size is not None
    page.set_viewport_size(size)
