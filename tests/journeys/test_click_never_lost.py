"""A click on "vote" in a real browser: whatever happens on the way, it is counted once, or the voter reads why not."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, Request, Route, expect

from api.outcomes import REFUSALS, Code
from tests.journeys.browser import Faults, Site, until

RECEIPT = re.compile(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){4}")
VOTES = "**/api/entries/*/vote"
LOCKED = "1 phiếu chưa gửi được trên trình duyệt này, đang chờ đăng nhập."
NO_LOCKS = "Object.defineProperty(navigator, 'locks', { value: undefined });"
NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } });"
REFUSED = (
    *((403, code) for code in (Code.CLOSED, Code.PAUSED, Code.BLOCKED, Code.NOT_OPEN_YET, Code.CROSS_SITE)),
    (404, Code.UNKNOWN_ENTRY),
)
NewPage = Callable[..., Page]


@pytest.fixture(autouse=True)
def expected_faults(faults: Faults) -> None:
    """What these tests do to a vote is no fault of the page."""
    faults.allow("PUT ", "favicon")


@pytest.fixture
def entry(site: Site) -> dict[str, Any]:
    return site.entries()[0]


@pytest.fixture
def voter(site: Site, new_page: NewPage, entry: dict[str, Any]) -> Iterator[Page]:
    """A voter who is logged in, on the page of the entry."""
    page = new_page()
    site.log_in(page)
    open_entry(page, entry)
    return page


def open_entry(page: Page, entry: dict[str, Any]) -> None:
    page.goto(f"/bai-du-thi/{entry['slug']}")


def click_vote(page: Page) -> None:
    page.get_by_role("button", name="Bình chọn", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Xác nhận bình chọn").click()


def state(page: Page) -> Any:
    return page.locator("[data-vote-state]")


def bar(page: Page) -> Any:
    return page.locator(".kept")


def seconds_left(page: Page) -> int:
    """Until the vote is sent again, as the page says it."""
    expect(state(page)).to_contain_text("sẽ tự thử lại")
    found = re.search(r"Thử lại sau (\d+) giây", state(page).inner_text())
    assert found is not None
    return int(found[1])


def expect_receipt(page: Page, receipt: str | re.Pattern[str] = RECEIPT) -> None:
    expect(state(page).locator(".receipt")).to_have_text(receipt, timeout=15_000)


def receipts(page: Page) -> dict[int, str]:
    """The ballot of whoever is logged in on this page."""
    votes = page.context.request.get("/api/ballot").json()["votes"]
    return {vote["entry_id"]: vote["receipt"] for vote in votes}


def kept(page: Page) -> list[str]:
    found: list[str] = page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('vote'))")
    return found


def votes_for(site: Site, entry: dict[str, Any]) -> int:
    found: int = site.json("/api/tallies")["tallies"][str(entry["id"])]
    return found


def sent_votes(page: Page) -> list[Request]:
    """The votes that this person's pages send from now on."""
    sent: list[Request] = []
    page.context.on("request", lambda request: sent.append(request) if request.method == "PUT" else None)
    return sent


class Gate:
    """A network that holds votes back until `is_open`."""

    def __init__(self) -> None:
        self.held: list[Route] = []
        self.is_open = False

    def take(self, route: Route) -> None:
        if self.is_open:
            route.fallback()
        else:
            self.held.append(route)


def refusing(times: int, status: int = 503, **headers: str) -> Callable[[Route], None]:
    """A server that answers some votes with a page that is no answer, then does its work."""
    left = [times]

    def answer(route: Route) -> None:
        left[0] -= 1
        if left[0] >= 0:
            route.fulfill(status=status, body="<h1>away</h1>", headers=headers)
        else:
            route.fallback()

    return answer


def saying(status: int, code: Code) -> Callable[[Route], None]:
    """A server that refuses."""
    return lambda route: route.fulfill(status=status, json={"code": code.value})


