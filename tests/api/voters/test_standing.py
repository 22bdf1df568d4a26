"""The voters' pages in every state of a contest, and whatever its texts hold.

Each test opens a contest of its own in the session's box, so none here may use the module's `api`.
"""

import json
import re
import time

import pytest
import redis

from models.ballot_box.keys import shard_keys, site_key
from tests.api.contest import CONTEST_ID, DAY_MS, open_contest, set_contest
from tests.api.voters.markup import BROWSER, PATHS, parsed
from tests.servers import empty_valkey, wait_for

BUTTON = 'action="/bai-du-thi/bai-1/binh-chon"'


def publish(url, change):
    """Changes the published document."""
    with redis.Redis.from_url(url) as client:
        document = json.loads(client.get(site_key(CONTEST_ID)))
        change(document)
        client.set(site_key(CONTEST_ID), json.dumps(document))


@pytest.fixture
def started(start_api, box):
    """`started(change, **contest)`: an API on a contest of this test's own, its document changed by `change`."""

    def start(change=None, **contest):
        open_contest(box, **contest)
        if change is not None:
            publish(box, change)
        api = start_api(box)
        api.wait_ready()
        return api

    yield start
    empty_valkey(box)


@pytest.mark.parametrize("path", PATHS)
def test_html_in_any_field_is_shown_and_not_run(started, path):
    evil = "\"><script>alert(1)</script>'&"

    def poison(document):
        for fields in (document["contest"], *document["categories"], *document["entries"]):
            for name, value in fields.items():
                if isinstance(value, str) and name not in ("slug", "category", "result_policy"):
                    fields[name] = evil
        document["contest"]["rules"] = f"1. {evil}\n{evil}"

    page = started(poison).client.get(path, headers=BROWSER)
    assert "<script>" not in page.text
    assert all(" src=" in tag for tag in re.findall("<script[^>]*>", page.text))
    parsed(page)


def test_the_list_is_searched_without_diacritics_and_filtered(started, box):
    api = started()

    def rename(document):
        document["categories"].append({"slug": "y-te", "title": "Y tế", "title_en": ""})
        document["entries"][0]["title"] = "Máy tính cho em"
        document["entries"][1] |= {"title": "Máy tính khám bệnh", "category": "y-te"}

    publish(box, rename)
    wait_for(lambda: "Máy tính cho em" in api.client.get("/binh-chon").text)

    def slugs(address):
        return set(re.findall(r"/bai-du-thi/([a-z0-9-]+)", api.client.get(address).text))

    assert slugs("/binh-chon") == {f"bai-{number}" for number in range(1, 6)}
    assert slugs("/binh-chon?q=may+tinh") == {"bai-1", "bai-2"}
    assert slugs("/binh-chon?q=may+tinh&linh-vuc=y-te") == {"bai-2"}
    assert slugs("/binh-chon?linh-vuc=giao-duc") == {"bai-1", "bai-3", "bai-4", "bai-5"}
    assert slugs("/binh-chon?linh-vuc=khong-co&fbclid=x") == slugs("/binh-chon")
    assert "Tìm thấy 0 bài dự thi cho “khong &lt;co&gt;”" in api.client.get("/binh-chon?q=khong+<co>").text
    assert api.client.get("/binh-chon", params={"q": "a" * 30_000}).status_code == 200


