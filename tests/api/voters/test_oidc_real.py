"""Login with a real OpenID provider, as a browser without JavaScript goes through it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from api.sessions import Sessions
from models.event import Proof
from models.identity import proven_by_oidc
from models.oidc import Provider
from tests.api.contest import KEYS
from tests.api.running import RunningApi, settings_for
from tests.api.voters.logging_in import OWN, TICKED, cookie_of, let_pass
from tests.api.voters.oidc_real import SECRET, RealProvider, back_from, leads_to, need_installed, to_the_form


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    need_installed()
    provider = RealProvider(Path(tmp_path_factory.mktemp("provider")) / "log")
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def api(open_box: str, scratch_url: str, real: RealProvider) -> Iterator[RunningApi]:
    provider = Provider("that", "Nhà cung cấp", real.issuer, "binhchon", SecretStr(SECRET))
    running = RunningApi(settings_for(open_box, scratch_url=scratch_url, oidc_providers=(provider,)))
    running.wait_ready()
    real.start(f"{running.url}/login/oidc/that/callback")
    yield running
    running.stop()


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10) as client:
        yield client


def press(api: RunningApi, browser: httpx.Client, **fields: str) -> str:
    """Presses the button; the address at the provider."""
    return leads_to(browser.post(f"{api.url}/login/oidc/that", data=TICKED | fields, headers=OWN))


def log_in(api: RunningApi, browser: httpx.Client, name: str, **fields: str) -> httpx.Response:
    """All the way; the answer of our callback."""
    form = to_the_form(browser, press(api, browser, **fields))
    return browser.get(back_from(browser, form, name=name))


def account_of(response: httpx.Response) -> int:
    session = Sessions(KEYS).read(cookie_of(response).encode())
    assert session is not None
    assert session.proof == Proof.OIDC
    return session.account


def test_from_the_button_through_the_provider_back_to_the_entry_and_the_vote(
    api: RunningApi, real: RealProvider, browser: httpx.Client
) -> None:
    page = browser.get(f"{api.url}/dang-nhap", params={"next": "/bai-du-thi/bai-1"})
    assert 'formaction="/login/oidc/that"' in page.text
    assert "Đăng nhập bằng Nhà cung cấp" in page.text
    back = log_in(api, browser, "an", next="/bai-du-thi/bai-1")
    assert (back.status_code, back.headers["location"]) == (303, "/bai-du-thi/bai-1")
    assert back.headers["cache-control"] == "no-store"
    assert account_of(back) == proven_by_oidc(KEYS, real.issuer, "an", email="", title="").account
    assert api.vote(1, cookie_of(back)).status_code == 201


def test_the_same_person_is_the_same_account_and_another_is_another(api: RunningApi) -> None:
    found = []
    for name in ("binh", "binh", "chi"):
        with httpx.Client(timeout=10) as browser:
            found.append(account_of(log_in(api, browser, name)))
    assert found[0] == found[1] != found[2]


def test_who_cancels_is_back_on_the_login_page(api: RunningApi, browser: httpx.Client) -> None:
    form = to_the_form(browser, press(api, browser, next="/the-le", language="en"))
    page = browser.get(back_from(browser, form, cancel="1"))
    assert page.status_code == 200
    assert "session=" not in page.headers["set-cookie"]
    assert 'lang="en"' in page.text
    assert 'name="next" value="/en/the-le"' in page.text
    assert "Nhà cung cấp" in page.text


def test_a_code_is_good_once(api: RunningApi, browser: httpx.Client, scratch_url: str) -> None:
    """Our own mark of a used login taken away, the provider still refuses its code."""
    form = to_the_form(browser, press(api, browser))
    callback = back_from(browser, form, name="dung")
    kept = dict(browser.cookies)
    assert browser.get(callback).status_code == 303
    let_pass(scratch_url, "oidc:*")
    again = browser.get(callback, headers={"Cookie": "; ".join(f"{name}={value}" for name, value in kept.items())})
    assert again.status_code == 403
    assert "session=" not in again.headers["set-cookie"]