def test_a_click_is_confirmed_counted_and_shows_its_receipt(voter: Page, entry: dict[str, Any]) -> None:
    sent = sent_votes(voter)
    address = voter.url
    click_vote(voter)
    expect_receipt(voter)
    assert state(voter).locator(".receipt").inner_text() == receipts(voter)[entry["id"]]
    assert voter.url == address
    assert len(sent) == 1
    assert sent[0].headers["for-account"] == voter.context.request.get("/api/ballot").json()["account_tag"]
    assert kept(voter) == []
    expect(voter.get_by_role("button", name="Đã bình chọn")).to_be_focused()
    state(voter).get_by_role("link", name="Tra cứu mã phiếu").click()
    expect(voter.get_by_role("heading", level=2).first).to_have_text(re.compile("Đã nhận|Đã vào sổ"))


def test_the_voter_s_own_screen_shows_the_vote_in_the_count(voter: Page, entry: dict[str, Any]) -> None:
    count = voter.locator(f"[data-votes='{entry['id']}']")
    before = count.inner_text()  # a page may be a second old
    click_vote(voter)
    expect(count).not_to_have_text(before)

    def counted() -> int:
        tallies: dict[str, int] = voter.context.request.get("/api/tallies").json()["tallies"]
        return tallies[str(entry["id"])]

    until(voter, lambda: count.inner_text() == f"{counted()} phiếu", what="page and box say the same")


def test_the_dialog_can_be_left_and_gives_the_focus_back(voter: Page) -> None:
    sent = sent_votes(voter)
    button = voter.get_by_role("button", name="Bình chọn", exact=True)
    button.focus()
    for leave in ("Escape", "Enter"):
        voter.keyboard.press("Enter")
        expect(voter.get_by_role("dialog")).to_be_visible()
        if leave == "Enter":
            voter.get_by_role("button", name="Quay lại").focus()
        voter.keyboard.press(leave)
        expect(voter.get_by_role("dialog")).to_be_hidden()
        expect(button).to_be_focused()
    assert sent == []


def test_without_a_network_the_vote_is_kept_and_goes_when_the_network_is_back(
    voter: Page, faults: Faults, entry: dict[str, Any]
) -> None:
    faults.allow("net::ERR_INTERNET_DISCONNECTED")
    voter.clock.install()
    voter.reload()
    voter.context.set_offline(True)
    click_vote(voter)
    while (pause := seconds_left(voter)) < 5:
        voter.clock.fast_forward(pause * 1000)
    assert len(kept(voter)) == 1
    voter.context.set_offline(False)
    voter.clock.fast_forward(1_000)  # not the whole pause
    expect_receipt(voter)
    assert list(receipts(voter)) == [entry["id"]]


def test_a_crowded_server_is_asked_again_when_it_says(voter: Page, entry: dict[str, Any]) -> None:
    voter.clock.install()
    voter.reload()
    voter.route(VOTES, refusing(2, **{"Retry-After": "20"}))
    sent = sent_votes(voter)
    click_vote(voter)
    for asked in (1, 2):
        until(voter, lambda asked=asked: len(sent) == asked)
        assert 15 < seconds_left(voter) <= 21
        voter.clock.fast_forward(21_000)
    expect_receipt(voter)
    assert len(sent) == 3
    assert list(receipts(voter)) == [entry["id"]]


def test_a_reply_that_is_lost_gives_the_same_receipt_and_one_vote(
    voter: Page, site: Site, entry: dict[str, Any]
) -> None:
    before = votes_for(site, entry)
    lost: list[str] = []

    def lose(route: Route) -> None:
        if lost:
            route.fallback()
            return
        lost.append(route.fetch().json()["receipt"])
        route.abort("connectionreset")

    voter.route(VOTES, lose)
    click_vote(voter)
    expect_receipt(voter)
    expect_receipt(voter, lost[0])
    assert receipts(voter) == {entry["id"]: lost[0]}
    until(voter, lambda: votes_for(site, entry) == before + 1, what="one vote is counted")


def test_a_box_that_hangs_costs_a_moment_and_no_vote(voter: Page, site: Site, entry: dict[str, Any]) -> None:
    before = votes_for(site, entry)
    [box] = site.stack.pids("box")
    os.kill(box, signal.SIGSTOP)
    try:
        click_vote(voter)
        expect(state(voter)).to_contain_text("sẽ tự thử lại")
    finally:
        os.kill(box, signal.SIGCONT)
    expect_receipt(voter)
    assert list(receipts(voter)) == [entry["id"]]
    until(voter, lambda: votes_for(site, entry) == before + 1, what="one vote is counted")


