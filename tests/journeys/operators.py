"""An operator at the console of a real stack, for the journeys of the console.

`operator_page(site, new_page, Role.ADMIN, "lan")` → a page of an operator whom `binhchon create-operator` made and who
has logged in through the real pages, with a password of their own and a second factor. The page stands at
`/operator/account`; each name can be made once in a stack.
"""

import re
import time
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Any

import pyotp
from playwright.sync_api import Page, expect

from models.operator import Role
from tests.journeys.browser import Site

PASSWORD = "ba con mèo qua sông 27"


def create(site: Site, role: Role, name: str) -> str:
    """Makes the operator as a technician does; returns the password for the first login."""
    return password_in(site.stack.run("create-operator", name, "--role", role.value, check=False))


def password_in(done: CompletedProcess[str]) -> str:
    """The password that the command printed."""
    found = re.search(r"password for the first login: (\S+)", done.stdout)
    assert found, done
    return found[1]


def enter(page: Page, name: str, password: str, *, back: str = "/operator/account") -> None:
    page.goto(f"/operator/login?next={back}")
    page.get_by_label("Tên đăng nhập").fill(name)
    page.get_by_label("Mật khẩu").fill(password)
    page.get_by_role("button", name="Đăng nhập", exact=True).click()


def choose_password(page: Page, password: str = PASSWORD) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Đặt mật khẩu riêng")
    page.get_by_label("Mật khẩu mới", exact=True).fill(password)
    page.get_by_label("Nhập lại mật khẩu mới").fill(password)
    page.get_by_role("button", name="Lưu mật khẩu").click()


def set_up(page: Page) -> tuple[str, list[str]]:
    """The second factor, by the secret that is shown beside the picture. Returns it, and the recovery codes."""
    expect(page.get_by_role("heading", level=1)).to_have_text("Cài đặt xác thực hai lớp")
    secret = page.locator("code.secret").inner_text().replace(" ", "")
    page.get_by_label("6 chữ số trên ứng dụng").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Xác nhận").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mã dự phòng")
    codes = page.locator(".recovery code").all_inner_texts()
    page.get_by_role("link", name="Tôi đã cất mã dự phòng").click()
    return secret, codes


def next_code(secret: str) -> str:
    """A code that has not been used yet: of the step after this one, which is taken too."""
    return pyotp.TOTP(secret).at(int(time.time()) + 30)


def operator_page(
    site: Site, new_page: Callable[..., Page], role: Role, name: str, *, device: str = "desktop", **options: Any
) -> Page:
    """A page of the operator `name`, who is made and logs in for the first time. `options`: those of `new_page`."""
    given = create(site, role, name)
    page: Page = new_page(device, **options)
    enter(page, name, given)
    choose_password(page)
    if role is not Role.VIEWER:
        set_up(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Tài khoản của tôi")
    return page
