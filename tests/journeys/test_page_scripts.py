"""What scripts add to the pages, in a real browser: the proof of work, the countdown, the place in a list, sharing."""

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.journeys.browser import Faults, Site, until

NewPage = Callable[..., Page]
LEFT = re.compile(r"Còn (\d+) ngày (\d+) giờ (\d+) phút")


def fill_login(page: Page, address: str) -> None:
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_label(re.compile("email", re.IGNORECASE)).first.fill(address)


def proof_in(page: Page, click: Callable[[], None]) -> dict[str, Any] | None:
    """The proof of work that the form sends when it is submitted by `click`; None where it has none."""
    with page.expect_request(lambda request: request.method == "POST") as posted:
        click()
    sent: Request = posted.value
    found = parse_qs(sent.post_data or "").get("altcha")
    return json.loads(base64.b64decode(found[0])) if found else None


def widget_state(page: Page) -> str:
    found: str = page.evaluate("document.querySelector('altcha-widget').getState()")
    return found


def test_the_login_form_proves_its_work_while_the_voter_types(phone: Page, site: Site) -> None:
    workers: list[str] = []
    phone.on("worker", lambda worker: workers.append(worker.url))
    phone.goto("/dang-nhap")
    fill_login(phone, site.new_address())
    until(phone, lambda: widget_state(phone) == "verified", what="the work is done")
    assert workers
    assert all(worker.startswith(site.address + "/static/altcha-worker.") for worker in workers)
    proof = proof_in(phone, phone.get_by_role("button", name="Gửi mã").click)
    assert proof is not None
    assert proof["solution"]["derivedKey"].startswith("00")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Nhập mã đăng nhập")


def test_who_is_faster_than_the_proof_waits_for_it_once(phone: Page, site: Site) -> None:
    held: list[Route] = []
    phone.route("**/api/login/challenge", lambda route: held.append(route) or None)
    phone.goto("/dang-nhap")
    fill_login(phone, site.new_address())
    until(phone, lambda: held, what="the challenge is asked for")
    button = phone.get_by_role("button", name="Gửi mã")
    button.click()
    expect(phone.get_by_role("status").filter(has_text="Đang kiểm tra tự động")).to_be_visible()
    assert button.get_attribute("aria-disabled") == "true"
    assert proof_in(phone, held[0].continue_) is not None
    expect(phone.get_by_role("heading", level=1)).to_have_text("Nhập mã đăng nhập")
    assert len(held) == 1


@pytest.mark.parametrize(
    "broken",
    ["**/api/login/challenge", "**/static/altcha.*.js", "**/static/altcha-worker.*.js", "**/static/login.*.js"],
)
def test_where_the_proof_fails_the_form_goes_without(phone: Page, site: Site, faults: Faults, broken: str) -> None:
    faults.allow("500: ", "failed: GET", "Worker")
    phone.route(broken, lambda route: route.fulfill(status=500, body=""))
    phone.goto("/dang-nhap")
    fill_login(phone, site.new_address())
    assert proof_in(phone, phone.get_by_role("button", name="Gửi mã").click) is None
    expect(phone.get_by_role("heading", level=1)).to_have_text("Nhập mã đăng nhập")


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=400), timedelta(days=-3)])
def test_the_countdown_goes_by_the_servers_clock(new_page: NewPage, site: Site, ahead: timedelta) -> None:
    page = new_page()
    page.clock.install(time=datetime.now(UTC) + ahead)
    page.goto("/")
    shown = page.locator("[data-countdown]").first
    expect(shown).to_contain_text(LEFT)
    found = LEFT.search(shown.inner_text())
    assert found is not None
    days, hours, minutes = map(int, found.groups())
    closes = datetime.fromisoformat(site.json("/api/contest")["closes_at"])
    expected = closes - datetime.now(UTC)
    assert abs(timedelta(days=days, hours=hours, minutes=minutes) - expected) < timedelta(minutes=2)


