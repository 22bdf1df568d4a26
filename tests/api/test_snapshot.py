"""What the API's picture of the box follows: the document, the policy, the state, the contest of the settings.

Each test opens a contest of its own in the session's box, so none here may use the module's `api`.
"""

import json
import time

import pytest
import redis

from models.ballot_box.keys import CONTESTS, shard_keys, site_key
from tests.api.contest import CONTEST_ID, DAY_MS, open_contest, set_contest
from tests.api.running import token_for
from tests.servers import empty_valkey, wait_for

PATHS = [
    *("/api/contest", "/api/entries", "/api/tallies", "/api/corrections", "/nhat-ky-loai-phieu"),
    *("/", "/binh-chon", "/binh-chon?q=bai", "/bai-du-thi/bai-5", "/ket-qua", "/the-le", "/tro-giup", "/tra-cuu"),
]


def test_an_entry_withdrawn_from_the_published_document_goes_from_every_page(start_api, box):
    document = open_contest(box)
    api = start_api(box)
    api.wait_ready()
    before = api.client.get("/api/entries").headers["etag"]
    document["entries"].pop()
    with redis.Redis.from_url(box) as client:
        client.set(site_key(CONTEST_ID), json.dumps(document))
    wait_for(lambda: len(api.client.get("/api/entries").json()["entries"]) == 4)
    assert api.client.get("/api/entries").headers["etag"] != before
    assert list(api.client.get("/api/tallies").json()["tallies"]) == ["1", "2", "3", "4"]
    assert "bai-4" in api.client.get("/binh-chon").text
    assert "bai-5" not in api.client.get("/binh-chon").text
    assert api.client.get("/bai-du-thi/bai-5").status_code == 404


@pytest.mark.parametrize("policy", ["hidden", "live", "published"])  # `published` hides until there are results
def test_the_result_policy_holds_everywhere(start_api, box, policy):
    open_contest(box, result_policy=policy)
    with redis.Redis.from_url(box) as client:
        client.hset(shard_keys(CONTEST_ID, 0).tally, mapping={5: 987_654_321, 1: 3})
    api = start_api(box)
    api.wait_ready()
    tallies = api.client.get("/api/tallies").json()
    answers = [api.client.get(path) for path in [*PATHS, "/metrics", "/openapi.json"]]
    assert {answer.status_code for answer in answers} == {200}
    everything = "".join(answer.text for answer in answers)
    if policy != "live":
        assert (tallies["tallies"], tallies["total"]) == (None, None)
        assert "987654" not in everything
        assert "987.654" not in everything
        assert 'class="count"' not in everything
        tag = api.client.get("/api/tallies").headers["etag"]
        with redis.Redis.from_url(box) as client:
            client.hset(shard_keys(CONTEST_ID, 0).tally, 5, 987_654_322)
        wait_for(lambda: api.client.get("/api/tallies").json()["at"] != tallies["at"])
        assert api.client.get("/api/tallies").headers["etag"] == tag
    else:
        assert tallies["tallies"]["5"] == 987_654_321
        assert everything.count("987.654.321 phiếu") == 4  # home, the list, a search and the entry's page
    assert [entry["id"] for entry in api.client.get("/api/entries").json()["entries"]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("fields", "state", "words"),
    [
        ({"opens_at": DAY_MS}, "open", "Chưa đến thời gian bình chọn"),
        ({"state": "paused"}, "paused", "Tạm dừng bình chọn"),
        ({"closes_at": -1000}, "open", "Đã kết thúc bình chọn"),
        ({"state": "final"}, "final", "Đã kiểm phiếu, chờ công bố kết quả"),
    ],
)
def test_the_page_says_where_the_contest_stands(start_api, box, fields, state, words):
    open_contest(box)
    now = int(time.time() * 1000)
    set_contest(box, **{name: value if name == "state" else now + value for name, value in fields.items()})
    api = start_api(box)
    api.wait_ready()
    assert words in api.client.get("/").text
    assert api.client.get("/api/contest").json()["state"] == state


def test_without_a_contest_the_api_is_ready_and_says_so(start_api, box, logged):
    api = start_api(box)
    api.wait_ready()
    assert "Hiện chưa có cuộc thi nào" in api.client.get("/").text
    assert api.client.get("/api/contest").json()["code"] == "not_found"
    assert api.client.get("/api/entries").json() == {"entries": []}
    assert api.vote(1, token_for(1, time.time())).json()["code"] == "not_ready"
    open_contest(box)
    wait_for(lambda: api.client.get("/api/contest").status_code == 200)
    assert logged.errors == []


def test_a_contest_that_the_box_does_not_have_is_said_once(start_api, box, logged):
    open_contest(box)
    api = start_api(box, contest="khong-co")
    api.wait_ready()
    wait_for(lambda: len([line for line in logged.lines if "CONTEST" in line[1]]) == 1)
    assert "'contest': 'khong-co'" in str(logged.lines)
    with redis.Redis.from_url(box) as client:
        client.hset(CONTESTS, "khong-co", CONTEST_ID)
    wait_for(lambda: api.client.get("/api/contest").status_code == 200)
    assert [level for level, text in logged.lines if "CONTEST" in text] == ["warning"]


def test_the_contest_of_the_settings_is_served_else_the_newest(start_api, box):
    open_contest(box)
    with redis.Redis.from_url(box) as client:
        client.hset(CONTESTS, "older", CONTEST_ID - 1)
    newest, named, unknown = start_api(box), start_api(box, contest="thu"), start_api(box, contest="khac")
    for api in (newest, named, unknown):
        api.wait_ready()
    assert newest.client.get("/api/contest").json()["slug"] == "thu"
    assert named.client.get("/api/contest").json()["slug"] == "thu"
    assert unknown.client.get("/api/contest").status_code == 404
    empty_valkey(box)