def test_an_answer_that_never_comes_is_not_waited_for(voter: Page, entry: dict[str, Any]) -> None:
    voter.clock.install()
    voter.reload()
    gate = Gate()
    voter.route(VOTES, gate.take)
    click_vote(voter)
    until(voter, lambda: gate.held, what="the vote is on its way")
    expect(state(voter)).to_contain_text("Đang gửi phiếu")
    voter.clock.fast_forward(8_100)
    expect(state(voter)).to_contain_text("sẽ tự thử lại")
    gate.is_open = True
    voter.clock.fast_forward(2_100)
    expect_receipt(voter)
    assert list(receipts(voter)) == [entry["id"]]


@pytest.mark.parametrize("script", ["", NO_LOCKS], ids=["locks", "leases"])
def test_two_tabs_send_one_vote_and_both_hear_of_it(
    site: Site, new_page: NewPage, entry: dict[str, Any], script: str
) -> None:
    first = new_page()
    first.context.add_init_script(script)
    site.log_in(first)
    gate = Gate()
    first.context.route(VOTES, gate.take)
    open_entry(first, entry)
    click_vote(first)
    until(first, lambda: gate.held, what="the vote is on its way")
    second = first.context.new_page()
    second.goto("/the-le")
    expect(bar(second)).to_contain_text("1 phiếu chưa gửi được, đang thử lại")
    third = first.context.new_page()
    third.clock.install(time=0)
    open_entry(third, entry)
    expect(state(third)).to_contain_text("sẽ tự thử lại")
    third.clock.pause_at(60_000)  # from now on it hears of the vote from the first tab, or not at all
    assert len(gate.held) == 1
    gate.is_open = True
    gate.held[0].continue_()
    receipt = state(first).locator(".receipt")
    expect(receipt).to_have_text(RECEIPT)
    expect_receipt(third, receipt.inner_text())
    expect(bar(second)).to_contain_text(receipt.inner_text())
    assert list(receipts(first)) == [entry["id"]]
    assert kept(first) == []


def test_a_double_click_sends_one_vote(voter: Page, entry: dict[str, Any]) -> None:
    sent = sent_votes(voter)
    voter.goto(f"/bai-du-thi/{entry['slug']}/binh-chon")
    voter.get_by_role("button", name="Xác nhận bình chọn").dblclick()
    voter.wait_for_url("**/da-binh-chon?ma=*")
    expect(voter.locator(".receipt")).to_have_text(receipts(voter)[entry["id"]])
    assert len(sent) == 1


def test_a_vote_outlives_the_page_and_is_sent_from_the_next(voter: Page, entry: dict[str, Any]) -> None:
    voter.route(VOTES, refusing(1_000))
    click_vote(voter)
    expect(state(voter)).to_contain_text("sẽ tự thử lại")
    voter.goto("/tro-giup")
    expect(bar(voter)).to_contain_text("1 phiếu chưa gửi được, đang thử lại")
    voter.unroute(VOTES)
    voter.reload()
    expect(bar(voter)).to_contain_text(re.compile("Đã nhận phiếu, mã " + RECEIPT.pattern))
    expect(bar(voter)).to_contain_text(entry["title"])
    assert list(receipts(voter)) == [entry["id"]]
    bar(voter).get_by_role("button", name="Đóng").click()
    expect(bar(voter)).to_be_hidden()
    assert kept(voter) == []


def test_a_vote_is_never_sent_for_another_account(
    site: Site, voter: Page, new_page: NewPage, entry: dict[str, Any]
) -> None:
    voter.route(VOTES, refusing(1_000))
    click_vote(voter)
    expect(state(voter)).to_contain_text("sẽ tự thử lại")
    cookies = voter.context.cookies()
    site.log_in(voter)  # somebody else, in another tab
    voter.unroute(VOTES)
    expect(state(voter)).to_contain_text(REFUSALS[Code.OTHER_ACCOUNT].detail)
    assert receipts(voter) == {}
    voter.context.add_cookies(cookies)  # nor is it lost to who clicked
    voter.goto("/the-le")
    expect(bar(voter)).to_contain_text("Đã nhận phiếu, mã ")
    assert list(receipts(voter)) == [entry["id"]]
    assert kept(voter) == []


