"""An operator's first day: a given password, an own one, the app, the console; and the logins after it."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from models.operator import Role
from tests.journeys.axe import barriers, misfits
from tests.journeys.browser import Faults, Site
from tests.journeys.operators import (
    PASSWORD,
    choose_password,
    create,
    enter,
    next_code,
    operator_page,
    password_in,
    set_up,
)


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
    expect(page.get_by_role("cell", name="Đăng nhập operator.login").first).to_be_visible()

    page.get_by_role("button", name="Đăng xuất").click()
    enter(page, "thu", PASSWORD)
    page.get_by_label("Mã xác thực").fill(codes[3].lower().replace("-", " "))
    page.get_by_role("button", name="Tiếp tục").click()
    expect(heading).to_have_text("Tài khoản của tôi")
    expect(page.get_by_text("Còn 9 mã chưa dùng")).to_be_visible()

    given = password_in(site.stack.run("create-operator", "thu", "--reset", check=False))
    page.reload()
    expect(heading).to_have_text("Đăng nhập bàn điều hành")
    enter(page, "thu", given)
    choose_password(page)
    set_up(page)


def test_the_pages_have_no_barriers(site: Site, new_page: Callable[..., Page], faults: Faults) -> None:
    faults.allow("422: POST")
    given, page, found = (
        create(site, Role.ADMIN, "nguyen.thi-ngoc.lan_2026"),
        new_page("desktop", reduced_motion="reduce"),
        [],
    )

    def look() -> None:
        title = page.get_by_role("heading", level=1).inner_text()
        found.extend(f"{title}: {barrier}" for barrier in (*barriers(page), *misfits(page, 768)))

    page.goto("/operator/login")
    look()
    enter(page, "nguyen.thi-ngoc.lan_2026", "một mật khẩu khác hẳn")
    expect(page.get_by_role("alert")).to_be_visible()
    look()
    enter(page, "nguyen.thi-ngoc.lan_2026", given)
    look()
    choose_password(page, "ngắn quá")
    expect(page.get_by_role("alert")).to_be_visible()
    look()
    choose_password(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Cài đặt xác thực hai lớp")
    look()
    secret, _ = set_up(page)
    for path in (
        "/operator/account",
        "/operator/audit",
        "/operator/audit?words=axe",
        "/operator/operators",
        "/operator/operators/new",
    ):
        page.goto(path)
        look()
    page.get_by_label("Tên đăng nhập").fill("minh.moi")
    page.get_by_label("Mật khẩu của bạn").fill(PASSWORD)
    page.get_by_role("button", name="Thêm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mật khẩu cấp lần đầu")
    look()
    page.get_by_role("link", name="Tôi đã trao mật khẩu").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("minh.moi")
    look()
    page.get_by_role("button", name="Đăng xuất").click()
    enter(page, "nguyen.thi-ngoc.lan_2026", PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Xác thực hai lớp")
    look()
    page.get_by_label("Mã xác thực").fill(next_code(secret))
    page.get_by_role("button", name="Tiếp tục").click()
    page.get_by_label("Mật khẩu hiện tại").last.fill(PASSWORD)
    page.get_by_role("button", name="Tạo mã dự phòng mới").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mã dự phòng")
    look()
    assert found == []


def test_a_viewer_logs_in_without_javascript(site: Site, new_page: Callable[..., Page]) -> None:
    page = operator_page(site, new_page, Role.VIEWER, "quan.sat", javascript=False)
    page.goto("/operator/audit")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nhật ký")
    expect(page.get_by_role("link", name="Người điều hành")).to_have_count(0)
