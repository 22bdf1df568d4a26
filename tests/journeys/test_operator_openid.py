"""An operator links an identity of an OpenID provider and logs in with it, in a real browser: our policy and the kind
of our cookies must let them through and back.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from pydantic import SecretStr

from models.oidc import Provider
from tests.api.operators.entering import PASSWORD, Known
from tests.api.running import RunningApi, settings_for
from tests.api.voters.oidc_real import SECRET, RealProvider, need_installed
from tests.journeys.axe import barriers
from tests.journeys.browser import DEVICES, PATIENCE_MS, Faults
from tests.workers.contests import KEYS, Stage


@pytest.fixture
def api(open_contest: Stage, box: str, database: str, scratch: str, tmp_path: Path) -> Iterator[RunningApi]:
    need_installed()
    real = RealProvider(tmp_path / "log")
    provider = Provider("that", "Nhà cung cấp", real.issuer, "binhchon", SecretStr(SECRET))
    settings = settings_for(
        box,
        database_url=SecretStr(database),
        scratch_url=SecretStr(scratch),
        identity_key=SecretStr(KEYS.identity_key),
        session_keys=SecretStr(",".join(KEYS.session_keys)),
        data_dir=tmp_path,
        oidc_providers=(provider,),
    )
    running = RunningApi(settings)
    running.wait_ready()
    real.start(f"{running.url}/operator/openid/that/callback")
    yield running
    running.stop()
    real.stop()


def test_linked_on_the_own_page_and_used_at_the_login(browser: Browser, api: RunningApi, open_contest: Stage) -> None:
    known = Known(open_contest.engine)
    options = {"base_url": api.url, "locale": "vi-VN", "reduced_motion": "reduce"}
    context = browser.new_context(**(DEVICES["desktop"] | options))
    context.set_default_timeout(PATIENCE_MS)
    faults = Faults([api.url])
    faults.watch(context)
    page = context.new_page()
    page.goto("/operator/login?next=/operator/account")
    found = barriers(page)
    page.get_by_label("Tên đăng nhập").fill("lan")
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập", exact=True).click()
    page.get_by_label("Mã xác thực").fill(known.code())
    page.get_by_role("button", name="Tiếp tục").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tài khoản của tôi")
    found += barriers(page)

    page.locator("#openid-password").fill(PASSWORD)
    page.get_by_role("button", name="Liên kết Nhà cung cấp").click()
    page.get_by_label("Name").fill("an")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("status")).to_contain_text("Đã liên kết")

    page.get_by_role("button", name="Đăng xuất").click()
    page.goto("/operator/login?next=/operator/audit")
    page.get_by_role("button", name="Đăng nhập bằng Nhà cung cấp").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Xác thực hai lớp")
    page.get_by_label("Mã xác thực").fill(known.code(1))
    page.get_by_role("button", name="Tiếp tục").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nhật ký")
    assert found == []
    assert not any("Security Policy" in fault for fault in faults.found)
    context.close()