def test_a_click_without_a_session_is_not_sent_for_who_logs_in_meanwhile(
    site: Site, phone: Page, entry: dict[str, Any]
) -> None:
    phone.route(VOTES, refusing(1_000))
    phone.goto(f"/bai-du-thi/{entry['slug']}/binh-chon")
    phone.get_by_role("button", name="Xác nhận bình chọn").click()
    expect(state(phone)).to_contain_text("sẽ tự thử lại")
    site.log_in(phone)
    phone.unroute(VOTES)
    again = state(phone).get_by_role("link", name="Mời bạn bình chọn lại")
    expect(again).to_have_attribute("href", f"/bai-du-thi/{entry['slug']}/binh-chon")
    assert receipts(phone) == {}
    phone.get_by_role("button", name="Xác nhận bình chọn").click()
    phone.wait_for_url("**/da-binh-chon?ma=*")
    assert list(receipts(phone)) == [entry["id"]]


def test_a_session_that_is_over_does_not_hide_the_one_after_it(site: Site, voter: Page, entry: dict[str, Any]) -> None:
    gate = Gate()
    voter.route(VOTES, gate.take)
    click_vote(voter)
    until(voter, lambda: gate.held)
    site.log_in(voter)  # again, in another tab, while the answer is on its way
    gate.held[0].fulfill(status=401, json={"code": Code.NO_SESSION.value})
    expect(state(voter).get_by_role("link", name="Mời bạn bình chọn lại")).to_have_attribute(
        "href", f"/bai-du-thi/{entry['slug']}/binh-chon"
    )
    assert "signed_in" in {cookie["name"] for cookie in voter.context.cookies()}


def test_a_kept_vote_waits_for_its_own_account(site: Site, voter: Page, entry: dict[str, Any]) -> None:
    voter.route(VOTES, refusing(1_000))
    click_vote(voter)
    expect(state(voter)).to_contain_text("sẽ tự thử lại")
    cookies = voter.context.cookies()
    voter.goto("about:blank")
    voter.unroute(VOTES)
    site.log_in(voter)
    sent = sent_votes(voter)
    voter.goto("/the-le")
    expect(voter.get_by_role("heading", level=1)).to_be_visible()
    assert len(kept(voter)) == 1
    assert bar(voter).count() == 0
    assert sent == []
    voter.context.add_cookies(cookies)
    voter.reload()
    expect(bar(voter)).to_contain_text("Đã nhận phiếu, mã ")
    assert list(receipts(voter)) == [entry["id"]]


def test_of_kept_votes_others_read_no_more_than_the_number(site: Site, voter: Page, entry: dict[str, Any]) -> None:
    voter.route(VOTES, refusing(1_000))
    click_vote(voter)
    expect(state(voter)).to_contain_text("sẽ tự thử lại")
    cookies = voter.context.cookies()
    voter.context.clear_cookies()
    sent = sent_votes(voter)
    voter.goto("/the-le?a=b")
    expect(bar(voter)).to_contain_text(LOCKED)
    assert entry["title"] not in voter.locator("body").inner_html()
    assert entry["slug"] not in bar(voter).inner_html()
    link = bar(voter).get_by_role("link", name="Đăng nhập")
    expect(link).to_have_attribute("href", "/dang-nhap?next=%2Fthe-le%3Fa%3Db")
    bar(voter).get_by_role("button", name="Đóng").click()
    expect(bar(voter)).to_be_hidden()
    assert len(kept(voter)) == 1, "nobody else ends a vote"
    assert sent == []
    open_entry(voter, entry)
    expect(bar(voter)).to_contain_text(LOCKED)
    voter.unroute(VOTES)
    voter.context.add_cookies(cookies)
    voter.goto("/the-le")
    expect(bar(voter)).to_contain_text("Đã nhận phiếu, mã ")
    assert list(receipts(voter)) == [entry["id"]]


