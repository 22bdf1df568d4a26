"""Every page of the voters' website in both languages and both themes, narrow and enlarged: nothing stands in anybody's
way. What a program cannot see is left to people; docs/pictures has the pages.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from api.voters.language import LANGUAGES, Language
from models.ballot_box.connection import box_client
from models.ballot_box.keys import shard_keys
from models.ballot_box.steer import void
from models.receipt import Receipts
from models.settings import Settings
from tests.api.contest import DAY_MS, open_contest, set_contest
from tests.api.running import RunningApi, new_account, settings_for, token_for
from tests.journeys.axe import barriers
from tests.journeys.browser import Faults, Site
from tests.servers import wait_for

REASON = "Phiếu do một tài khoản dùng để mua bán phiếu gửi"


@pytest.fixture(params=LANGUAGES, ids=lambda language: language.code)
def language(request: pytest.FixtureRequest) -> Language:
    chosen: Language = request.param
    return chosen


@dataclass
class Voter:
    """Somebody with two votes: one in the ledger, one voided; and a genuine receipt that is not in the ledger."""

    cookies: Any
    slug: str
    in_ledger: str
    voided: str
    received: str


@pytest.fixture(scope="module")
def voter(browser: Browser, site: Site) -> Iterator[Voter]:
    context = browser.new_context(base_url=site.address)
    page = context.new_page()
    site.log_in(page)
    first, second, third = site.entries()[:3]
    receipts = [
        context.request.put(f"/api/entries/{entry['id']}/vote", headers={"Sec-Fetch-Site": "same-origin"}).json()
        for entry in (first, second)
    ]
    codes = [receipt["receipt"] for receipt in receipts]
    wait_for(lambda: all(standing(site, code) == "in_ledger" for code in codes), 20, "the votes are in the ledger")
    account = take_out(site, second["id"])
    wait_for(lambda: standing(site, codes[1]) == "voided", 20, "the vote is voided")
    of = Receipts(Settings(data_dir=site.stack.folder).keys(), site.json("/api/contest")["id"])
    yield Voter(context.storage_state(), first["slug"], *codes, received=of.code(of.number(account, third["id"])))
    context.close()


def standing(site: Site, code: str) -> str:
    status: str = site.json(f"/api/receipts/{code}")["status"]
    return status


def take_out(site: Site, entry: int) -> int:
    """Voids the newest vote for `entry`; whose it was."""
    database = site.stack.address_of("DATABASE_URL").replace("+psycopg", "")
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT account_id FROM votes WHERE entry_id = %s ORDER BY cast_at DESC LIMIT 1", (entry,)
        ).fetchone()
        contest, epoch = connection.execute("SELECT id, epoch FROM contests").fetchone()
    with closing(box_client(site.stack.address_of("BALLOT_BOX_URL"))) as client:
        assert void(client, shard_keys(contest, 0), epoch, [(row[0], entry)], REASON) == "d"
    return int(row[0])


ADDRESSES = {
    "home": "/",
    "list": "/binh-chon",
    "second page": "/binh-chon?trang=2",
    "found": "/binh-chon?q=hoc+sinh",
    "not found": "/binh-chon?q=xyzzy",
    "entry": "/bai-du-thi/{slug}",
    "confirm": "/bai-du-thi/{slug}/binh-chon",
    "voted": "/bai-du-thi/{slug}/da-binh-chon?ma={in_ledger}",
    "votes": "/phieu-cua-toi",
    "look-up": "/tra-cuu",
    "in the ledger": "/tra-cuu?ma={in_ledger}",
    "voided": "/tra-cuu?ma={voided}",
    "received": "/tra-cuu?ma={received}",
    "no such receipt": "/tra-cuu?ma=7F3K-92QD-0A1B-2C3D-4E5F",
    "results": "/ket-qua",
    "rules": "/the-le",
    "help": "/tro-giup",
    "lost vote": "/tro-giup/mat-phieu",
    "privacy": "/rieng-tu",
    "recognise": "/nhan-biet",
    "login": "/dang-nhap",
    "absent": "/khong-co",
    "absent entry": "/bai-du-thi/khong-co",
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_page_has_no_barriers(
    new_page: Callable[..., Page], voter: Voter, faults: Faults, language: Language, name: str
) -> None:
    if name in ("absent", "absent entry", "no such receipt"):
        faults.allow("404: GET")
    page = new_page("phone", storage_state=voter.cookies, reduced_motion="reduce")
    page.goto(language.path(ADDRESSES[name].format_map(vars(voter))))
    expect(page.locator("html")).to_have_attribute("lang", language.code)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert barriers(page) == []


def test_the_pages_of_somebody_new_have_no_barriers(
    site: Site, new_page: Callable[..., Page], faults: Faults, language: Language
) -> None:
    """Votes without a session, and the login with its errors."""
    say, page, found = language.text, new_page("phone", javascript=True, reduced_motion="reduce"), []
    faults.allow("400: POST", "401", "403: POST", "422: POST")
    page.goto(language.path("/phieu-cua-toi"))
    found += barriers(page)
    page.goto(language.path("/dang-nhap"))
    page.get_by_role("button", name=say("Gửi mã cho tôi")).click()
    expect(page.get_by_role("alert")).to_be_visible()
    found += barriers(page)
    for box in page.get_by_role("checkbox").all():
        if "altcha" not in (box.get_attribute("id") or ""):
            box.check()
    page.get_by_label(say("Địa chỉ email"), exact=True).fill(site.new_address())
    page.get_by_role("button", name=say("Gửi mã cho tôi")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(say("Nhập mã đăng nhập"))
    found += barriers(page)
    page.get_by_label(say("Mã trong thư")).fill("000000")
    page.get_by_role("button", name=say("Đăng nhập"), exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    found += barriers(page)
    assert found == []


@pytest.fixture
def other_api(box: str, faults: Faults) -> Iterator[RunningApi]:
    """An API on a contest that the test may put into any state; its titles are full of markup."""
    open_contest(box)
    running = RunningApi(settings_for(box))
    running.wait_ready()
    faults.hosts.append(running.url)
    yield running
    running.stop()


@pytest.mark.parametrize("state", ["not open yet", "closed", "paused", "final"])
def test_a_contest_that_takes_no_votes_says_so_without_barriers(
    box: str, other_api: RunningApi, new_page: Callable[..., Page], language: Language, state: str
) -> None:
    contest = open_contest(box)["contest"]
    if state == "not open yet":
        contest = open_contest(box, opens_at=contest["opens_at"] + 2 * DAY_MS)["contest"]
    elif state == "closed":
        contest = open_contest(box, closes_at=contest["closes_at"] - 2 * DAY_MS, state="closed")["contest"]
    else:
        set_contest(box, state=state)
    page, found = new_page("phone", base_url=other_api.url, reduced_motion="reduce"), []
    wait_for(lambda: 'role="note"' in other_api.client.get("/binh-chon").text, what="the pages tell the state")
    for path in ("/binh-chon", "/ket-qua", "/", "/bai-du-thi/bai-1", "/bai-du-thi/bai-1/binh-chon"):
        page.goto(language.path(path))
        expect(page.get_by_role("note").first).to_be_visible()
        expect(page.get_by_role("button", name=re.compile(language.text("Bình chọn")))).to_have_count(0)
        if path.startswith(("/bai", "/ket")):  # the others differ from those of an open contest by the note alone
            found += [f"{path}: {barrier}" for barrier in barriers(page)]
    assert found == []


def test_a_refused_vote_is_told_without_barriers(
    box: str, other_api: RunningApi, new_page: Callable[..., Page], faults: Faults, language: Language
) -> None:
    """The contest is paused between the confirm page and the press of its button."""
    faults.allow("403: POST")
    page = new_page("phone", base_url=other_api.url, reduced_motion="reduce")
    token = token_for(new_account(), time.time())
    page.context.add_cookies([{"name": "session", "value": token, "url": other_api.url}])
    page.goto(language.path("/bai-du-thi/bai-1/binh-chon"))
    set_contest(box, state="paused")
    page.locator("form[data-vote]").evaluate("(form) => form.submit()")  # as without our scripts
    expect(page.get_by_role("heading", level=1)).to_have_text(language.text("Tạm dừng bình chọn"))
    assert barriers(page) == []


FOCUS = """
() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const box = element.getBoundingClientRect();
  const seen = [getComputedStyle(element), getComputedStyle(element, '::after')]
    .some(({outlineStyle, outlineWidth}) => outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2);
  const all = [...document.querySelectorAll('*')];
  return {
    place: all.indexOf(element), seen, html: element.outerHTML.slice(0, 120),
    visible: box.width > 1 && box.height > 1 && box.left >= -1 && box.right <= innerWidth + 1
      && box.top >= -1 && box.bottom <= innerHeight + 1,
  };
}
"""
FOCUSABLE = """
() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
  .filter((element) => element.checkVisibility() && !element.disabled && element.tabIndex >= 0).length
