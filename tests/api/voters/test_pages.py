"""The voters' pages over real HTTP, on an open contest: what each says, and that a strict policy lets it."""

import re
import socket
from dataclasses import replace

import pytest

from api.voters.page import page_of
from api.voters.view import Catalogue
from tests.api.voters.markup import BROWSER, PATHS, parsed
from tests.servers import wait_for


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_whole_and_asks_nobody_else(api, path):
    page = api.client.get(path, headers=BROWSER)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert '<html lang="vi">' in page.text
    assert "set-cookie" not in page.headers
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    parser = parsed(page)
    assert all(address.startswith(("/", "#")) and not address.startswith("//") for address in parser.addresses)
    for words in ("Bình chọn", "Phiếu của tôi", "Tra cứu", "Thể lệ", "Trợ giúp", "0208 0000000"):
        assert words in page.text
    assert "Sở Khoa học &amp; Công nghệ" in page.text
    assert len(page.content) < 20_000


def test_links_of_the_site_lead_somewhere(api):
    found = {
        address
        for path in PATHS
        for address in parsed(api.client.get(path, headers=BROWSER)).addresses
        if not address.startswith(("#", "/dang-nhap", "/en/tra-cuu?"))  # the login's pages have tests of their own
    }
    assert len(found) > 12
    for address in found:
        answer = api.client.get(address, headers=BROWSER, follow_redirects=True)
        assert answer.status_code == 200, address


def test_the_home_page_says_what_when_and_how(api):
    page = api.client.get("/").text
    for words in ("Cuộc thi thử &lt;b&gt;", "Đang nhận bình chọn", "Bài dự thi minh hoạ.", "Cách bình chọn"):
        assert words in page
    assert "Mỗi tài khoản chỉ được bình chọn 1 lần/1 bài thi" in page
    assert page.split('class="steps"')[1].split("</ol>")[0].count("<li>") == 5


def test_the_home_page_lists_the_entries_and_their_counts(api, token):
    api.client.put("/api/entries/1/vote", headers={"Authorization": f"Bearer {token}"})
    wait_for(lambda: "1 phiếu</p>" in api.client.get("/").text, what="the count is on the page")
    page = api.client.get("/").text
    assert page.count('href="/bai-du-thi/') == page.count("phiếu</p>") >= 3


def test_the_style_sheet_is_kept_for_ever_under_its_own_address(api):
    address = next(a for a in parsed(api.client.get("/")).addresses if a.startswith("/static/"))
    sheet = api.client.get(address)
    assert sheet.status_code == 200
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in sheet.headers["cache-control"]
    assert api.client.get(address, headers={"If-None-Match": sheet.headers["etag"]}).status_code == 304
    assert re.fullmatch(r"/static/site\.[0-9a-f]{16}\.css", address)
    assert api.client.get("/static/site.0000000000000000.css").status_code == 404


def test_the_order_is_the_same_for_all_within_a_minute_and_another_in_the_next(api):
    view = api.app._watch.current.view
    orders = {tuple(entry["id"] for entry in replace(view, minute=minute).entries()) for minute in range(100)}
    assert len(orders) > 30
    assert {order[0] for order in orders} == {1, 2, 3, 4, 5}
    assert replace(view, minute=7).entries() == replace(view, minute=7).entries()


def test_an_entry_that_is_called_as_the_confirm_step_has_a_page_of_its_own(api):
    view = api.app._watch.current.view
    site = view.catalogue.site
    named = replace(view, catalogue=Catalogue(site | {"entries": [site["entries"][0] | {"slug": "binh-chon"}]}))
    form = 'method="{}" action="/bai-du-thi/binh-chon/binh-chon"'
    assert form.format("get") in page_of(named, "/bai-du-thi/binh-chon").decode()
    assert form.format("post") in page_of(named, "/bai-du-thi/binh-chon/binh-chon").decode()


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/binh-chon/", "/binh-chon"),
        ("/bai-du-thi/bai-1/", "/bai-du-thi/bai-1"),
        ("/en/the-le//", "/en/the-le"),
        ("/tra-cuu/?ma=7F3K", "/tra-cuu?ma=7F3K"),
        ("//evil.example/", "/"),
        ("/en//evil.example/", "/en/"),
    ],
)
def test_a_slash_at_the_end_leads_to_the_page(api, path, leads_to):
    with socket.create_connection(("127.0.0.1", api.port)) as connection:  # httpx would tidy some of these up
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nConnection: close\r\n\r\n".encode())
        head = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")[0].decode()
    assert head.startswith("HTTP/1.1 303")
    assert f"location: {leads_to}\r\n" in head + "\r\n"


def test_what_does_not_exist_is_a_page_with_a_search(api):
    for path in ("/bai-du-thi/khong-co", "/bai-du-thi/<b>", "/gi-do", "/bai-du-thi/" + "x" * 3000):
        page = api.client.get(path, headers=BROWSER)
        assert page.status_code == 404
        assert page.headers["cache-control"] == "no-store"
        assert 'role="search"' in page.text
        assert "<b>" not in page.text
    assert api.client.get("/api/nothing", headers=BROWSER).json()["code"] == "not_found"
