"""The pages of the login in a real browser: loaded again, left and come back to, on the way to the mail and back."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.api.voters.logging_in import wrong
from tests.journeys.browser import Site


@pytest.mark.parametrize("scripts", [True, False])
def test_reload_and_back_lose_nothing_and_are_no_guess(
    site: Site, new_page: Callable[..., Page], scripts: bool
) -> None:
    page: Any = new_page(javascript=scripts)
    address = site.new_address()
    page.goto("/dang-nhap?next=/the-le")
    page.get_by_label("Địa chỉ email").fill(address)
    for box in page.locator("fieldset input[type=checkbox]").all():
        box.check()
    page.get_by_role("button", name="Gửi mã cho tôi").click()
    asked = page.get_by_role("heading", name="Nhập mã đăng nhập")
    expect(asked).to_be_visible()
    page.reload()
    expect(asked).to_be_visible()
    page.locator("nav").get_by_role("link", name="Trợ giúp").first.click()
    page.go_back()
    expect(asked).to_be_visible()
    code = site.code_for(address)
    page.get_by_label("Mã trong thư").fill(wrong(code))
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.locator("#code-loi")).to_contain_text("Mã không đúng")
    for _ in range(6):  # more than the tries that a code has
        page.reload()
    expect(page.locator("#code-loi")).to_be_visible()
    page.get_by_label("Mã trong thư").fill(f"{code[:3]} {code[3:]}")
    page.get_by_role("button", name="Đăng nhập").click()
    page.wait_for_url("**/the-le")
    page.go_back()
    page.goto("/dang-nhap/ma")
    expect(page.get_by_role("heading", name="Đăng nhập để bình chọn")).to_be_visible()
