"""Pictures of the main pages, phone and desktop, light and dark, to be looked at by people.

`.venv/bin/python -m tests.journeys.pictures FOLDER` (default: `.data/pictures`) runs a stack of its own for them.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from models.settings import ROOT
from tests.journeys.browser import DEVICES, Site, arguments, find_browser, running_site

SCHEMES = ("light", "dark")


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".data/pictures"
    folder.mkdir(parents=True, exist_ok=True)
    with running_site() as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=arguments())
        for device in DEVICES:
            for scheme in SCHEMES:
                with person(browser, site, device, scheme) as page:
                    walk(site, page, folder, f"{device}-{scheme}")
        browser.close()


@contextmanager
def person(browser: Browser, site: Site, device: str, scheme: Any) -> Iterator[Page]:
    context = browser.new_context(
        **DEVICES[device], base_url=site.address, color_scheme=scheme, reduced_motion="reduce", locale="vi-VN"
    )
    yield context.new_page()
    context.close()


def walk(site: Site, page: Page, folder: Path, kind: str) -> None:
    """Takes every page, as far as it is long."""
    slug = max(site.entries(), key=lambda entry: len(entry["pictures"]))["slug"]
    entry = f"/bai-du-thi/{slug}"

    def take(name: str, path: str | None = None, *, whole: bool = True) -> None:
        if path:
            page.goto(path, wait_until="networkidle")
        path_of = folder / f"{name}-{kind}.png"
        page.screenshot(path=path_of, full_page=whole)
        with Image.open(path_of) as taken:
            taken.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path_of, optimize=True)

    take("home", "/", whole=False)
    take("home-whole")
    take("home-english", "/en/")
    take("list", "/binh-chon", whole=False)
    take("list-whole")
    take("found", "/binh-chon?q=hoc+sinh", whole=False)
    take("not-found", "/binh-chon?q=xyzzy")
    take("entry", entry, whole=False)
    take("entry-whole")
    take("login", "/dang-nhap")
    page.get_by_role("button", name="Gửi mã cho tôi").click()
    page.get_by_role("alert").wait_for()
    take("login-faults")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_label("Địa chỉ email", exact=True).fill(site.new_address())
    page.get_by_role("button", name="Gửi mã cho tôi").click()
    page.get_by_label("Mã trong thư").wait_for()
    take("code")
    site.log_in(page)
    take("votes-none", "/phieu-cua-toi")
    page.goto(entry)
    page.get_by_role("button", name="Bình chọn", exact=True).click()
    take("dialog", whole=False)
    page.get_by_role("button", name="Xác nhận bình chọn").click()
    page.locator(".receipt").wait_for()
    take("voted-in-place", whole=False)
    take("confirm", f"{entry}/binh-chon")
    page.get_by_role("button", name="Xác nhận bình chọn").click()
    page.get_by_role("heading", name="Đã nhận phiếu của bạn").wait_for()
    take("voted", whole=False)
    take("voted-whole")
    receipt = page.url.split("ma=")[1][:24]
    take("votes", "/phieu-cua-toi")
    take("look-up", f"/tra-cuu?ma={receipt}")
    take("list-voted", f"/binh-chon?q={quote('Phiếu hẹn')}", whole=False)
    other = next(found["slug"] for found in site.entries() if found["slug"] != slug)
    page.route("**/api/entries/*/vote", lambda route: route.fulfill(status=503, headers={"Retry-After": "30"}))
    page.goto(f"/bai-du-thi/{other}")
    page.get_by_role("button", name="Bình chọn", exact=True).click()
    page.get_by_role("button", name="Xác nhận bình chọn").click()
    page.locator(".vote-state.still").wait_for()
    take("waiting", whole=False)
    take("kept", "/the-le", whole=False)
    for name, path in {
        "results": "/ket-qua",
        "rules": "/the-le",
        "help": "/tro-giup",
        "lost-vote": "/tro-giup/mat-phieu",
        "privacy": "/rieng-tu",
        "recognise": "/nhan-biet",
        "absent": "/khong-co",
    }.items():
        take(name, path)


if __name__ == "__main__":
    main()
