"""A moderator imports thirty entries from a spreadsheet, mends two rows first, and adds pictures, in the browser."""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from models.operator import Role
from tests.journeys.axe import accessible
from tests.journeys.browser import Faults, Site, running_site, until
from tests.journeys.operators import operator_page
from tests.models.pictures import noisy, picture

NUMBER = 30
_DROP = """
(zone, [name, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name, { type: "image/jpeg" }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(kind, { dataTransfer: dropped, bubbles: true, cancelable: true }));
  }
}
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as running:
        yield running


def filled(template: Path, folder: Path, *, wrong: bool) -> Path:
    """The template with thirty entries; two of the rows wrong."""
    workbook = load_workbook(template)
    sheet = workbook["Bài dự thi"]
    category = workbook["Lĩnh vực"]["A1"].value
    for number in range(NUMBER):
        values = [f"Sáng kiến bản {number + 1:02}", category, "Nhóm minh hoạ", "", "Tóm tắt.", "## Cách làm\n\n- Một"]
        for column, value in enumerate(values, start=1):
            sheet.cell(number + 3, column, value)
        sheet.cell(number + 3, 12, "Công bố")
    if wrong:
        sheet["A5"] = None
        sheet["B9"] = "Lĩnh vực lạ"
    path = folder / f"bai-{'sai' if wrong else 'dung'}.xlsx"
    workbook.save(path)
    return path


def hand_in(page: Page, path: Path) -> None:
    page.get_by_label("Tệp bảng tính").set_input_files(path)
    page.get_by_role("button", name="Kiểm tra tệp").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Kiểm tra tệp")


def import_thirty(page: Page, folder: Path) -> None:
    page.goto("/operator/entries")
    page.get_by_role("link", name="Nhập từ bảng tính").click()
    accessible(page)
    with page.expect_download() as started:
        page.get_by_role("link", name="Tệp mẫu Excel").click()
    template = folder / "mau.xlsx"
    started.value.save_as(template)

    hand_in(page, filled(template, folder, wrong=True))
    expect(page.get_by_text("Có 2 chỗ cần sửa")).to_be_visible()
    rows = page.get_by_role("region", name="Các chỗ cần sửa").locator("tbody tr")
    expect(rows.nth(0)).to_contain_text(re.compile(r"5\s*Tên bài dự thi\s*Để trống"))
    expect(rows.nth(1)).to_contain_text(re.compile(r"9\s*Lĩnh vực\s*Cuộc thi không có lĩnh vực “Lĩnh vực lạ”"))
    accessible(page)
    page.get_by_role("link", name="Gửi lại tệp").click()

    hand_in(page, filled(template, folder, wrong=False))
    expect(page.get_by_text(f"Thêm mới: {NUMBER} bài")).to_be_visible()
    expect(page.get_by_text("Bỏ qua: 1 dòng ví dụ")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name=f"Nhập {NUMBER} bài").click()
    expect(page.get_by_text(f"Đã nhập xong: {NUMBER} bài mới")).to_be_visible()


def add_pictures(page: Page, folder: Path) -> None:
    """One is dropped, one chosen, and a file that is no picture is refused meanwhile."""
    page.get_by_role("link", name="Xem các bài dự thi").click()
    page.get_by_role("searchbox").or_(page.get_by_label("Tìm")).first.fill("Sáng kiến bản 07")
    page.get_by_role("button", name="Lọc").click()
    page.get_by_role("link", name="Sáng kiến bản 07", exact=True).first.click()
    page.get_by_role("link", name="Ảnh", exact=True).click()
    dropped = ["keo-tha.jpg", base64.b64encode(noisy()).decode()]
    page.locator("[data-drop]").evaluate(_DROP, dropped)
    expect(page.locator("li[data-new]")).to_have_count(1)
    (folder / "gia.jpg").write_bytes(b"<svg><script>alert(1)</script></svg>")
    page.get_by_label("Thêm ảnh").set_input_files(folder / "gia.jpg")
    expect(page.locator("[data-state]")).to_contain_text("“gia.jpg” không phải là ảnh")
    (folder / "chon.jpg").write_bytes(picture())
    page.get_by_label("Thêm ảnh").set_input_files(folder / "chon.jpg")
    expect(page.locator("li[data-new]")).to_have_count(2)
    accessible(page)
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_role("alert")).to_contain_text("Ảnh thứ 1: hãy mô tả ảnh")
    for number, text in enumerate(("Đồi chè", "Con suối")):
        page.get_by_label("Mô tả ảnh (tiếng Việt)").nth(number).fill(text)
        page.get_by_label("Mô tả ảnh (tiếng Anh, không bắt buộc)").nth(number).fill(f"Picture {number}")
    page.get_by_label("Thứ tự").nth(1).fill("1")
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_text("Đã lưu. Đã có hiệu lực.")).to_be_visible()
    accessible(page)


def test_thirty_entries_from_a_spreadsheet_and_pictures_for_one(
    site: Site, new_page: Callable[..., Page], faults: Faults, tmp_path: Path
) -> None:
    faults.allow("422: POST")  # a picture that is none, and descriptions that are missing
    before = len(site.entries())
    page = operator_page(site, new_page, Role.MODERATOR, "hien", reduced_motion="reduce")
    import_thirty(page, tmp_path)
    until(page, lambda: len(site.entries()) == before + NUMBER, what="the entries are on the site")
    add_pictures(page, tmp_path)
    voter = new_page("phone")
    until(page, lambda: "Đồi chè" in site.text("/bai-du-thi/sang-kien-ban-07"), what="the pictures are on the site")
    voter.goto("/binh-chon?q=Sáng+kiến+bản+07")
    voter.get_by_role("link", name="Sáng kiến bản 07").click()
    expect(voter.get_by_role("heading", name="Cách làm", level=2)).to_be_visible()
    shown = voter.locator(".pictures img")
    expect(shown.nth(0)).to_have_attribute("alt", "Con suối")
    expect(shown.nth(1)).to_have_attribute("alt", "Đồi chè")
    shown.nth(1).scroll_into_view_if_needed()
    until(voter, lambda: shown.nth(1).evaluate("image => image.currentSrc.endsWith('.avif') && image.complete"))


def test_pictures_without_javascript(site: Site, new_page: Callable[..., Page], faults: Faults, tmp_path: Path) -> None:
    page = operator_page(site, new_page, Role.MODERATOR, "khoa")
    plain = new_page("desktop", javascript=False)
    plain.context.add_cookies(page.context.cookies())
    (tmp_path / "a.jpg").write_bytes(picture())
    (tmp_path / "b.jpg").write_bytes(picture(300, 300))
    entry = site.entries()[-1]["id"]
    plain.goto(f"/operator/entries/{entry}/pictures")
    had = plain.locator(".file-rows li").count()
    plain.get_by_label("Thêm ảnh").set_input_files([tmp_path / "a.jpg", tmp_path / "b.jpg"])
    plain.get_by_role("button", name="Tải tệp lên").click()
    expect(plain.locator("li[data-new]")).to_have_count(2)
    for row in (had, had + 1):
        plain.get_by_label("Mô tả ảnh (tiếng Việt)").nth(row).fill("Minh hoạ")
        plain.get_by_label("Mô tả ảnh (tiếng Anh, không bắt buộc)").nth(row).fill("Illustration")
    plain.get_by_role("button", name="Lưu").click()
    expect(plain.get_by_text("Đã lưu")).to_be_visible()
    expect(plain.locator(".file-rows li")).to_have_count(had + 2)
    assert not faults.unexpected