def test_after_a_login_in_between_the_voter_confirms_again(site: Site, voter: Page, entry: dict[str, Any]) -> None:
    voter.context.add_cookies([{"name": "session", "value": "over", "url": site.address, "httpOnly": True}])
    click_vote(voter)
    voter.wait_for_url("**/dang-nhap?next=*")
    expect(bar(voter)).to_contain_text(LOCKED)
    way = voter.url
    sent = sent_votes(voter)
    site.log_in(voter)
    voter.goto(unquote(way.partition("next=")[2]))
    expect(voter.get_by_role("button", name="Xác nhận bình chọn")).to_be_visible()
    assert sent == []
    assert receipts(voter) == {}
    voter.get_by_role("button", name="Xác nhận bình chọn").click()
    voter.wait_for_url("**/da-binh-chon?ma=*")
    assert list(receipts(voter)) == [entry["id"]]
    expect(voter.locator(".receipt")).to_have_text(RECEIPT)


def test_who_is_not_logged_in_asks_for_nothing_and_is_led_to_the_login(phone: Page, entry: dict[str, Any]) -> None:
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(request.url) if "/api/ballot" in request.url else None)
    open_entry(phone, entry)
    phone.get_by_role("button", name="Bình chọn", exact=True).click()
    phone.wait_for_url("**/dang-nhap?next=*")
    assert phone.locator("input[name=next]").get_attribute("value") == f"/bai-du-thi/{entry['slug']}/binh-chon"
    assert asked == []


@pytest.mark.parametrize("script", [NO_STORAGE, NO_STORAGE + NO_LOCKS], ids=["locks", "neither"])
def test_a_browser_that_keeps_nothing_votes_all_the_same(
    site: Site, new_page: NewPage, entry: dict[str, Any], script: str
) -> None:
    page = new_page()
    page.context.add_init_script(script)
    site.log_in(page)
    open_entry(page, entry)
    page.route(VOTES, refusing(1))
    click_vote(page)
    expect_receipt(page)
    assert list(receipts(page)) == [entry["id"]]


def test_a_browser_without_dialogs_asks_on_a_page(site: Site, new_page: NewPage, entry: dict[str, Any]) -> None:
    page = new_page()
    page.add_init_script("delete window.HTMLDialogElement;")
    site.log_in(page)
    open_entry(page, entry)
    page.get_by_role("button", name="Bình chọn", exact=True).click()
    page.wait_for_url(re.compile(r"/binh-chon\??$"))
    page.get_by_role("button", name="Xác nhận bình chọn").click()
    page.wait_for_url("**/da-binh-chon?ma=*")
    assert list(receipts(page)) == [entry["id"]]


def test_a_refusal_is_said_in_its_own_words_and_ends_the_vote(voter: Page) -> None:
    sent = sent_votes(voter)
    for status, code in REFUSED:
        voter.route(VOTES, saying(status, code), times=1)
        click_vote(voter)
        expect(state(voter)).to_have_text(REFUSALS[code].detail)
        assert kept(voter) == []
    assert len(sent) == len(REFUSED)
    click_vote(voter)
    expect_receipt(voter)


def test_what_is_voted_for_is_marked_and_shows_its_receipt_again(voter: Page, entry: dict[str, Any]) -> None:
    click_vote(voter)
    receipt = state(voter).locator(".receipt").inner_text()
    voter.goto("/")
    voter.goto(f"/binh-chon?q={entry['title']}")
    expect(voter.locator(f"#bai-{entry['id']}").get_by_text("Đã bình chọn")).to_be_visible()
    voter.get_by_role("link", name=entry["title"]).click()
    sent = sent_votes(voter)
    voter.get_by_role("button", name="Đã bình chọn – xem mã phiếu").click()
    expect_receipt(voter, receipt)
    assert sent == []


def test_an_earlier_vote_is_told_while_voting_is_paused(site: Site, voter: Page, entry: dict[str, Any]) -> None:
    click_vote(voter)
    expect_receipt(voter)
    receipt = receipts(voter)[entry["id"]]
    site.stack.run("pause")
    try:
        until(voter, lambda: "Tạm dừng bình chọn" in site.text(f"/bai-du-thi/{entry['slug']}"))
        open_entry(voter, entry)
        expect(voter.locator("[data-own-vote]")).to_contain_text(receipt)
        expect(voter.get_by_role("button", name="Bình chọn", exact=True)).to_have_count(0)
    finally:
        site.stack.run("resume")
        until(voter, lambda: "Tạm dừng bình chọn." not in site.text(f"/bai-du-thi/{entry['slug']}"))
