"""What a first visit costs on a cheap phone with a slow network: bytes, requests, time to the largest picture or text,
and that nothing jumps about while it loads. Times are medians of three loads, each with an empty cache;
`pytest --log-cli-level=info` shows the numbers.
"""

import logging
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, Request

from tests.journeys.browser import Site, until

MOST_BYTES = 100_000
MOST_REQUESTS = 10
MOST_LCP_MS = 1_500
MOST_SHIFT = 0.01
LOADS = 3
SLOW = {
    "offline": False,
    "latency": 150,  # ms
    "downloadThroughput": 1_600_000 / 8,  # bytes a second
    "uploadThroughput": 750_000 / 8,
}
OBSERVE = """
(() => {
  const seen = window.seenByTest = {lcp: 0, what: '', shift: 0};
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      seen.lcp = entry.startTime;
      seen.what = (entry.element || {}).tagName || entry.url;
    }
  }).observe({type: 'largest-contentful-paint', buffered: true});
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) seen.shift += entry.value;
  }).observe({type: 'layout-shift', buffered: true});
})();
"""


@dataclass
class Visit:
    """One first view: transferred bytes with headers, addresses asked for, ms to the largest paint, sum of shifts."""

    transferred: int
    asked: list[str]
    lcp_ms: float
    largest: str
    shift: float


def first_view(page: Page, path: str) -> Visit:
    """Loads `path` over a slow network with nothing in the cache."""
    finished: list[Request] = []
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    page.context.on("requestfinished", lambda request: finished.append(request))  # noqa: PLW0108 - not a builtin
    page.add_init_script(OBSERVE)
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", SLOW)
    page.goto(path, wait_until="networkidle")
    until(page, lambda: page.evaluate("seenByTest.lcp") > 0 and len(finished) == len(asked), what="the page is painted")
    seen = page.evaluate("seenByTest")
    sizes = [request.sizes() for request in finished]
    transferred = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
    return Visit(transferred, asked, seen["lcp"], seen["what"], seen["shift"])


@pytest.mark.parametrize("kind", ["home", "list", "entry", "login"])
def test_a_first_view_is_light_and_fast_and_still(site: Site, new_page: Callable[..., Page], kind: str) -> None:
    slug = max(site.entries(), key=lambda entry: len(entry["pictures"]))["slug"]  # the heaviest page
    path = {"home": "/", "list": "/binh-chon", "entry": f"/bai-du-thi/{slug}", "login": "/dang-nhap"}[kind]
    visits = [first_view(new_page("phone"), path) for _ in range(LOADS)]
    transferred = max(visit.transferred for visit in visits)
    lcp_ms = statistics.median(visit.lcp_ms for visit in visits)
    shift = max(visit.shift for visit in visits)
    measured = (
        f"{kind}: {transferred:,} bytes, {len(visits[0].asked)} requests, LCP {lcp_ms:.0f} ms"
        f" ({visits[0].largest}), shift {shift:.4f}"
    )
    logging.getLogger(__name__).info(measured)
    assert transferred <= MOST_BYTES, measured
    assert max(len(visit.asked) for visit in visits) <= MOST_REQUESTS, visits[0].asked
    assert lcp_ms <= MOST_LCP_MS, measured
    assert shift <= MOST_SHIFT, measured
