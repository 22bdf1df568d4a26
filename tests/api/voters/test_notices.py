"""Help, privacy and how to recognise the site: cached pages that say what the code does."""

import html
import re
from typing import Any

import pytest

from models.agreement import VERSIONS
from tests.api.contest import open_contest
from tests.api.running import RunningApi
from tests.api.voters.markup import BROWSER, parsed
from tests.servers import empty_valkey

PAGES = ("/tro-giup", "/rieng-tu", "/nhan-biet")


@pytest.fixture
def started(start_api: Any, box: str) -> Any:
    """An API on a contest with these fields."""

    def start(**contest: Any) -> RunningApi:
        open_contest(box, **contest)
        api: RunningApi = start_api(box, public_origin="http://binhchon.example.vn")
        api.wait_ready()
        return api

    yield start
    empty_valkey(box)


@pytest.mark.parametrize("prefix", ["", "/en"])
@pytest.mark.parametrize("path", PAGES)
def test_they_are_whole_and_the_same_for_everyone(api: RunningApi, token: str, path: str, prefix: str) -> None:
    page = api.client.get(prefix + path, headers=BROWSER)
    assert page.status_code == 200
    assert "public" in page.headers["cache-control"]
    assert page.headers["etag"]
    parsed(page)
    logged_in = api.client.get(prefix + path, headers=BROWSER | {"Cookie": f"session={token}"})
    assert logged_in.content == page.content
    assert "0208 0000000" in page.text


def test_help_has_the_five_steps_the_form_and_what_scammers_ask_for(api: RunningApi) -> None:
    page = api.client.get("/tro-giup").text
    assert page.split('class="steps"')[1].split("</ol>")[0].count("<li>") == 5
    assert 'method="post" action="/tro-giup/mat-phieu"' in page
    for name in ("chuyen", "bai", "luc", "ma", "lien-he"):
        assert f'<label for="{name}">' in page
        assert f'name="{name}"' in page
    for words in ("mã bình chọn", "lừa đảo", "thư rác", "Facebook", "JavaScript", "mất phiếu"):
        assert words in page
    assert 'action="/en/tro-giup/mat-phieu"' in api.client.get("/en/tro-giup").text


def test_privacy_names_each_purpose_in_the_version_that_is_agreed_to(api: RunningApi) -> None:
    page = api.client.get("/rieng-tu").text
    shown = re.findall(r'<h3 id="(\w+)">.*?\(bản (\d+)\)', page)
    assert shown == [(purpose.name.lower(), str(version)) for purpose, version in VERSIONS.items()]
    for words in ("91/2025/QH15", "356/2025/NĐ-CP", "2 ngày làm việc", "giám hộ", "rút lại", "địa chỉ mạng (IP)"):
        assert words in page


def test_the_official_address_is_the_setting_s_and_not_the_request_s(started: Any) -> None:
    page = started().client.get("/nhan-biet", headers={"Host": "evil.example"})
    assert "http://binhchon.example.vn" in page.text
    assert "evil.example" not in page.text
    for words in ("Không hỏi mã đăng nhập", "Không thu tiền", "mật khẩu", "cài ứng dụng", "liên kết"):
        assert words in page.text


def test_what_the_organisers_say_is_shown_and_not_run(started: Any) -> None:
    evil = '<script>alert("1")</script>'
    api = started(
        recognise=f"Con dấu {evil}", area=f"tỉnh {evil}", privacy_contact=f"Phòng {evil}", help_line="", organiser=""
    )
    found = {path: api.client.get(path) for path in PAGES}
    assert f"Con dấu {html.escape(evil, quote=False)}" in found["/nhan-biet"].text  # Markdown
    for words in ("tỉnh", "Phòng"):
        assert f"{words} {html.escape(evil, quote=True)}".replace("&quot;", "&#34;") in found["/rieng-tu"].text
    for page in found.values():
        assert "<script>" not in page.text
        parsed(page)


def test_a_contest_that_says_nothing_of_itself_has_them_too(started: Any) -> None:
    api = started(help_line="", organiser="")
    for path in PAGES:
        parsed(api.client.get(path))
    assert "theo thông tin trong văn bản" in api.client.get("/rieng-tu").text
