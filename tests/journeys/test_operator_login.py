"""An operator's first day: a given password, an own one, the app, the console; and the logins after it."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from models.operator import Role
from tests.journeys.browser import Faults, Site
from tests.journeys.operators import PASSWORD, choose_password, create, enter, next_code, set_up


def test_the_first_login_and_those_after_it(site: Site, new_page: Callable[..., Page], faults: Faults) -> None:
    given, page = create(site, Role.ADMIN, "thu"), new_page("desktop")
    enter(page, "thu", given)
    choose_password(page)
    secret, codes = set_up(page)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Tài khoản của tôi")

    page.get_by_role("button", name="Đăng xuất").click()
    expect(heading).to_have_text("Đăng nhập bàn điều hành")
    page.goto("/operator/audit")
    expect(heading).to_have_text("Đăng nhập bàn điều hành")

    faults.allow("422: POST")
    enter(page, "thu", given)
    expect(page.get_by_role("alert")).to_contain_text("Tên đăng nhập hoặc mật khẩu không đúng.")
    enter(page, "thu", PASSWORD, back="/operator/audit")
    page.get_by_label("Mã xác thực").fill(next_code(secret))
    page.get_by_role("button", name="Tiếp tục").click()
    expect(heading).to_have_text("Nhật ký")
    expect(page.get_by_role("cell", name="operator.login").first).to_be_visible()

    page.get_by_role("button", name="Đăng xuất").click()
    enter(page, "thu", PASSWORD)
    page.get_by_label("Mã xác thực").fill(codes[3].lower().replace("-", " "))
    page.get_by_role("button", name="Tiếp tục").click()
    expect(heading).to_have_text("Tài khoản của tôi")
    expect(page.get_by_text("Còn 9 mã chưa dùng")).to_be_visible()
