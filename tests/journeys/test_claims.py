"""“Tôi bị mất phiếu”: a voter reports it on the website, an operator finds the vote and answers; a request about one's
own data; what is due to be erased.
"""

import json
import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from models.operator import Role
from tests.journeys.axe import barriers, misfits
from tests.journeys.browser import Faults, Site, until
from tests.journeys.operators import operator_page


def vote(page: Page, entry: int) -> str:
    """A vote of the person of `page`; the receipt."""
    answer = page.context.request.put(f"/api/entries/{entry}/vote", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status == 201, answer.text()
    receipt: str = answer.json()["receipt"]
    return receipt


def report(page: Page, words: str, entry: str, contact: str) -> str:
    """Fills in the form on the website. Returns the reference that the voter is given."""
    page.goto("/tro-giup/mat-phieu")
    page.get_by_label("Chuyện gì đã xảy ra?").fill(words)
    page.get_by_label("Bài dự thi (nếu nhớ)").fill(entry)
    page.get_by_label("Email hoặc số điện thoại để trả lời bạn").fill(contact)
    page.get_by_role("button", name="Gửi báo mất phiếu").click()
    shown = page.get_by_text(re.compile(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b")).first
    expect(shown).to_be_visible()
    found = re.search(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b", shown.inner_text())
    assert found
    return found[0]


def arrives(page: Page, reference: str) -> None:
    """Looks a reference up in the inbox until the workers have stored its claim."""

    def there() -> bool:
        page.goto("/operator/claims")
        page.get_by_label("Tìm theo mã báo").fill(reference.lower())
        page.get_by_role("button", name="Tìm", exact=True).click()
        return page.get_by_role("heading", level=1).inner_text() == f"Báo mất phiếu {reference}"

    until(page, there, 20, "the claim is in the inbox")


def test_a_lost_vote_is_found_and_its_voter_answered(site: Site, new_page: Callable[..., Page]) -> None:
    voter, address = new_page("phone"), site.new_address()
    site.log_in(voter, address)
    entry = site.entries()[0]
    receipt = vote(voter, entry["id"])
    reference = report(voter, "Tôi đã bấm mà không thấy phiếu đâu.", entry["title"], address)

    page = operator_page(site, new_page, Role.MODERATOR, "ngoc")
    page.goto("/operator/claims")
    expect(page.get_by_role("heading", level=1)).to_have_text("Báo mất phiếu")
    arrives(page, reference)
    known = page.get_by_role("region", name="Hệ thống biết gì")
    until(page, lambda: _reloaded(page, known), 20, "the vote is in the ledger")
    expect(known).to_contain_text(receipt)
    expect(known).to_contain_text(f"Bài được hỏi: {entry['title']}")

    body = page.get_by_label("Câu trả lời", exact=True)
    expect(body).to_have_value(re.compile("đã ghi vào sổ phiếu và được tính vào kết quả"))
    body.fill(body.input_value() + "\nCảm ơn bạn đã báo.")
    page.get_by_label(re.compile("Gửi thư tới")).check()
    page.get_by_role("button", name="Trả lời", exact=True).click()
    expect(page.get_by_role("heading", name="Các câu trả lời")).to_be_visible()

    def sent() -> bool:
        page.reload()
        return page.get_by_text("Đã gửi thư lúc").count() > 0

    until(page, sent, 30, "the mail is sent")
    mails = site.text("/demo/hop-thu")
    assert "Cảm ơn bạn đã báo." in mails
    assert f"Trả lời báo mất phiếu {reference}" in mails

    page.get_by_role("button", name="Mở lại").click()
    expect(page.get_by_role("button", name="Trả lời", exact=True)).to_be_visible()


def _reloaded(page: Page, known: Locator) -> bool:
    page.reload()
    return "Phiếu đã được tính" in known.inner_text()


def test_a_guests_vote_is_found_by_what_they_logged_in_with(
    site: Site, new_page: Callable[..., Page], faults: Faults
) -> None:
    faults.allow("422: POST")
    voter, address = new_page("phone"), site.new_address()
    reference = report(voter, "Phiếu của tôi đâu?", "", "gọi tôi: 0912 345 678")
    page = operator_page(site, new_page, Role.MODERATOR, "hoa", javascript=False)
    arrives(page, reference)
    expect(page.get_by_role("heading", name="Chưa biết là tài khoản nào")).to_be_visible()
    who = page.get_by_label("Tra theo mã phiếu, email hoặc số điện thoại")
    who.fill("không rõ")
    page.get_by_role("button", name="Tra", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Hãy nhập mã phiếu")
    page.get_by_label("Tra theo mã phiếu, email hoặc số điện thoại").fill(address)
    page.get_by_role("button", name="Tra", exact=True).click()
    expect(page.get_by_role("heading", name="Chưa có phiếu nào")).to_be_visible()
    page.get_by_label(re.compile("Tôi đã trả lời qua điện thoại")).check()
    page.get_by_role("button", name="Trả lời", exact=True).click()
    expect(page.get_by_text("Đã trả lời qua điện thoại")).to_be_visible()


def test_a_request_about_ones_own_data(site: Site, new_page: Callable[..., Page]) -> None:
    voter, address = new_page("phone"), site.new_address()
    site.log_in(voter, address)
    receipt = vote(voter, site.entries()[1]["id"])
    page = operator_page(site, new_page, Role.ADMIN, "minh")

    page.goto("/operator/requests")
    page.get_by_role("link", name="Ghi yêu cầu mới").click()
    page.get_by_label("Người này yêu cầu gì").select_option("Xoá dữ liệu")
    page.get_by_label("Tìm theo").select_option("Địa chỉ email đã dùng để đăng nhập")
    page.get_by_label("Email, số điện thoại hoặc mã").fill(address)
    page.get_by_role("button", name="Ghi yêu cầu").click()
    kept = page.get_by_role("region", name="Những gì đang được giữ")
    request = page.url

    def flushed() -> bool:
        page.goto(request)
        return "Phiếu: 1" in kept.inner_text()

    until(page, flushed, 20, "the vote is in the ledger")
    with page.expect_download() as download:
        page.get_by_role("button", name="Tải về (JSON)").click()
    exported = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert [vote["receipt"] for vote in exported["votes"]] == [receipt]
    assert exported["votes"][0]["address"] == "127.0.0.1"
    assert address not in json.dumps(exported)

    page.get_by_label("Lý do").fill("theo yêu cầu của người bình chọn")
    page.get_by_label("Tôi hiểu dữ liệu đã xoá không lấy lại được").check()
    page.get_by_role("button", name="Xoá dữ liệu cá nhân").click()
    expect(page.get_by_text("Không còn gì để xoá.")).to_be_visible()
    page.get_by_label("Đã trả lời thế nào").fill("đã xoá, đã gửi thư báo")
    page.get_by_role("button", name="Ghi là đã trả lời").click()
    expect(page.get_by_role("status")).to_contain_text("Đã trả lời lúc")
    assert site.json(f"/api/receipts/{receipt}")["status"] == "in_ledger", "the vote stays"


def test_the_pages_have_no_barriers(site: Site, new_page: Callable[..., Page], faults: Faults) -> None:
    faults.allow("422: POST")
    voter = new_page("phone")
    reference = report(voter, "Chuyện " + "rất dài " * 40 + "x" * 200, "Bài nào đó", site.new_address())
    page = operator_page(site, new_page, Role.ADMIN, "quynh", reduced_motion="reduce")
    found: list[str] = []

    def look() -> None:
        title = page.get_by_role("heading", level=1).inner_text()
        found.extend(f"{title}: {barrier}" for barrier in (*barriers(page), *misfits(page, 768)))

    arrives(page, reference)
    claim = page.url
    look()
    page.get_by_label("Tra theo mã phiếu, email hoặc số điện thoại").fill("không rõ")
    page.get_by_role("button", name="Tra", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    look()
    page.goto("/operator/claims")
    look()
    page.goto("/operator/requests/new")
    look()
    page.get_by_role("button", name="Ghi yêu cầu").click()
    page.get_by_label("Người này yêu cầu gì").select_option("Xem dữ liệu")
    page.get_by_label("Tìm theo").select_option("Mã báo mất phiếu")
    page.get_by_label("Email, số điện thoại hoặc mã").fill(reference)
    page.get_by_role("button", name="Ghi yêu cầu").click()
    expect(page.get_by_role("alert")).to_contain_text("Người báo không đăng nhập khi báo")
    look()
    page.get_by_label("Tìm theo").select_option("Địa chỉ email đã dùng để đăng nhập")
    page.get_by_label("Email, số điện thoại hoặc mã").fill("chua-co-ai@example.vn")
    page.get_by_role("button", name="Ghi yêu cầu").click()
    expect(page.get_by_text("Không giữ gì của tài khoản này")).to_be_visible()
    look()
    page.get_by_role("button", name="Xem và in tất cả").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Dữ liệu theo yêu cầu")
    look()
    for path in ("/operator/requests", "/operator/holidays", "/operator/retention"):
        page.goto(path)
        look()
    page.get_by_role("button", name="Đếm thử").click()
    expect(page.get_by_text("đã đến hạn, chưa xoá")).to_be_visible()
    look()
    page.goto(claim)
    page.get_by_label(re.compile("Tôi đã trả lời qua điện thoại")).check()
    page.get_by_role("button", name="Trả lời", exact=True).click()
    expect(page.get_by_role("heading", name="Các câu trả lời")).to_be_visible()
    look()
    assert not found, "\n".join(found)
