"""A real browser on a real stack, for the tests of this folder.

| fixture    | what                                                                                                   |
|------------|--------------------------------------------------------------------------------------------------------|
| `browser`  | Debian's Chromium, started once for the folder                                                         |
| `site`     | `binhchon up` with the demo contest on a port of its own, started once for the folder (`Site`)         |
| `new_page` | `new_page(device="phone", javascript=True, scheme="light", **options)` → a page of a person who comes  |
|            | for the first time (a context of its own); `options` are those of Playwright's `Browser.new_context`   |
| `phone`    | such a page, 360×640 with touch                                                                        |
| `desktop`  | such a page, 1280×800                                                                                  |
| `faults`   | what went wrong in the pages of this test; `faults.allow("part of the message")` expects one           |

Addresses are relative to the site (`page.goto("/binh-chon")`), further pages of the same person come from
`page.context.new_page()`. What is written on the page is found as a person finds it: `get_by_role`, `get_by_label`.

At the end of a test every console error (a violated Content-Security-Policy is one), every script error, every failed
request, every answer of 400 or more and every request to another host fails the test, unless it was allowed.

`site` is shared: a test votes with an address of its own (`site.new_address()`), and puts back what it changes.
`site.log_in(page)` spares a test the way through the login pages. While these fixtures are up the thread of the tests
has a running event loop (Playwright's): `asyncio.run` needs a thread of its own. Tests do not sleep: Playwright's own
calls wait, `expect` waits, and `until` waits for anything else.
"""

import itertools
import json
import os
import re
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import altcha
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright

from tests.journeys.stack import Stack
from tests.servers import short_folder, wait_for

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--disable-dev-shm-usage",  # containers have 64 MB of it
    "--force-color-profile=srgb",
)
DEVICES: dict[str, dict[str, Any]] = {
    "phone": {
        "viewport": {"width": 360, "height": 640},
        "is_mobile": True,
        "has_touch": True,
        "user_agent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/126.0.0.0 Mobile Safari/537.36",
    },
    "desktop": {"viewport": {"width": 1280, "height": 800}},
}
PATIENCE_MS = 15_000
_addresses = itertools.count(1)


def find_browser() -> str | None:
    """The path of an installed Chromium or Chrome."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def until(page: Page, condition: Callable[[], object], seconds: float = 10.0, what: str = "") -> None:
    """`wait_for` while the browser's events are taken in. Errors: AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        page.wait_for_timeout(10)


def arguments() -> list[str]:
    """How it is started. Web security stays on; as root Chromium refuses to run in its sandbox."""
    return [*ARGUMENTS, "--no-sandbox"] if os.getuid() == 0 else list(ARGUMENTS)


@dataclass
class Site:
    """The stack as its visitors meet it."""

    stack: Stack

    @property
    def address(self) -> str:
        return self.stack.address

    def new_address(self) -> str:
        """An e-mail address that nobody has used yet."""
        return f"cu-tri-{next(_addresses)}@example.vn"

    def code_for(self, address: str) -> str:
        """The newest login code for `address` (unmasked, normalised), as the demo's outbox page shows it."""
        found: list[str] = []

        def there() -> bool:
            found[:] = re.findall(re.escape(address) + r"\b.*?: (\d{6})\b", self.text("/demo/hop-thu"), re.DOTALL)
            return bool(found)

        wait_for(there, 20, f"a code for {address}")
        return found[0]

    def text(self, path: str) -> str:
        with urllib.request.urlopen(self.address + path) as answer:
            body: str = answer.read().decode()
            return body

    def json(self, path: str) -> Any:
        return json.loads(self.text(path))

    def entries(self) -> list[dict[str, Any]]:
        """`id`, `slug`, `title` … of every published entry."""
        entries: list[dict[str, Any]] = self.json("/api/entries")["entries"]
        return entries

    def log_in(self, page: Page, address: str | None = None) -> str:
        """Logs the person of `page` in through the JSON calls; all cookies are the browser's. Returns the address."""
        address, calls = address or self.new_address(), page.context.request
        own = {"Sec-Fetch-Site": "same-origin"}
        challenge = altcha.Challenge.from_dict(calls.get("/api/login/challenge").json())
        solution = altcha.solve_challenge(challenge)
        assert solution is not None
        asking = {"kind": "email", "identity": address, "altcha": altcha.Payload(challenge, solution).to_base64()}
        asked = calls.post("/api/login/code", data=asking, headers=own)
        assert asked.status == 202, asked.text()
        entering = {"kind": "email", "identity": address, "code": self.code_for(address)}
        entered = calls.post("/api/login", data=entering, headers=own)
        assert entered.status == 200, entered.text()
        return address


@dataclass
class Faults:
    """Everything that went wrong in the pages of a test, in words. `hosts`: addresses of our own servers."""

    hosts: list[str]
    found: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, *parts: str) -> None:
        """Faults whose text holds one of `parts` are expected, those that came before too."""
        self.allowed += parts

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.found.append(f"script error: {error.error}"))
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    @property
    def unexpected(self) -> list[str]:
        return [fault for fault in self.found if not any(part in fault for part in self.allowed)]

    def _console(self, message: ConsoleMessage) -> None:
        # A failed load is told here without its method, and by `_response` or `_failed` with it.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.found.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((*(host + "/" for host in self.hosts), "data:", "blob:")):
            self.found.append(f"request to another host: {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left while it loaded
            self.found.append(f"failed: {request.method} {request.url} {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.found.append(f"{response.status}: {response.request.method} {response.url}")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        why = f"no browser: none of {', '.join(NAMES)} is installed"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=arguments())
        yield launched
        launched.close()


@contextmanager
def running_site() -> Iterator[Site]:
    """A stack of its own; what it logged is printed where it does not start."""
    folder = short_folder()
    stack = Stack(
        folder / "data",
        WEB_CONCURRENCY="1",
        LOGIN_PROOF_COST="10",  # a solution takes milliseconds
        LOGIN_UNPROVEN_PER_HOUR="100000",
    )
    try:
        yield Site(stack.start())
    except AssertionError:
        print(*(log.read_text()[-2000:] for log in (folder / "data/logs").glob("*.log")), sep="\n")  # noqa: T201
        raise
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    with running_site() as running:
        yield running


@pytest.fixture
def faults(site: Site) -> Iterator[Faults]:
    seen = Faults([site.address])
    yield seen
    assert not seen.unexpected, "\n".join(seen.unexpected)


@pytest.fixture
def new_page(browser: Browser, site: Site, faults: Faults) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []

    def come(
        device: Literal["phone", "desktop"] = "phone",
        *,
        javascript: bool = True,
        scheme: Literal["light", "dark"] = "light",
        **options: Any,
    ) -> Page:
        given = {"base_url": site.address, "locale": "vi-VN", "timezone_id": "Asia/Ho_Chi_Minh"}
        context = browser.new_context(
            **(DEVICES[device] | given | {"java_script_enabled": javascript, "color_scheme": scheme} | options)
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        faults.watch(context)
        return context.new_page()

    yield come
    for context in contexts:
        context.close()


@pytest.fixture
def phone(new_page: Callable[..., Page]) -> Page:
    return new_page("phone")


@pytest.fixture
def desktop(new_page: Callable[..., Page]) -> Page:
    return new_page("desktop")
