"""The end of a contest: close-out by an admin, minutes that are verified, results published and read by a voter."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from api.voters.language import VI
from models.operator import Role
from tests.journeys.axe import barriers, misfits
from tests.journeys.browser import Faults, Site, running_site, until
from tests.journeys.operators import operator_page
from tests.journeys.test_five_steps import confirm, vote

WHY = "Diễn tập: kết thúc sớm để kiểm phiếu."


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A stack of its own: what is final stays so."""
    with running_site() as running:
        yield running


@pytest.fixture
def voted(site: Site, tmp_path: Path) -> list[str]:
    """Slugs of the first three entries: 3, 2 and 1 votes, the second and first to be tied by one more."""
    tokens = tmp_path / "tokens"
    site.stack.run("mint-sessions", "--count", "3", "--out", str(tokens))
    entries = site.entries()[:3]
    for votes, entry in zip((3, 2, 1), entries, strict=True):
        for token in tokens.read_text().split()[:votes]:
            address = f"{site.address}/api/entries/{entry['id']}/vote"
            assert httpx.put(address, headers={"Authorization": f"Bearer {token}"}).status_code == 201
    return [entry["slug"] for entry in entries]


def fetched(page: Page, link: str, folder: Path) -> Path:
    """The file that a link or button of the page downloads."""
    with page.expect_download() as download:
        page.get_by_text(link, exact=True).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def text_of(page: Page, path: str) -> str:
    """The page loaded now; for some seconds a browser may show the one that it has."""
    page.goto(path)
    return page.get_by_role("main").inner_text()


def test_from_the_last_vote_to_the_published_result(
    site: Site, new_page: Callable[..., Page], faults: Faults, voted: list[str], tmp_path: Path
) -> None:
    voter = new_page("phone", reduced_motion="reduce")
    site.log_in(voter)
    voter.goto(f"/bai-du-thi/{voted[1]}")
    vote(voter, VI)
    confirm(voter, VI)

    admin, found = operator_page(site, new_page, Role.ADMIN, "lan", reduced_motion="reduce"), []
    admin.goto("/operator/results")
    found += [f"before: {barrier}" for barrier in (*barriers(admin), *misfits(admin, 768))]
    admin.get_by_label("Số biên bản").fill("12/BB-BTC")
    admin.get_by_label("Địa danh").fill("Thái Nguyên")
    admin.get_by_label("Thành phần kiểm phiếu").fill("Bà An – Trưởng ban tổ chức\nÔng Bình – Thư ký")
    admin.get_by_label("Tôi hiểu rằng").check()
    faults.allow("422: POST")
    admin.get_by_role("button", name="Kết thúc sớm và kiểm phiếu").click()
    expect(admin.get_by_role("alert")).to_contain_text("Hãy ghi lý do kết thúc sớm")
    expect(admin.get_by_label("Số biên bản")).to_have_value("12/BB-BTC")
    found += [f"refused: {barrier}" for barrier in barriers(admin)]
    admin.get_by_label("Lý do kết thúc sớm").fill(WHY)
    admin.get_by_label("Tôi hiểu rằng").check()
    admin.get_by_role("button", name="Kết thúc sớm và kiểm phiếu").click()
    expect(admin.get_by_role("status").first).to_contain_text("Đã kiểm phiếu và chốt kết quả", timeout=60_000)
    found += [f"made: {barrier}" for barrier in (*barriers(admin), *misfits(admin, 768))]

    voter.goto("/ket-qua")
    expect(voter.get_by_role("main")).to_contain_text("chưa phải là kết quả chính thức")

    pdf = fetched(admin, "Tải biên bản để in và ký (PDF)", tmp_path)
    minutes = fetched(admin, "Tải biên bản dạng dữ liệu (JSON)", tmp_path)
    signature = fetched(admin, "Tải chữ ký số của tệp dữ liệu", tmp_path)
    assert pdf.read_bytes().startswith(b"%PDF-")
    key = site.json("/api/contest")["minutes_key"]
    told = site.stack.run("verify-minutes", str(minutes), "--signature", str(signature), "--key", key).stdout
    assert "The signature is good: minutes 12/BB-BTC" in told
    assert "7 votes counted, 0 voided" in told

    admin.get_by_label("Tôi đã kiểm tra biên bản").check()
    admin.get_by_role("button", name="Công bố kết quả").click()
    expect(admin.get_by_role("status").first).to_contain_text("Kết quả đã được công bố")

    until(voter, lambda: "Kết quả chính thức" in text_of(voter, "/ket-qua"), what="the published result")
    rows = voter.get_by_role("table").first.get_by_role("row")
    for row, slug in ((1, voted[0]), (2, voted[1])):
        expect(rows.nth(row)).to_contain_text("1 (đồng hạng)")
        expect(rows.nth(row).get_by_role("link")).to_have_attribute("href", re.compile(slug))
    expect(rows.nth(3)).to_contain_text(re.compile(r"^3"))
    shown = voter.get_by_role("link", name="Biên bản (PDF)").get_attribute("href")
    assert httpx.get(f"{site.address}{shown}").content == pdf.read_bytes()
    found += [f"published: {barrier}" for barrier in barriers(voter)]
    voter.goto(f"/en/bai-du-thi/{voted[2]}")
    expect(voter.get_by_role("button", name="Vote")).to_have_count(0)

    admin.goto("/operator/exports")
    found += [f"exports: {barrier}" for barrier in (*barriers(admin), *misfits(admin, 768))]
    assert fetched(admin, "Tải bảng tính (XLSX)", tmp_path).name.startswith("ket-qua-")
    votes = fetched(admin, "Tải các phiếu (CSV)", tmp_path)
    assert votes.read_text(encoding="utf-8-sig").count("\n") == 7 + 1
    assert found == []
