"""A cluster is voided by two people and restored again, and everybody can see it: two operators' browsers, a voter's.

On a stack of its own: the count must be nobody else's.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import psycopg
import pytest
from playwright.sync_api import Page, expect

from models.operator import Role
from tests.journeys.axe import accessible
from tests.journeys.browser import Faults, Site, running_site, until
from tests.journeys.operators import operator_page
from tests.servers import libpq_url, wait_for

REASON = "Phiếu do phần mềm tự động gửi."
MISTAKEN = "Đã xem lại: là phiếu của một lớp học."
SUSPECTS, OTHERS = 60, 240


@dataclass
class Suspects:
    """Votes for the first entry, in a cluster of the ledger."""

    cluster: int
    title: str
    receipts: list[str]
    tokens: list[str]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as running:
        yield running


@pytest.fixture(scope="module")
def suspects(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Suspects:
    file = tmp_path_factory.mktemp("tokens") / "tokens"
    site.stack.run("mint-sessions", "--count", str(SUSPECTS + OTHERS), "--out", str(file))
    tokens = file.read_text().split()
    first, second = site.entries()[:2]
    receipts = [vote(site, first["id"], token) for token in tokens[:SUSPECTS]]
    for at, token in enumerate(tokens[SUSPECTS:]):
        vote(site, first["id"] if at % 2 else second["id"], token)
    wait_for(lambda: site.stack.status()["ledger"]["votes"] == SUSPECTS + OTHERS, 30, "the votes are in the ledger")
    with psycopg.connect(libpq_url(site.stack.address_of("DATABASE_URL")), autocommit=True) as ledger:
        row = ledger.execute(
            "INSERT INTO clusters (contest_id, entry_id, signals, strength, accounts, counted, traces)"
            " SELECT contest_id, id, '{device,intervals}', 1, %s, %s, '{}' FROM entries WHERE id = %s RETURNING id",
            [SUSPECTS, SUSPECTS, first["id"]],
        ).fetchone()
        assert row is not None
        ledger.execute(
            "INSERT INTO cluster_accounts (cluster_id, account_id, strength) SELECT %s, account_id, 1 FROM votes"
            " WHERE entry_id = %s ORDER BY cast_at, log_ms, log_seq LIMIT %s",
            [row[0], first["id"], SUSPECTS],
        )
    return Suspects(row[0], first["title"], receipts, tokens)


def vote(site: Site, entry: int, token: str) -> str:
    answer = httpx.put(f"{site.address}/api/entries/{entry}/vote", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201, answer.text
    receipt: str = answer.json()["receipt"]
    return receipt


def propose_for_the_cluster(page: Page, suspects: Suspects) -> str:
    """Returns the path of the correction."""
    page.goto(f"/operator/corrections/new?cluster={suspects.cluster}")
    expect(page.get_by_label("Cụm số")).to_have_value(str(suspects.cluster))
    expect(page.get_by_label(suspects.title, exact=True)).to_be_checked()
    page.get_by_label("Lý do công khai (tiếng Việt)").fill("Của lan@example.vn")
    page.get_by_role("button", name="Chạy thử và đề nghị").click()
    expect(page.get_by_role("alert")).to_contain_text("không được có địa chỉ email")
    accessible(page)
    expect(page.get_by_label("Cụm số")).to_have_value(str(suspects.cluster))
    page.get_by_label("Lý do công khai (tiếng Việt)").fill(REASON)
    page.get_by_role("button", name="Chạy thử và đề nghị").click()
    expect(page.get_by_text("Chờ phê duyệt")).to_be_visible()  # the page loads itself anew when it has been counted
    expect(page.get_by_text("một quản trị viên khác phải phê duyệt")).to_be_visible()
    accessible(page)
    return page.url.removeprefix(page.url.split("/operator")[0])


def approve(page: Page, path: str) -> None:
    page.goto("/operator/corrections")
    accessible(page)
    page.locator(f'a[href="{path}"]').click()
    accessible(page)
    page.get_by_role("button", name=re.compile("Phê duyệt và")).click()
    expect(page.get_by_text("Đã xong", exact=True)).to_be_visible()  # by itself, while it runs
    expect(page.locator(".facts").first).to_contain_text(f"{SUSPECTS} phiếu")


def look_up(site: Site, receipt: str) -> dict[str, str]:
    found: dict[str, str] = site.json(f"/api/receipts/{receipt}")
    return found


def agree(site: Site, votes: int) -> None:
    """Box and ledger count so many votes, and differ by none."""

    def so() -> bool:
        status = site.stack.status()
        return (status["box"]["votes"], status["ledger"]["votes"], status["drift"]) == (votes, votes, 0)

    wait_for(so, 20, f"{votes} votes, drift 0")
    site.stack.run("reconcile", "--rows")


def test_a_cluster_is_voided_seen_by_everybody_and_restored(
    site: Site, new_page: Callable[..., Page], suspects: Suspects, faults: Faults
) -> None:
    faults.allow("422: POST")  # a reason with an address in it
    lan = operator_page(site, new_page, Role.MODERATOR, "lan", reduced_motion="reduce")
    an = operator_page(site, new_page, Role.ADMIN, "an", reduced_motion="reduce")
    voter = new_page("phone", reduced_motion="reduce")

    path = propose_for_the_cluster(lan, suspects)
    assert look_up(site, suspects.receipts[0])["status"] == "in_ledger"  # nothing has happened yet
    approve(an, path)
    agree(site, OTHERS)
    until(voter, lambda: REASON in site.text("/nhat-ky-loai-phieu"), what="the public log")

    voter.goto("/")
    voter.get_by_role("link", name="Nhật ký loại phiếu").click()
    expect(voter.get_by_role("heading", name=f"Loại {SUSPECTS} phiếu")).to_be_visible()
    expect(voter.get_by_role("main").get_by_role("link", name=suspects.title)).to_be_visible()
    accessible(voter)
    voter.goto(f"/tra-cuu?ma={suspects.receipts[0]}")
    expect(voter.get_by_role("heading", name="Phiếu đã bị loại")).to_be_visible()
    expect(voter.get_by_text(REASON)).to_be_visible()

    lan.reload()
    lan.get_by_label("Lý do công khai (tiếng Việt)").fill(MISTAKEN)
    accessible(lan)
    lan.get_by_role("button", name="Đề nghị khôi phục").click()
    expect(lan.get_by_text("Chờ phê duyệt")).to_be_visible()
    approve(an, lan.url.removeprefix(site.address))
    agree(site, SUSPECTS + OTHERS)
    until(voter, lambda: MISTAKEN in site.text("/nhat-ky-loai-phieu"), what="the public log")
    voter.goto("/nhat-ky-loai-phieu")
    expect(voter.get_by_text(f"Sau đó {SUSPECTS} phiếu trong số này đã được khôi phục.")).to_be_visible()
    accessible(voter)
    assert all(look_up(site, receipt)["status"] == "in_ledger" for receipt in suspects.receipts[:5])


def test_an_account_is_found_by_its_receipt_and_blocked(
    site: Site, new_page: Callable[..., Page], suspects: Suspects
) -> None:
    lan = operator_page(site, new_page, Role.MODERATOR, "lan2", reduced_motion="reduce")
    lan.goto("/operator/accounts")
    accessible(lan)
    lan.get_by_label("Mã phiếu, số tài khoản, email hoặc số điện thoại").fill(suspects.receipts[0])
    lan.get_by_role("button", name="Tìm").click()
    expect(lan.get_by_role("cell", name=suspects.receipts[0])).to_be_visible()
    accessible(lan)
    lan.locator("#reason").fill("Nhiều phiếu trong một giây.")
    lan.get_by_role("button", name="Khoá", exact=True).click()
    expect(lan.get_by_role("heading", name="Mở khoá")).to_be_visible()
    last = site.entries()[-1]["id"]

    def is_logged_out() -> bool:
        answer = httpx.put(
            f"{site.address}/api/entries/{last}/vote", headers={"Authorization": f"Bearer {suspects.tokens[0]}"}
        )
        assert (answer.status_code, answer.json()["code"]) in ((403, "blocked"), (401, "no_session"))
        return answer.status_code == 401

    wait_for(is_logged_out, what="whoever used the account must prove themselves again")
    lan.goto("/operator/accounts")
    expect(lan.get_by_text("Nhiều phiếu trong một giây.")).to_be_visible()
    accessible(lan)