def test_the_countdown_shows_seconds_at_last_says_that_it_is_over_and_loads_the_page_once(
    new_page: NewPage, site: Site
) -> None:
    closes = datetime.fromisoformat(site.json("/api/contest")["closes_at"])
    page = new_page()
    clock = {"now": closes - timedelta(minutes=2)}
    stamp = "%a, %d %b %Y %H:%M:%S GMT"
    page.route("**/api/contest", lambda route: route.fulfill(headers={"Date": clock["now"].strftime(stamp)}, body=""))
    page.clock.install(time=clock["now"])
    loads: list[str] = []
    page.on("load", lambda: loads.append(page.url))
    page.goto("/")
    left = page.locator("[data-countdown] .left").first
    expect(left).to_have_text(re.compile(r"Còn (1 phút \d+ giây|2 phút 0 giây)"))
    page.clock.run_for(120_600)
    expect(left).to_have_text("Đã đến giờ.")
    clock["now"] = closes + timedelta(seconds=15)
    page.clock.run_for(11_000)
    until(page, lambda: len(loads) == 2, what="the page is loaded again")
    expect(left).to_have_text("Đã đến giờ.")
    page.clock.run_for(60_000)
    assert len(loads) == 2


def test_a_countdown_stands_still_for_who_wants_that(new_page: NewPage, site: Site) -> None:
    closes = datetime.fromisoformat(site.json("/api/contest")["closes_at"])
    now = closes - timedelta(minutes=30)
    page = new_page(reduced_motion="reduce")
    stamp = now.strftime("%a, %d %b %Y %H:%M:%S GMT")
    page.route("**/api/contest", lambda route: route.fulfill(headers={"Date": stamp}, body=""))
    page.clock.install(time=now)
    page.goto("/")
    expect(page.locator("[data-countdown] .left").first).to_have_text(re.compile(r"Còn (29|30) phút$"))


def test_nothing_jumps_when_the_scripts_come(new_page: NewPage, site: Site) -> None:
    heights = set()
    for javascript in (True, False):
        page = new_page(javascript=javascript)
        page.goto("/")
        if javascript:
            expect(page.locator("[data-countdown]").first).to_contain_text("Còn")
        box = page.locator("[data-countdown]").first.bounding_box()
        assert box is not None
        heights.add(box["height"])
    assert len(heights) == 1


def test_back_from_an_entry_leads_to_the_same_order_and_place(phone: Page) -> None:
    phone.goto("/binh-chon")
    titles = phone.locator(".card-title").all_inner_texts()
    link = phone.locator(".card-title a").nth(9)
    card = phone.locator(".cards [data-entry]").nth(9).get_attribute("id")
    link.click()
    phone.wait_for_url("**/bai-du-thi/*")
    phone.go_back()
    phone.wait_for_url(re.compile(rf"/binh-chon\?thu-tu=\d+#{card}$"))
    phone.reload()  # what a browser does that has no room to keep the page
    assert phone.locator(".card-title").all_inner_texts() == titles
    expect(phone.locator(f"#{card}")).to_be_in_viewport()


def test_an_entry_is_shared_and_its_address_copied(new_page: NewPage, site: Site) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.add_init_script("navigator.share = async (what) => { window.shared = what; };")
    entry = site.entries()[0]
    page.goto(f"/bai-du-thi/{entry['slug']}")
    page.locator("[data-copy]").click()
    expect(page.locator("[data-copied]")).to_have_text("Đã sao chép liên kết.")
    assert page.evaluate("navigator.clipboard.readText()") == f"{site.address}/bai-du-thi/{entry['slug']}"
    page.locator("[data-share]").click()
    assert page.evaluate("window.shared") == {
        "title": entry["title"],
        "url": f"{site.address}/bai-du-thi/{entry['slug']}",
    }


def test_buttons_that_a_browser_cannot_serve_are_not_shown(new_page: NewPage, site: Site) -> None:
    page = new_page(javascript=False)
    page.goto(f"/bai-du-thi/{site.entries()[0]['slug']}")
    expect(page.locator("[data-share]")).to_be_hidden()
    expect(page.locator("[data-copy]")).to_be_hidden()
