"""Login by an OpenID provider in a real browser: the policy of our pages must let the voter through to the provider."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr

from models.oidc import Provider
from tests.api.contest import open_contest
from tests.api.running import RunningApi, settings_for
from tests.api.voters.oidc_real import SECRET, RealProvider, need_installed
from tests.journeys.browser import DEVICES, PATIENCE_MS, Faults
from tests.servers import empty_valkey

ZALO = "Mozilla/5.0 (Linux; Android 12; wv) AppleWebKit/537.36 Chrome/119.0.0.0 Mobile Safari/537.36 Zalo android/1210"


@pytest.fixture(scope="module")
def api(box_url: str, scratch_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    need_installed()
    real = RealProvider(Path(tmp_path_factory.mktemp("provider")) / "log")
    provider = Provider("that", "Nhà cung cấp", real.issuer, "binhchon", SecretStr(SECRET))
    empty_valkey(box_url)
    open_contest(box_url)
    running = RunningApi(settings_for(box_url, scratch_url=scratch_url, oidc_providers=(provider,)))
    running.wait_ready()
    real.start(f"{running.url}/login/oidc/that/callback")
    yield running
    running.stop()
    real.stop()


def come(browser: Browser, api: RunningApi, **options: object) -> Page:
    context = browser.new_context(**(DEVICES["phone"] | {"base_url": api.url, "locale": "vi-VN"} | options))
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_from_the_login_page_to_the_provider_and_back(browser: Browser, api: RunningApi, javascript: bool) -> None:
    page = come(browser, api, java_script_enabled=javascript)
    faults = Faults([api.url])
    faults.watch(page.context)
    page.goto("/dang-nhap?next=/the-le")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Đăng nhập bằng Nhà cung cấp").click()
    expect(page.get_by_role("heading", name="Provider")).to_be_visible()
    page.get_by_label("Name").fill("an")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/the-le")
    assert {cookie["name"] for cookie in page.context.cookies(api.url)} >= {"session"}
    assert not any("Security Policy" in fault for fault in faults.found)
    page.context.close()


def test_a_box_that_is_not_ticked_is_asked_for_before_the_provider(browser: Browser, api: RunningApi) -> None:
    page = come(browser, api, java_script_enabled=False)
    page.goto("/dang-nhap")
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Đăng nhập bằng Nhà cung cấp").click()
    expect(page.get_by_text("Mời bạn đánh dấu ô").first).to_be_visible()
    expect(page.get_by_role("checkbox").first).to_be_checked()
    page.context.close()


def test_inside_zalo_there_is_no_such_button(browser: Browser, api: RunningApi) -> None:
    page = come(browser, api, user_agent=ZALO)
    page.goto("/dang-nhap")
    expect(page.get_by_text("trong ứng dụng Zalo")).to_be_visible()
    expect(page.get_by_role("button", name="Đăng nhập bằng")).to_have_count(0)
    page.context.close()
