"""The switches of the console, each from the button to what voters get."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from api.sessions import Session, Sessions
from models.database import transaction
from models.event import Proof
from models.late_lines import write_late_lines
from models.operator import Role
from models.proof_of_work import STEPS
from models.scratch import late_lines
from models.scratch.connection import ScratchClient, scratch_client
from models.scratch.switches import stands_on
from tests.api.operators.desk import SOON_S, Desk
from tests.api.running import AWAY_DATABASE, RunningApi, new_account
from tests.servers import wait_for
from tests.workers.contests import KEYS, Stage

PATH = "/operator/switches"


@pytest.fixture
def moderator(desk: Callable[..., Desk]) -> Desk:
    return desk(Role.MODERATOR, "lan")


@pytest.fixture
def admin(desk: Callable[..., Desk]) -> Desk:
    return desk(Role.ADMIN, "hoa")


@pytest.fixture
def client(scratch: str) -> Iterator[ScratchClient]:
    with closing(scratch_client(scratch)) as made:
        yield made


@pytest.fixture
def second(console: RunningApi) -> Iterator[RunningApi]:
    """Another API process on the same stores."""
    running = RunningApi(console.settings)
    running.wait_ready()
    yield running
    running.stop()


def token() -> str:
    now = int(time.time())
    return Sessions(KEYS).mint(Session(1, new_account(), Proof.EMAIL, now - 10, now + 3600))


def throw(by: Desk, which: str, **fields: str) -> httpx.Response:
    return by.post(f"{PATH}/{which}", {"why": "Thử"} | fields)


def thrown(by: Desk, which: str, **fields: str) -> None:
    answer = throw(by, which, **fields)
    assert answer.status_code == 303, answer.text


def audited(made: Stage) -> list[tuple[Any, ...]]:
    return made.rows("SELECT operator, action, before, after, why FROM audit ORDER BY id")


def test_every_process_knows_within_a_second(console: RunningApi, second: RunningApi, moderator: Desk) -> None:
    for number in range(3):
        began = time.monotonic()
        thrown(moderator, "banner", banner=f"Lần {number}")
        for api in (console, second):
            wait_for(lambda api=api, n=number: f"Lần {n}" in api.client.get("/the-le").text, SOON_S, "the banner")  # type: ignore[misc]
        print(f"both processes after {time.monotonic() - began:.2f} s")  # noqa: T201 - a measurement


def test_voting_is_paused_and_goes_on(console: RunningApi, open_contest: Stage, moderator: Desk) -> None:
    vote = token()
    assert console.vote(1, vote).status_code == 201
    thrown(moderator, "voting", to="paused", why="Kiểm tra")
    answer = console.vote(2, token())
    assert (answer.status_code, answer.json()["code"]) == (403, "paused")
    assert console.vote(1, vote).json()["status"] == "already_voted"
    page = moderator.get(PATH).text
    for said in ("Đang tạm dừng", "Đã có hiệu lực", "Lần gần nhất: lan", "Kiểm tra"):
        assert said in page
    wait_for(lambda: "Tạm dừng bình chọn" in console.client.get("/").text, SOON_S, "pages say so")
    thrown(moderator, "voting", to="paused", why="Lần nữa")
    thrown(moderator, "voting", to="open", why="Xong")
    assert console.vote(2, token()).status_code == 201
    assert throw(moderator, "voting", to="open").status_code == 422
    lines = [line for line in audited(open_contest) if line[1] == "switch.voting"]
    assert lines == [
        ("lan", "switch.voting", {"state": "open"}, {"state": "paused"}, "Kiểm tra"),
        ("lan", "switch.voting", {"state": "paused"}, {"state": "open"}, "Xong"),
    ]


@pytest.fixture
def without_ledger(console: RunningApi) -> Iterator[RunningApi]:
    away = type(console.settings.database_url)(AWAY_DATABASE)
    running = RunningApi(console.settings.model_copy(update={"database_url": away}))
    running.wait_ready()
    yield running
    running.stop()


def test_pausing_works_without_the_ledger_and_is_told_once_when_it_is_back(
    console: RunningApi, without_ledger: RunningApi, open_contest: Stage, scratch: str, client: ScratchClient
) -> None:
    with closing(Desk(without_ledger, open_contest.engine, scratch, Role.MODERATOR, "lan")) as lan:
        assert "Sổ phiếu (PostgreSQL) không trả lời" in lan.get(PATH).text
        answer = throw(lan, "voting", to="paused", why="Gấp")
        assert answer.headers["location"] == f"{PATH}?done=late"
        assert console.vote(1, token()).json()["code"] == "paused"
        page = lan.get(answer.headers["location"]).text
        assert "Đã dừng trên hòm phiếu" in page
        assert "Nhận phiếu trở lại" in page
        nothing = throw(lan, "banner", banner="Xin chào", why="Thử")
        assert nothing.status_code == 422
        assert "Xin chào" not in console.client.get("/").text
        thrown(lan, "sms", to="off", why="Tốn tiền")
        assert not stands_on(client, "sms")
    kept = client.lindex(late_lines.LATE, 0)
    write_late_lines(open_contest.engine, client)
    client.lpush(late_lines.LATE, kept)  # as if it had died before it dropped the line
    write_late_lines(open_contest.engine, client)
    lines = [line for line in audited(open_contest) if line[0] == "lan"]
    assert [(line[1], line[4]) for line in lines] == [("switch.voting", "Gấp"), ("switch.sms", "Tốn tiền")]
    assert client.llen(late_lines.LATE) == 0


def test_a_stop_on_the_box_alone_is_audited_when_it_is_taken_over(open_contest: Stage) -> None:
    open_contest.pause()
    assert audited(open_contest)[-1][:4] == ("system", "box.stop", {"state": "open"}, {"state": "paused"})


def test_the_banner_stands_on_every_page(console: RunningApi, moderator: Desk) -> None:
    thrown(moderator, "banner", banner="Bảo trì <b>lúc 22 giờ</b>", banner_en="Maintenance at 10 pm")
    wait_for(lambda: "Bảo trì" in console.client.get("/").text, SOON_S, "the banner")
    for path in ("/", "/binh-chon", "/bai-du-thi/bai-1", "/the-le", "/tro-giup", "/dang-nhap", "/tra-cuu", "/khong-co"):
        text = console.client.get(path, headers={"accept": "text/html"}).text
        assert "Bảo trì &lt;b&gt;lúc 22 giờ" in text, path
    assert "Maintenance at 10 pm" in console.client.get("/en/").text
    told = console.client.get("/api/contest").json()["switches"]
    assert told == {"banner": "Bảo trì <b>lúc 22 giờ</b>", "banner_en": "Maintenance at 10 pm", "login_closed": False}
    long = throw(moderator, "banner", banner="x" * 301, why="Giữ lại")
    assert long.status_code == 422
    assert "x" * 301 in long.text
    assert "Giữ lại" in long.text
    thrown(moderator, "banner", banner="")
    wait_for(lambda: "Bảo trì" not in console.client.get("/").text, SOON_S, "it is gone")


def test_logins_are_closed_and_whoever_is_in_goes_on(console: RunningApi, moderator: Desk) -> None:
    vote = token()
    thrown(moderator, "login", to="closed")
    wait_for(lambda: "Tạm dừng đăng nhập" in console.client.get("/").text, SOON_S, "pages say so")
    own = {"Sec-Fetch-Site": "same-origin"}
    asked = {"kind": "email", "identity": "an@example.vn", "altcha": "x"}
    refused = console.client.post("/api/login/code", json=asked, headers=own)
    assert (refused.status_code, refused.json()["code"]) == (403, "login_closed")
    assert console.vote(1, vote).status_code == 201
    assert "Mở lại đăng nhập" in moderator.get(PATH).text
    thrown(moderator, "login", to="open")
    wait_for(lambda: "Tạm dừng đăng nhập" not in console.client.get("/").text, SOON_S, "it is open")
    again = console.client.post("/api/login/code", json=asked, headers=own)
    assert again.json()["code"] == "invalid", "only the proof of work is wrong now"


def test_every_voter_is_logged_out_by_an_admin(
    console: RunningApi, second: RunningApi, open_contest: Stage, moderator: Desk, admin: Desk
) -> None:
    before = token()
    assert console.vote(1, before).status_code == 201
    assert throw(moderator, "sessions", to="ended").status_code == 403
    assert second.vote(1, before).status_code == 200
    thrown(admin, "sessions", to="ended")
    for api in (console, second):
        wait_for(lambda api=api: api.vote(1, before).status_code == 401, SOON_S)  # type: ignore[misc]
    now = int(time.time())
    later = Sessions(KEYS).mint(Session(1, new_account(), Proof.EMAIL, now + 1, now + 3600))
    assert console.vote(1, later).status_code == 201, "who logs in again goes on"
    assert audited(open_contest)[-1][1] == "switch.sessions"
    open_contest.repair()
    wait_for(lambda: console.vote(1, later).status_code == 200, SOON_S)
    assert console.vote(1, before).status_code == 401, "a repair gives nobody a session back"


def test_counts_are_hidden_and_shown_by_an_admin_only(
    console: RunningApi, open_contest: Stage, moderator: Desk, admin: Desk
) -> None:
    open_contest.cast_many(7)
    assert throw(moderator, "counts", to="hidden").status_code == 403
    thrown(admin, "counts", to="hidden")
    wait_for(lambda: console.client.get("/api/tallies").json()["tallies"] is None, SOON_S, "hidden")
    assert 'data-count="' not in console.client.get("/bai-du-thi/bai-1").text
    thrown(admin, "counts", to="live")
    wait_for(lambda: console.client.get("/api/tallies").json()["total"] == 7, SOON_S, "shown")
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql("UPDATE contests SET result_policy = 'published'")
    assert throw(admin, "counts", to="hidden").status_code == 422
    assert open_contest.contest.result_policy == "published"


def test_the_proof_of_work_has_a_floor(console: RunningApi, moderator: Desk) -> None:
    def asked() -> str:
        parameters = console.client.get("/api/login/challenge").json()["parameters"]
        return str(parameters["keyPrefix"])

    assert asked() == STEPS[0].prefix
    thrown(moderator, "proof", to="3")
    wait_for(lambda: asked() == STEPS[3].prefix, SOON_S, "more work")
    assert throw(moderator, "proof", to="9").status_code == 422
    thrown(moderator, "proof", to="0")
    wait_for(lambda: asked() == STEPS[0].prefix, SOON_S, "as before")


def test_the_sms_are_stopped(open_contest: Stage, moderator: Desk, client: ScratchClient) -> None:
    thrown(moderator, "sms", to="off")
    assert not stands_on(client, "sms")
    assert "Bật tin nhắn SMS" in moderator.get(PATH).text
    thrown(moderator, "sms", to="on")
    assert stands_on(client, "sms")
    assert [line[1] for line in audited(open_contest)[-2:]] == ["switch.sms", "switch.sms"]


@pytest.mark.parametrize("which", ["voting", "banner", "login", "sms", "proof", "counts", "sessions"])
def test_nothing_is_thrown_without_a_reason_or_a_choice(open_contest: Stage, admin: Desk, which: str) -> None:
    before = open_contest.contest
    choices = {
        "voting": "paused",
        "login": "closed",
        "sms": "off",
        "proof": "2",
        "counts": "hidden",
        "sessions": "ended",
    }
    choice = choices.get(which, "")
    assert throw(admin, which, to=choice, banner="Xin chào", why="").status_code == 422
    if which != "banner":
        assert throw(admin, which, to="lung tung").status_code == 422
    assert open_contest.contest == before
