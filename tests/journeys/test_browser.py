"""The fixtures notice what they promise to notice."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.journeys.axe import barriers
from tests.journeys.browser import Faults, Site, until


def test_a_page_of_the_site_has_no_faults(phone: Page, faults: Faults) -> None:
    phone.goto("/")
    assert phone.evaluate("innerWidth") == 360
    assert phone.get_by_role("heading", level=1).is_visible()
    assert faults.found == []


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("console.error('broken')", "console error: broken"),
        ("setTimeout(() => { throw new Error('thrown') })", "script error: "),
        ("fetch('/nowhere')", "404: GET "),
        ("document.body.append(Object.assign(new Image(), {src: 'https://elsewhere.example/x.png'}))", "elsewhere"),
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
        ("document.body.append(Object.assign(document.createElement('script'), {text: '1'}))", "Security Policy"),
    ],
)
def test_a_fault_of_a_page_is_found(desktop: Page, faults: Faults, script: str, fault: str) -> None:
    desktop.goto("/the-le")
    desktop.evaluate(f"() => {{ {script} }}")
    until(desktop, lambda: any(fault in found for found in faults.found), what=fault)
    faults.allow("")


def test_a_person_is_logged_in(site: Site, new_page: Callable[..., Page]) -> None:
    page = new_page(javascript=False)
    site.log_in(page)
    page.goto("/phieu-cua-toi")
    assert page.get_by_role("button", name="Đăng xuất", exact=True).is_visible()


@pytest.mark.parametrize(
    ("script", "barrier"),
    [
        ("document.querySelector('h1').remove()", "page-has-heading-one"),
        ("document.documentElement.removeAttribute('lang')", "html-has-lang"),
        ("main.append(document.createElement('input'))", "label"),
        ("main.querySelector('p').style.color = 'rgb(20 24 22)'", "dark: color-contrast"),
        ("main.querySelector('p').style.width = '340px'", "320 px, text 100%: outside"),
        ("main.querySelector('p').style.width = '20em'", "640 px, text 200%: outside"),
        ("main.querySelector('p').style.cssText = 'width: 9em; overflow: hidden; white-space: nowrap'", "cut off"),
        ("list.style.cssText = 'gap: 0; font-size: 4px; line-height: 1'", "target-size"),
    ],
)
def test_a_barrier_on_a_page_is_found(desktop: Page, script: str, barrier: str) -> None:
    desktop.goto("/the-le")
    parts = "const main = document.querySelector('main'), list = document.querySelector('footer ul');"
    desktop.evaluate(f"() => {{ {parts} {script} }}")
    found = barriers(desktop)
    assert any(barrier in one for one in found), found