def test_a_search_that_the_reader_has_is_not_sent_again(started):
    api = started()
    wait_for(lambda: 1 < time.time() % 60 < 57)  # the page names the minute
    found = api.client.get("/binh-chon?q=bai")
    assert found.headers["cache-control"].startswith("public, max-age=1, stale-while-revalidate=")
    known = api.client.get("/binh-chon?q=bai", headers={"If-None-Match": found.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"opens_at": DAY_MS}, "Chưa đến thời gian bình chọn"),
        ({"closes_at": -1000}, "Đã kết thúc bình chọn"),
        ({"state": "closed"}, "Đã kết thúc bình chọn"),
        ({"state": "paused"}, "Tạm dừng bình chọn"),
        ({"state": "final"}, "Đã kiểm phiếu, chờ công bố kết quả"),
    ],
)
def test_outside_voting_every_page_says_so_and_the_button_is_gone(started, box, fields, words):
    api = started()
    assert BUTTON in api.client.get("/bai-du-thi/bai-1").text
    now = int(time.time() * 1000)
    set_contest(box, **{name: value if name == "state" else now + value for name, value in fields.items()})
    said = f"<p><strong>{words}.</strong>"
    wait_for(lambda: said in api.client.get("/").text)
    for path in [*PATHS, "/bai-du-thi/bai-1", "/bai-du-thi/bai-1/binh-chon", "/rieng-tu", "/nhan-biet", "/dang-nhap"]:
        page = api.client.get(path, headers=BROWSER).text
        assert said in page, path
        assert BUTTON not in page


def test_voting_closes_on_the_pages_at_its_time_also_while_the_box_is_away(start_api, valkey_factory):
    server = valkey_factory("box")
    open_contest(server.url)
    set_contest(server.url, closes_at=int(time.time() * 1000) + 2_500)
    api = start_api(server.url)
    api.wait_ready()
    assert BUTTON in api.client.get("/bai-du-thi/bai-1").text
    server.kill()
    wait_for(lambda: "<strong>Đã kết thúc bình chọn" in api.client.get("/bai-du-thi/bai-1").text)
    assert BUTTON not in api.client.get("/bai-du-thi/bai-1").text
    assert api.client.get("/health/ready").status_code == 503


def test_results_stand_by_votes_only_where_they_may_be_shown(started, box):
    api = started(result_policy="hidden")
    with redis.Redis.from_url(box) as client:
        client.hset(shard_keys(CONTEST_ID, 0).tally, mapping={5: 1234, 2: 900})
    hidden = api.client.get("/ket-qua").text
    assert "Ban tổ chức chưa công bố số phiếu" in hidden
    assert hidden.partition("<main")[2].partition("</main>")[0].count('href="/nhat-ky-loai-phieu"') == 1
    assert "bai-5" not in hidden
    publish(box, lambda document: document["contest"].update(result_policy="live"))
    wait_for(lambda: "1.234" in api.client.get("/ket-qua").text)
    shown = api.client.get("/ket-qua").text
    assert 'href="/en/nhat-ky-loai-phieu"' in api.client.get("/en/ket-qua").text.partition("<main")[2]
    assert re.findall(r"/bai-du-thi/(bai-\d)", shown) == ["bai-5", "bai-2", "bai-1", "bai-3", "bai-4"]
    assert "chưa phải là kết quả chính thức" in shown
    set_contest(box, state="final")
    wait_for(lambda: "chờ công bố kết quả" in api.client.get("/ket-qua").text)
    assert "chưa phải là kết quả chính thức" in api.client.get("/ket-qua").text


def test_without_a_contest_every_page_says_so(start_api, box):
    api = start_api(box)
    api.wait_ready()
    for path in ("/", "/binh-chon", "/binh-chon?q=x", "/ket-qua", "/the-le", "/tro-giup"):
        page = api.client.get(path, headers=BROWSER)
        assert page.status_code == 200
        assert "Hiện chưa có cuộc thi nào" in page.text
        parsed(page)
    assert api.client.get("/bai-du-thi/bai-1").status_code == 404
    for path in ("/tra-cuu", "/phieu-cua-toi"):
        assert api.client.get(path, headers=BROWSER).status_code == 200


def test_before_the_box_was_ever_read_pages_ask_to_come_back(start_api):
    api = start_api("unix:///nonexistent/box.sock")
    for path in ("/", "/binh-chon", "/binh-chon?q=x", "/bai-du-thi/bai-1"):
        page = api.client.get(path, headers=BROWSER)
        assert page.status_code == 503
        assert page.headers["retry-after"]
        assert "Mời bạn thử lại" in page.text