"""


@pytest.mark.parametrize("path", ["/", "/binh-chon", "/bai-du-thi/{slug}", "/dang-nhap", "/tro-giup"])
def test_a_page_is_walked_through_with_the_keyboard(desktop: Page, voter: Voter, path: str) -> None:
    """Everything that can be pressed is reached in the order of the page, and one sees where one is."""
    desktop.goto(path.format(slug=voter.slug))
    reached: list[dict[str, Any]] = []
    while len(reached) < 200:
        desktop.keyboard.press("Tab")
        at = desktop.evaluate(FOCUS)
        if at is None:
            break
        reached.append(at)
    assert [at["html"] for at in reached if not (at["seen"] and at["visible"])] == []
    places = [at["place"] for at in reached]
    assert places == sorted(set(places))
    assert len(reached) == desktop.evaluate(FOCUSABLE)


def test_the_first_key_leads_past_the_navigation(desktop: Page) -> None:
    desktop.goto("/binh-chon")
    desktop.keyboard.press("Tab")
    skip = desktop.get_by_role("link", name="Đến nội dung chính")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    desktop.keyboard.press("Enter")
    expect(desktop.get_by_role("main")).to_be_focused()
    desktop.keyboard.press("Tab")
    assert desktop.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_the_question_of_a_vote_is_answered_with_the_keyboard(
    site: Site, new_page: Callable[..., Page], language: Language
) -> None:
    """Escape leads back to the button; yes leads to a receipt that a screen reader is told of."""
    say, page = language.text, new_page("desktop", reduced_motion="reduce")
    site.log_in(page)
    page.goto(language.path(f"/bai-du-thi/{site.entries()[-1]['slug']}"))
    button = page.get_by_role("button", name=say("Bình chọn"), exact=True)
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name=say("Bạn bình chọn cho bài này?"))
    expect(dialog).to_be_visible()
    assert dialog.evaluate("(dialog) => dialog.contains(document.activeElement)")
    found = [f"dialog: {barrier}" for barrier in barriers(page)]
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name=say("Xác nhận bình chọn")).press("Enter")
    expect(page.get_by_role("status").filter(has_text=say("Đã nhận phiếu của bạn"))).to_be_visible()
    found += [f"voted: {barrier}" for barrier in barriers(page)]
    assert found == []
