"""Somebody who tries passwords or codes is noticed, whatever names they take."""

import time

import pytest
import redis

from api.operators import guesses
from models.scratch.wrong_tries import note_wrong
from tests.api.operators.entering import PASSWORD, Known, Visitor, audited
from tests.api.running import RunningApi
from tests.workers.contests import Stage


def counted(scratch: str) -> int:
    with redis.Redis.from_url(scratch) as client:
        return sum(int(client.get(key) or 0) for key in client.keys("wrong_tries:*"))


def test_wrong_passwords_and_codes_are_counted_and_right_ones_are_not(
    console: RunningApi, open_contest: Stage, scratch: str
) -> None:
    known = Known(open_contest.engine)
    with Visitor(console) as come:
        come.log_in("lan", "một mật khẩu khác hẳn")
        come.log_in("khong.co", PASSWORD)
        assert counted(scratch) == 2
        come.log_in("lan")
        assert come.post("/operator/second-factor", code="000000").status_code == 422
        assert counted(scratch) == 3
        assert come.post("/operator/second-factor", code=known.code()).status_code == 303
    assert counted(scratch) == 3


def test_a_door_that_is_shut_counts_too(console: RunningApi, open_contest: Stage, scratch: str) -> None:
    Known(open_contest.engine)
    with Visitor(console) as come:
        assert [come.log_in("lan", "một mật khẩu khác hẳn").status_code for _ in range(7)] == [422] * 5 + [429] * 2
    assert counted(scratch) == 7


def test_many_names_make_one_line_each_time_they_are_ten_times_as_many(
    console: RunningApi, open_contest: Stage, scratch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "NOTED", (2, 4))
    with Visitor(console) as come:
        for number in range(6):
            come.log_in(f"ten{number}", "một mật khẩu khác hẳn")
    lines = audited(open_contest.engine, "operator.guesses")
    assert [line[3] for line in lines] == [{"wrong_tries": 2}, {"wrong_tries": 4}]
    assert {line[0] for line in lines} == {"login"}


def test_the_live_view_says_so(console: RunningApi, open_contest: Stage, scratch: str) -> None:
    known = Known(open_contest.engine)
    with redis.Redis.from_url(scratch) as client:
        for _ in range(12):
            note_wrong(client, time.time())
    with Visitor(console) as come:
        page = come.enter(known).get("/operator/").text
        assert "12 lần nhập sai mật khẩu hoặc mã" in page
        assert "/operator/help#guessing" in page
        assert "Hỏi các đồng nghiệp" in come.get("/operator/help").text
