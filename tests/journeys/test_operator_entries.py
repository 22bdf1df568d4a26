"""An admin sets up a contest from nothing in the browser: a draft, a category, entries, preview, the box, the banner.

On a stack of its own: the contest that it makes becomes the one that the site shows.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from models.operator import Role
from models.times import VIETNAM
from tests.journeys.axe import accessible, barriers
from tests.journeys.browser import Faults, Site, running_site, until
from tests.journeys.operators import operator_page

CONTEST = "Cuộc thi minh hoạ mùa hè"
BANNER = "Thông báo minh hoạ: bảo trì lúc 22 giờ."


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as running:
        yield running


def local(days: int) -> str:
    return (datetime.now(VIETNAM) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def make_contest(page: Page) -> None:
    page.get_by_role("link", name="Cuộc thi", exact=True).first.click()
    page.get_by_role("link", name="Tạo cuộc thi").click()
    accessible(page)
    page.get_by_label("Tên cuộc thi", exact=True).fill(CONTEST)
    page.get_by_label("Bắt đầu bình chọn").fill(local(-1))
    page.get_by_label("Kết thúc bình chọn").fill(local(10))
    page.get_by_label("Ban tổ chức", exact=True).fill("Sở minh hoạ")
    page.get_by_label("Liên hệ về dữ liệu cá nhân").fill("dulieu@example.vn")
    page.get_by_role("button", name="Lưu bản nháp").click()
    heading(page, CONTEST)
    expect(page.get_by_text("Chưa có thể lệ.")).to_be_visible()
    accessible(page)
    page.get_by_role("link", name="Chưa có thể lệ.").click()
    page.get_by_label("Thể lệ", exact=True).fill("Mỗi tài khoản một phiếu cho mỗi bài.")
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_text("Chưa có thể lệ.")).to_have_count(0)


def make_category(page: Page) -> None:
    page.get_by_role("link", name="Chưa có lĩnh vực nào.").click()
    page.get_by_role("textbox", name="Tên lĩnh vực").fill("Môi trường")
    page.get_by_role("button", name="Thêm lĩnh vực").click()
    expect(page.get_by_role("heading", name="Môi trường")).to_be_visible()
    accessible(page)


def make_entry(page: Page, title: str) -> None:
    page.get_by_role("link", name="Bài dự thi").first.click()
    page.get_by_label("Cuộc thi", exact=True).select_option(label=f"{CONTEST} (bản nháp)")
    page.get_by_role("button", name="Lọc").click()
    page.get_by_role("link", name="Thêm bài dự thi").click()
    page.get_by_label("Lĩnh vực", exact=True).select_option(label="Môi trường")
    page.get_by_label("Tóm tắt", exact=True).fill("Bài minh hoạ.")
    page.get_by_role("button", name="Lưu bản nháp").click()
    expect(page.get_by_role("alert")).to_contain_text("Tên bài dự thi: chưa nhập.")
    assert page.get_by_label("Tóm tắt", exact=True).input_value() == "Bài minh hoạ."
    accessible(page)
    page.get_by_label("Tên bài dự thi", exact=True).fill(title)
    page.get_by_role("button", name="Lưu bản nháp").click()
    heading(page, title)


def test_a_contest_from_nothing_to_its_first_vote(site: Site, new_page: Callable[..., Page], faults: Faults) -> None:
    faults.allow("422: POST")  # forms that are sent back with what is missing
    page = operator_page(site, new_page, Role.ADMIN, "hoa", reduced_motion="reduce")
    make_contest(page)
    make_category(page)
    make_entry(page, "Máy lọc nước")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Xem trước (trang mới)").click()
    heading(opened.value, "Máy lọc nước")
    expect(opened.value.get_by_text("Bản xem trước dành cho người điều hành")).to_be_visible()
    opened.value.close()
    page.get_by_label("Tóm tắt", exact=True).fill("Chưa lưu")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Xem trước những gì đang nhập").click()
    expect(opened.value.get_by_text("Chưa lưu")).to_be_visible()
    opened.value.close()
    page.reload()
    assert page.get_by_label("Tóm tắt", exact=True).input_value() == "Bài minh hoạ."
    page.get_by_role("button", name="Công bố").click()
    expect(page.get_by_text("Đã công bố bài dự thi.")).to_be_visible()
    make_entry(page, "Bếp ít khói")
    page.get_by_role("link", name=CONTEST).or_(page.get_by_role("link", name="Bài dự thi").nth(1)).first.click()
    page.get_by_role("button", name="Đưa lên một chỗ: Bếp ít khói").click()
    expect(page.locator("tbody th").first).to_contain_text("Bếp ít khói")
    accessible(page)
    assert CONTEST not in site.text("/")

    page.get_by_role("link", name="Cuộc thi", exact=True).first.click()
    page.get_by_role("link", name=CONTEST).click()
    page.get_by_label("Tôi đã xem trước").check()
    page.get_by_role("button", name="Đưa vào hòm phiếu").click()
    expect(page.get_by_text("Đã có hiệu lực")).to_be_visible()
    until(page, lambda: CONTEST in site.text("/"), what="the site shows the new contest")
    voter = new_page("phone", reduced_motion="reduce")
    site.log_in(voter)
    voter.goto("/bai-du-thi/may-loc-nuoc")
    voter.get_by_role("button", name="Bình chọn").click()
    voter.get_by_role("button", name="Xác nhận bình chọn").click()
    expect(voter.get_by_text("Đã nhận phiếu của bạn")).to_be_visible()
    assert "Bếp ít khói" not in site.text("/binh-chon")

    page.get_by_role("link", name="Công tắc").click()
    accessible(page)
    banner = page.locator("section", has=page.get_by_role("heading", name="Thông báo trên mọi trang"))
    banner.get_by_label("Thông báo", exact=True).fill(BANNER)
    banner.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text("Lý do: chưa nhập.")
    banner.get_by_label("Lý do").fill("Báo trước")
    banner.get_by_role("button").click()
    expect(page.get_by_text("Đã chuyển công tắc.")).to_be_visible()
    expect(page.get_by_text("Đã có hiệu lực")).to_be_visible()
    until(page, lambda: BANNER in site.text("/"), what="the banner is on the site")
    voter.reload()
    expect(voter.get_by_text(BANNER)).to_be_visible()
    assert not barriers(voter)


def test_everything_works_without_javascript_on_a_tablet(
    site: Site, new_page: Callable[..., Page], faults: Faults
) -> None:
    faults.allow("422: POST")
    page = operator_page(
        site, new_page, Role.MODERATOR, "lan", javascript=False, viewport={"width": 768, "height": 1024}
    )
    page.goto("/operator/switches")
    voting = page.locator("section", has=page.get_by_role("heading", name="Nhận phiếu"))
    voting.get_by_label("Lý do").fill("Kiểm tra")
    voting.get_by_role("button", name="Tạm dừng bình chọn").click()
    expect(voting.get_by_text("Đang tạm dừng", exact=True)).to_be_visible()
    until(page, lambda: site.json("/api/contest")["state"] == "paused", what="voting is paused")
    voting.get_by_label("Lý do").fill("Xong")
    voting.get_by_role("button", name="Nhận phiếu trở lại").click()
    expect(voting.get_by_text("Nhận phiếu trong thời gian bình chọn", exact=True)).to_be_visible()
    # A slice of flushing that began before the contest was there lasts for 20 s, and one more may wait behind it.
    until(page, lambda: site.stack.status()["ledger"]["votes"] == 1, 60, "the vote is in the ledger")
    page.goto("/operator/entries")
    page.get_by_role("link", name="Máy lọc nước").click()
    page.get_by_role("link", name="Rút bài…").click()
    expect(page.get_by_text("đã có 1 phiếu")).to_be_visible()
    page.get_by_label("Lý do").fill("Thử")
    page.get_by_role("button", name="Rút bài").click()
    expect(page.get_by_text("Đã rút bài dự thi.")).to_be_visible()
    page.get_by_role("button", name="Công bố lại").click()
    expect(page.get_by_text("Đã công bố bài dự thi.")).to_be_visible()
