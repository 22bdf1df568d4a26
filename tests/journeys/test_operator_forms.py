"""What operators type is not lost when their session is over, and a button pressed twice does one thing."""

import json
from collections.abc import Callable

from playwright.sync_api import Page, expect

from models.operator import Role
from tests.journeys.axe import barriers
from tests.journeys.browser import Faults, Site
from tests.journeys.operators import PASSWORD, choose_password, create, enter, next_code, operator_page, set_up

TITLE = "Máy sấy năng lượng mặt trời"
OFFER = "Nội dung bạn gửi lần trước ở mẫu này chưa được lưu."


def kept(page: Page) -> dict[str, str]:
    """What the tab keeps."""
    found: dict[str, str] = page.evaluate("({ ...sessionStorage })")
    return {name: value for name, value in found.items() if name.startswith("kept ")}


def delete_draft(page: Page) -> None:
    page.get_by_role("link", name="Xoá bản nháp…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Xoá bản nháp")
    assert not barriers(page)
    page.get_by_role("button", name="Xoá bản nháp").click()
    expect(page.get_by_text("Đã xoá bản nháp.")).to_be_visible()


def test_what_was_typed_outlives_the_session(site: Site, new_page: Callable[..., Page]) -> None:
    given, page = create(site, Role.ADMIN, "giu"), new_page("desktop", reduced_motion="reduce")
    enter(page, "giu", given)
    choose_password(page)
    secret, _ = set_up(page)
    page.goto("/operator/entries")
    page.get_by_role("link", name="Thêm bài dự thi").click()
    page.get_by_label("Tên bài dự thi", exact=True).fill(TITLE)
    page.get_by_label("Lĩnh vực").select_option(index=1)
    page.get_by_label("Nội dung", exact=True).fill("Dòng một.\n\nDòng hai.")
    form = page.url
    page.context.clear_cookies()
    page.get_by_role("button", name="Lưu bản nháp").click()

    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Đăng nhập bàn điều hành")
    expect(page.get_by_role("status")).to_contain_text("chưa được lưu nhưng không mất")
    page.get_by_label("Tên đăng nhập").fill("giu")
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập", exact=True).click()
    page.get_by_label("Mã xác thực").fill(next_code(secret))
    page.get_by_role("button", name="Tiếp tục").click()
    expect(heading).to_have_text("Thêm bài dự thi")
    assert page.url == form, "back to the page where it was typed, its query too"
    assert PASSWORD not in json.dumps(kept(page))
    expect(page.get_by_text(OFFER)).to_be_visible()
    assert not barriers(page)
    page.get_by_role("button", name="Điền lại").click()
    assert page.get_by_label("Tên bài dự thi", exact=True).input_value() == TITLE
    assert page.get_by_label("Nội dung", exact=True).input_value() == "Dòng một.\n\nDòng hai."
    page.get_by_role("button", name="Lưu bản nháp").click()
    expect(heading).to_have_text(TITLE)
    assert kept(page) == {}, "what is saved is not kept"
    page.goto(form)
    expect(page.get_by_text(OFFER)).to_have_count(0)
    page.go_back()
    delete_draft(page)


def test_it_is_offered_elsewhere_too_dropped_at_a_word_and_forgotten_at_log_out(
    site: Site, new_page: Callable[..., Page]
) -> None:
    page = operator_page(site, new_page, Role.ADMIN, "bo")
    cookies = page.context.cookies()
    for last in ("drop", "log out"):
        page.goto("/operator/categories")
        page.get_by_label("Tên lĩnh vực").last.fill("Môi trường biển")
        page.context.clear_cookies()
        page.get_by_role("button", name="Thêm lĩnh vực").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Đăng nhập bàn điều hành")
        page.context.add_cookies(cookies)  # the same operator, logged in again
        page.goto("/operator/audit")
        expect(page.get_by_text("Nội dung bạn gửi trước khi đăng nhập lại chưa được lưu.")).to_be_visible()
        page.get_by_role("link", name="Mở lại trang đó: Lĩnh vực").click()
        expect(page.get_by_text(OFFER)).to_be_visible()
        if last == "drop":
            page.get_by_role("button", name="Bỏ nội dung đó").click()
            expect(page.get_by_text(OFFER)).to_have_count(0)
        else:
            page.get_by_role("button", name="Đăng xuất").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Đăng nhập bàn điều hành")
        assert kept(page) == {}


def test_passwords_and_voters_addresses_are_never_kept(
    site: Site, new_page: Callable[..., Page], faults: Faults
) -> None:
    faults.allow("422: POST")
    page = operator_page(site, new_page, Role.ADMIN, "kin")
    page.get_by_label("Mật khẩu hiện tại").first.fill("mật khẩu sai hẳn rồi")
    page.get_by_label("Mật khẩu mới", exact=True).fill("một mật khẩu khác 12")
    page.get_by_label("Nhập lại mật khẩu mới").fill("một mật khẩu khác 12")
    page.get_by_role("button", name="Đổi mật khẩu").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert "mật khẩu" not in json.dumps(kept(page), ensure_ascii=False)
    page.goto("/operator/accounts")
    page.get_by_label("Mã phiếu, số tài khoản, email hoặc số điện thoại").fill("khong-phai-dia-chi@")
    page.get_by_role("button", name="Tìm").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert kept(page) == {}


def test_a_double_click_makes_one(site: Site, new_page: Callable[..., Page]) -> None:
    page = operator_page(site, new_page, Role.ADMIN, "doi", reduced_motion="reduce")
    page.goto("/operator/entries")
    page.get_by_role("link", name="Thêm bài dự thi").click()
    page.get_by_label("Tên bài dự thi", exact=True).fill("Bấm hai lần")
    page.get_by_label("Lĩnh vực").select_option(index=1)
    page.get_by_role("button", name="Lưu bản nháp").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("Bấm hai lần")
    made = page.url
    page.goto("/operator/entries?q=B%E1%BA%A5m+hai+l%E1%BA%A7n&state=draft")
    expect(page.get_by_role("link", name="Bấm hai lần", exact=True)).to_have_count(1)
    page.goto(made)
    delete_draft(page)


def test_the_end_of_a_session_is_told_before_it_comes(site: Site, new_page: Callable[..., Page]) -> None:
    """The server's answers are made up for the first part: nobody waits for half an hour."""
    page = operator_page(site, new_page, Role.VIEWER, "nghi", reduced_motion="reduce")
    left = {"left_s": 240, "lasts_s": 9000}

    def answer(route):  # type: ignore[no-untyped-def]
        if route.request.method == "POST":
            assert "csrf=" in route.request.post_data
            left["left_s"] = 1800
        route.fulfill(json=left)

    look = "document.dispatchEvent(new Event('visibilitychange'))"  # as when the device wakes
    page.route("**/operator/session", answer)
    warning = page.get_by_text("Phiên đăng nhập sắp hết hạn")
    expect(warning).to_be_hidden()
    page.evaluate(look)
    expect(warning).to_be_visible()
    assert not barriers(page)
    page.get_by_role("button", name="Tiếp tục làm việc").click()
    expect(warning).to_be_hidden()
    left.update(left_s=200, lasts_s=200)
    page.evaluate(look)
    expect(page.get_by_text("đã đến giới hạn 12 giờ")).to_be_visible()
    page.unroute("**/operator/session")

    page.evaluate(look)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.context.clear_cookies()
    page.evaluate(look)
    expect(page.get_by_role("alert")).to_contain_text("Phiên đăng nhập đã kết thúc.")
