"""The live view in a browser, on a real stack: a spike is seen without a reload, a killed server is told and come back
from, and the pages fit every screen.
"""

import threading
from collections.abc import Callable
from http.client import HTTPConnection

import pytest
from playwright.sync_api import Page, expect

from models.operator import Role
from tests.journeys.axe import COLOURS, misfits, violations
from tests.journeys.browser import Faults, Site, until
from tests.journeys.operators import operator_page

VOTERS = 300
FIRST_ENTRIES = 3
WIDTHS = (320, 768, 1280)


@pytest.fixture(scope="module")
def tokens(site: Site, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    file = tmp_path_factory.mktemp("tokens") / "tokens"
    site.stack.run("mint-sessions", "--count", str(VOTERS), "--out", str(file))
    return file.read_text().split()


@pytest.fixture
def viewer(site: Site, new_page: Callable[..., Page], request: pytest.FixtureRequest) -> Page:
    return operator_page(site, new_page, Role.VIEWER, request.node.name.replace("_", "-")[:30])


def cast(site: Site, tokens: list[str], entry: int) -> None:
    """Each account votes for the entry, over one connection."""
    connection = HTTPConnection("127.0.0.1", site.stack.port, timeout=10)
    for token in tokens:
        connection.request("PUT", f"/api/entries/{entry}/vote", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (200, 201), answer.status
    connection.close()


def shown(page: Page, path: str) -> float:
    """The figure at `path`, as the page writes it in Vietnamese."""
    text = page.locator(f'[data-figure="{path}"]').inner_text()
    return float(text.replace(".", "").replace(",", ".")) if text != "—" else -1.0


def test_a_spike_is_seen_without_a_reload(site: Site, viewer: Page, tokens: list[str], faults: Faults) -> None:
    viewer.goto("/operator/")
    expect(viewer.get_by_role("heading", level=1)).to_have_text("Theo dõi trực tiếp")
    viewer.evaluate("window.neverReloaded = true")
    before = shown(viewer, "total")
    entries = [entry["id"] for entry in site.entries()][:FIRST_ENTRIES]
    chosen = entries[-1]
    spike = threading.Thread(target=lambda: [cast(site, tokens, entry) for entry in (chosen, *entries[:-1])])
    spike.start()
    row = viewer.locator(f'tr[data-row="{chosen}"]')
    until(viewer, lambda: shown(viewer, "rates.now") > 1, 20, "a rate")
    spike.join(60)
    until(viewer, lambda: shown(viewer, "total") == before + VOTERS * FIRST_ENTRIES, 10, "the whole spike")
    expect(row.locator("td").nth(1)).to_contain_text("300")
    until(viewer, lambda: shown(viewer, "accounts.voted") >= VOTERS, 20, "the accounts, from the ledger")
    expect(viewer.locator("#methods")).to_contain_text("Phiên tạo sẵn")
    until(viewer, lambda: shown(viewer, "pipeline.books.pending") == 0, 20, "the log is flushed")
    expect(viewer.locator("#processes tr")).to_have_count(6)  # an API, four queues, the ticker
    expect(viewer.locator("#answers tr[data-row=counted]")).to_be_visible()
    expect(viewer.locator(".chart canvas")).to_have_count(3)
    expect(viewer.locator("#fresh")).to_contain_text("giây")
    assert viewer.evaluate("window.neverReloaded") is True


def test_a_killed_server_is_told_and_come_back_from(
    site: Site, viewer: Page, tokens: list[str], faults: Faults
) -> None:
    faults.allow("/operator/live", "ERR_")
    viewer.goto("/operator/")
    fresh = viewer.locator("#fresh")
    expect(fresh).to_contain_text("Số liệu cách đây")
    viewer.evaluate("window.neverReloaded = true")
    site.stack.kill("api")
    expect(fresh).to_contain_text("Mất kết nối", timeout=10_000)
    expect(fresh).to_have_class("fresh stale")
    expect(fresh).to_have_class("fresh", timeout=30_000)
    before = shown(viewer, "total")
    cast(site, tokens, site.entries()[-1]["id"])
    until(viewer, lambda: shown(viewer, "total") == before + VOTERS, 10, "figures go on")
    assert viewer.evaluate("window.neverReloaded") is True


def test_a_session_that_was_ended_is_told(site: Site, viewer: Page, faults: Faults) -> None:
    viewer.goto("/operator/")
    other = viewer.context.new_page()
    other.goto("/operator/account")
    expect(viewer.locator("#fresh")).to_contain_text("Số liệu cách đây")
    other.get_by_role("button", name="Đăng xuất").first.click()
    viewer.bring_to_front()
    expect(viewer.locator("#fresh")).to_contain_text("Phiên làm việc đã hết", timeout=10_000)
    expect(viewer.get_by_role("link", name="Đăng nhập lại")).to_be_visible()


def test_everybody_can_use_the_pages(site: Site, viewer: Page, faults: Faults) -> None:
    for path in ("/operator/", "/operator/screen", "/operator/help", "/operator/jobs"):
        viewer.goto(path)
        if path in ("/operator/", "/operator/screen"):
            expect(viewer.locator("#fresh")).to_contain_text("Số liệu cách đây")
        found = violations(viewer)
        viewer.emulate_media(color_scheme="dark")
        found += violations(viewer, only=COLOURS)
        viewer.emulate_media(color_scheme="light")
        found += [misfit for width in WIDTHS for misfit in misfits(viewer, width)]
        assert not found, f"{path}\n" + "\n".join(found)


_ONE_MORE = """() => {
  const next = document.querySelector("#leaders [hidden]");
  next.hidden = false;
  const room = document.documentElement.scrollHeight - innerHeight;
  next.hidden = true;
  return room;
}"""


def test_the_wall_shows_as_many_leaders_as_fit(site: Site, viewer: Page, faults: Faults) -> None:
    leaders = viewer.locator("#leaders li:visible")
    for width, height, least in ((1280, 800, 8), (1920, 1080, 8), (1280, 560, 4)):
        viewer.set_viewport_size({"width": width, "height": height})
        viewer.goto("/operator/screen")
        expect(viewer.locator("#fresh")).to_contain_text("Số liệu cách đây")
        room = viewer.evaluate("document.documentElement.scrollHeight - innerHeight")
        assert room <= 1, f"{width}×{height}: nobody can scroll a wall"
        assert least <= leaders.count() <= 12
        assert leaders.count() == 12 or viewer.evaluate(_ONE_MORE) > 1, f"{width}×{height}: there is room for more"


def test_without_javascript_the_figures_of_the_moment_stand_in_the_page(
    site: Site, viewer: Page, new_page: Callable[..., Page]
) -> None:
    plain = new_page("desktop", javascript=False)
    plain.context.add_cookies(viewer.context.cookies())
    plain.goto("/operator/")
    assert shown(plain, "total") >= 0
    plain.get_by_role("link", name="Tải lại số liệu").click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Theo dõi trực tiếp")
