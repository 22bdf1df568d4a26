"""The five steps of the organisers' letter to voters, on a phone, from the shared link to “đã vào sổ phiếu”."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from api.voters.language import LANGUAGES, Language
from tests.journeys.browser import Site, until

RECEIPT = re.compile(r"\b(?:[0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}\b")
CODE = re.compile(r": (\d{6})\b")


@pytest.fixture(params=[True, False], ids=["javascript", "html"])
def javascript(request: pytest.FixtureRequest) -> bool:
    chosen: bool = request.param
    return chosen


@pytest.fixture(params=LANGUAGES, ids=lambda language: language.code)
def language(request: pytest.FixtureRequest) -> Language:
    chosen: Language = request.param
    return chosen


def test_from_a_shared_link_to_a_vote_in_the_ledger(
    site: Site, new_page: Callable[..., Page], language: Language, javascript: bool
) -> None:
    say, page = language.text, new_page("phone", javascript=javascript)

    # 1. The link of the push message; the page says at once what it is about.
    page.goto(language.path("/"))
    expect(page.locator("html")).to_have_attribute("lang", language.code)
    page.get_by_role("main").get_by_role("link", name=say("Bình chọn"), exact=True).first.click()
    expect(page).to_have_url(re.compile(language.path("/binh-chon")))

    # 2. The entry, found as people type.
    page.get_by_role("searchbox", name=say("Tìm bài dự thi")).fill("may tinh")
    page.get_by_role("button", name=say("Tìm"), exact=True).click()
    page.get_by_role("main").get_by_role("listitem").get_by_role("heading").get_by_role("link").first.click()
    title = page.get_by_role("heading", level=1).inner_text()
    entry = page.url

    # 3. Bình chọn, which leads through the login and back to the vote.
    vote(page, language)
    if not javascript:  # who has no session is sent to the login at once where a script knows it
        page.get_by_role("button", name=say("Xác nhận bình chọn")).click()
    log_in(page, language, site.new_address())
    assert title in page.get_by_role("main").inner_text()
    receipt = confirm(page, language)

    # 4. Sharing is offered beside the receipt.
    expect(page.get_by_role("link", name="Facebook")).to_be_visible()

    # 5. The receipt tells when the vote is in the ledger.
    page.get_by_role("main").locator(f"a[href$='/tra-cuu?ma={receipt}']").click()
    expect(page).to_have_url(re.compile(rf"{language.path('/tra-cuu')}\?ma={receipt}"))
    until(page, lambda: says(page, say("Đã vào sổ phiếu")), 20, "the vote is in the ledger")
    assert title in page.get_by_role("main").inner_text()

    # The voter's own list has it.
    page.get_by_role("navigation").first.get_by_role("link", name=say("Phiếu của tôi")).click()
    expect(page.get_by_role("listitem").filter(has_text=title)).to_contain_text(receipt)

    # Voting again gives the same receipt and no second vote.
    votes = site.stack.status()["box"]["votes"]
    page.goto(entry)
    if javascript:
        page.get_by_role("button", name=say("Đã bình chọn – xem mã phiếu")).click()
        expect(page.get_by_role("main").get_by_text(receipt)).to_be_visible()
    else:
        vote(page, language)
        assert confirm(page, language) == receipt
    assert site.stack.status()["box"]["votes"] == votes


def vote(page: Page, language: Language) -> None:
    """From the entry's page through the confirm step."""
    page.get_by_role("main").get_by_role("button", name=language.text("Bình chọn"), exact=True).click()


def confirm(page: Page, language: Language) -> str:
    """Confirms the vote; the receipt that the page then shows."""
    page.get_by_role("button", name=language.text("Xác nhận bình chọn")).click()
    shown = page.get_by_role("main").get_by_text(RECEIPT).first
    expect(shown).to_be_visible()
    found = RECEIPT.search(shown.inner_text())
    assert found
    return found[0]


def log_in(page: Page, language: Language, address: str) -> None:
    """From the vote of somebody who is not known yet to the page after login."""
    say = language.text
    expect(page.get_by_role("heading", level=1)).to_have_text(say("Đăng nhập để bình chọn"))
    for box in page.get_by_role("checkbox").all():
        if "altcha" not in (box.get_attribute("id") or ""):
            box.check()
    page.get_by_label(say("Địa chỉ email"), exact=True).fill(address)
    page.get_by_role("button", name=say("Gửi mã cho tôi")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(say("Nhập mã đăng nhập"))
    page.get_by_label(say("Mã trong thư")).fill(read_code(page, address))
    page.get_by_role("button", name=say("Đăng nhập"), exact=True).click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text(say("Nhập mã đăng nhập"))


def read_code(page: Page, address: str) -> str:
    """The code in the demo's outbox, which the page of the code opens beside itself."""
    with page.context.expect_page() as opened:
        page.locator("a[href$='/demo/hop-thu']").click()
    outbox = opened.value
    mail = outbox.get_by_role("article").filter(has_text=address)

    def arrived() -> bool:
        if mail.count() == 0:
            outbox.reload()
        return mail.count() > 0

    until(outbox, arrived, 20, f"a mail to {address}")
    found = CODE.search(mail.first.inner_text())
    assert found
    outbox.close()
    return found[1]


def says(page: Page, words: str) -> bool:
    """Whether the page's heading of the state says so; else it is loaded again."""
    if page.get_by_role("heading", name=words).count():
        return True
    page.reload()
    return False
