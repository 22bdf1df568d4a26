"""The public log of corrections: what everybody may know, in both languages, without a ledger behind it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis

from models.ballot_box.keys import site_key
from tests.api.contest import CONTEST_ID, open_contest
from tests.api.running import RunningApi

Start = Callable[..., RunningApi]


def line(**changes: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "at": 1_795_000_000_000,
        "action": "void",
        "votes": 1_234,
        "by_entry": {"1": 1_200, "99": 34},
        "whole": True,
        "undoes": None,
        "reason": "Phiếu do máy gửi <b>.",
        "reason_en": "Sent by a machine.",
        "proposed_by": "moderator",
        "approved_by": "admin",
    } | changes


@pytest.fixture
def publish(box: str, start_api: Start) -> Callable[..., RunningApi]:
    def put(*lines: dict[str, Any], **contest: Any) -> RunningApi:
        document = open_contest(box, **contest) | {"corrections": list(lines)}
        with redis.Redis.from_url(box) as client:
            client.set(site_key(CONTEST_ID), json.dumps(document))
        api = start_api(box)
        api.wait_ready()
        return api

    return put


def test_nothing_yet(publish: Callable[..., RunningApi]) -> None:
    api = publish()
    assert api.client.get("/api/corrections").json() == {"corrections": []}
    assert "Chưa có lần loại phiếu nào" in api.client.get("/nhat-ky-loai-phieu").text
    assert 'href="/nhat-ky-loai-phieu"' in api.client.get("/").text


def test_a_void_that_was_turned_back_in_part(publish: Callable[..., RunningApi]) -> None:
    api = publish(line(id=2, action="restore", votes=34, undoes=1, by_entry={"99": 34}, reason="Loại nhầm."), line())
    newest, void = api.client.get("/api/corrections").json()["corrections"]
    assert (newest["undoes"], newest["turned_back"], void["turned_back"]) == (1, 0, 34)
    assert void["entries"] == [{"entry_id": 1, "votes": 1_200}, {"entry_id": 99, "votes": 34}]
    assert void["at"].endswith("Z")
    page = api.client.get("/nhat-ky-loai-phieu").text
    assert "Loại 1.234 phiếu" in page
    assert "Sau đó 34 phiếu trong số này đã được khôi phục" in page
    assert "Phiếu do máy gửi &lt;b&gt;." in page
    assert "Bài dự thi số 99 (không còn được đăng)" in page
    assert page.index("Khôi phục 34 phiếu") < page.index("Loại 1.234 phiếu")


def test_counts_of_entries_obey_the_result_policy(publish: Callable[..., RunningApi]) -> None:
    api = publish(line(), result_policy="hidden")
    (void,) = api.client.get("/api/corrections").json()["corrections"]
    assert (void["votes"], [entry["votes"] for entry in void["entries"]]) == (1_234, [None, None])
    page = api.client.get("/nhat-ky-loai-phieu").text
    assert "1.200" not in page
    assert "1.234" in page


def test_the_english_page_has_the_english_reason_where_there_is_one(publish: Callable[..., RunningApi]) -> None:
    api = publish(line(id=2, reason_en=""), line())
    page = api.client.get("/en/nhat-ky-loai-phieu").text
    assert "Sent by a machine." in page
    assert "Phiếu do máy gửi &lt;b&gt;." in page
