"""Contests in the console: a draft, its checks, the box, its words, its voting time."""

import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from models.contest import Contest, all_contests, contest_by_id, find_contest
from models.database import transaction
from models.decisions import in_force
from models.operator import Role
from models.outcomes import Outcome
from models.times import VIETNAM
from tests.api.operators.desk import SOON_S, Desk, form_in
from tests.api.running import RunningApi
from tests.servers import wait_for
from tests.workers.contests import KEYS, Stage
from workers.repair import repair
from workers.ticker import Ticker

DAY = timedelta(days=1)
TEXTS = {"organiser": "Sở minh hoạ", "privacy_contact": "dulieu@example.vn", "rules": "Điều 1.\n\nĐiều 2."}


def local(moment: datetime) -> str:
    """As the field of a browser has it."""
    return moment.astimezone(VIETNAM).strftime("%Y-%m-%dT%H:%M")


def window(opens: timedelta = -DAY, closes: timedelta = DAY) -> dict[str, str]:
    now = datetime.now(UTC)
    return {"opens_at": local(now + opens), "closes_at": local(now + closes)}


@pytest.fixture
def admin(desk: Callable[..., Desk]) -> Desk:
    return desk(Role.ADMIN, "hoa")


def create(admin: Desk, **changes: str) -> int:
    new = {"title": "Cuộc thi mới", "result_policy": "live", "shards": "1"} | window() | changes
    answer = admin.post("/operator/contests/new", new)
    assert answer.status_code == 303, answer.text
    return int(re.findall(r"\d+", answer.headers["location"])[0])


def contest(made: Stage, contest_id: int | None = None) -> Contest:
    with transaction(made.engine) as connection:
        return contest_by_id(connection, contest_id or made.contest_id)


def seen(admin: Desk, path: str) -> dict[str, str]:
    """What the form at `path` sends when nothing is typed."""
    return form_in(admin.get(path))


def test_a_draft_is_nobodys_contest_until_it_is_put_into_the_box(
    console: RunningApi, open_contest: Stage, admin: Desk, scratch: str
) -> None:
    contest_id = create(admin, **TEXTS)
    draft = contest(open_contest, contest_id)
    assert (draft.draft, draft.key_fingerprint, draft.slug) == (True, KEYS.fingerprint(), "cuoc-thi-moi")
    with transaction(open_contest.engine) as connection:
        assert find_contest(connection, None).id == open_contest.contest_id
    ticker = Ticker(open_contest.engine, open_contest.client, None)  # type: ignore[arg-type]  # what is tried asks no scratch
    ticker._read_contests()
    assert ticker._current().id == open_contest.contest_id  # type: ignore[union-attr]

    told = admin.get(f"/operator/contests/{contest_id}").text
    assert "Chưa có lĩnh vực nào." in told
    assert "Chưa có bài dự thi nào" in told
    refused = admin.post(f"/operator/contests/{contest_id}/publish", {"sure": "1"})
    assert refused.status_code == 422
    assert contest(open_contest, contest_id).draft

    admin.post("/operator/categories", {"contest": str(contest_id), "title": "Chung"})
    made = admin.post("/operator/entries/new", {"contest": str(contest_id), "title": "Bài một", "category": "chung"})
    entry_id = re.findall(r"entries/(\d+)", made.headers["location"])[0]
    admin.post(f"/operator/entries/{entry_id}/publish", {"version": "1"})
    assert console.client.get("/api/contest").json()["slug"] == "thu", "nothing of the draft is on the site"
    unsure = admin.post(f"/operator/contests/{contest_id}/publish")
    assert unsure.status_code == 422
    assert admin.post(f"/operator/contests/{contest_id}/publish", {"sure": "1"}).status_code == 303
    assert "Đang chờ hòm phiếu" in admin.get(f"/operator/contests/{contest_id}").text
    repair(open_contest.engine, open_contest.client, contest_id, KEYS, unless_open=True)
    assert in_force(open_contest.client, contest(open_contest, contest_id))
    assert "Đã có hiệu lực" in admin.get(f"/operator/contests/{contest_id}").text
    wait_for(lambda: console.client.get("/api/contest").json()["slug"] == "cuoc-thi-moi", SOON_S, "the newest is shown")
    again = admin.post(f"/operator/contests/{contest_id}/publish", {"sure": "1"})
    assert again.status_code == 422
    lines = open_contest.rows(f"SELECT action FROM audit WHERE contest_id = {contest_id} ORDER BY id")
    assert [action for (action,) in lines][-1] == "contest.publish"


def test_putting_into_the_box_is_asked_of_a_worker_at_once(open_contest: Stage, admin: Desk, scratch: str) -> None:
    contest_id = create(admin, **TEXTS)
    admin.post("/operator/categories", {"contest": str(contest_id), "title": "Chung"})
    made = admin.post("/operator/entries/new", {"contest": str(contest_id), "title": "Bài", "category": "chung"})
    entry_id = re.findall(r"entries/(\d+)", made.headers["location"])[0]
    admin.post(f"/operator/entries/{entry_id}/publish", {"version": "1"})
    admin.post(f"/operator/contests/{contest_id}/publish", {"sure": "1"})
    with redis.Redis.from_url(scratch) as client:
        [job] = Queue("books", connection=client, serializer=JSONSerializer).get_jobs()
        assert (job.func_name, list(job.args)) == ("workers.jobs.repair", [contest_id])


def test_what_is_wrong_with_a_contest_is_said_and_nothing_is_lost(open_contest: Stage, admin: Desk) -> None:
    long = "Rất dài. " * 6_000
    typed = {"title": "", "rules": long, "shards": "x", "organiser": "Sở minh hoạ"} | window(DAY, -DAY)
    answer = admin.post("/operator/contests/new", typed)
    assert answer.status_code == 422
    for said in ("Tên cuộc thi: chưa nhập.", "dài quá 50000 ký tự", "phải là một số nguyên", "phải sau lúc bắt đầu"):
        assert said in answer.text, said
    assert long.strip() in answer.text
    assert typed["opens_at"] in answer.text
    taken = admin.post(
        "/operator/contests/new", {"title": "Thử", "slug": "thu", "result_policy": "live", "shards": "1"} | window()
    )
    assert "Tên ngắn: đã có." in taken.text
    with transaction(open_contest.engine) as connection:
        assert len(all_contests(connection)) == 1


def test_words_of_a_live_contest_change_on_the_site_and_its_window_does_not(
    console: RunningApi, open_contest: Stage, admin: Desk
) -> None:
    before = contest(open_contest)
    form = seen(admin, "/operator/contests/1/edit")
    assert "opens_at" not in form
    answer = admin.post(
        "/operator/contests/1/edit", form | {"title": "Tên mới", "rules": "Điều mới"} | window(DAY, DAY * 2)
    )
    assert answer.status_code == 303
    now = contest(open_contest)
    assert (now.title, now.texts["rules"]) == ("Tên mới", "Điều mới")
    assert (now.opens_at, now.closes_at, now.version) == (before.opens_at, before.closes_at, before.version + 1)
    wait_for(lambda: "Điều mới" in console.client.get("/the-le").text, SOON_S, "the rules are on the site")


def test_two_editors_of_a_contest(open_contest: Stage, admin: Desk, desk: Callable[..., Desk]) -> None:
    second = desk(Role.ADMIN, "minh")
    form = seen(admin, "/operator/contests/1/edit")
    admin.post("/operator/contests/1/edit", form | {"title": "Của Hoa"})
    told = second.post("/operator/contests/1/edit", form | {"title": "Của Minh", "rules": "Minh viết"})
    assert told.status_code == 422
    for said in ("Người khác đã sửa", "hoa", "Của Hoa", "Của Minh", "Minh viết"):
        assert said in told.text
    assert contest(open_contest).title == "Của Hoa"
    fresh = re.findall(r'name="seen" value="(\w+)"', told.text)[0]
    second.post("/operator/contests/1/edit", form | {"title": "Của Minh", "seen": fresh})
    assert contest(open_contest).title == "Của Minh"


def test_of_two_editors_of_a_contest_each_keeps_what_only_they_changed(
    open_contest: Stage, admin: Desk, desk: Callable[..., Desk]
) -> None:
    second = desk(Role.ADMIN, "minh")
    form = seen(admin, "/operator/contests/1/edit")
    admin.post("/operator/contests/1/edit", form | {"title": "Của Hoa", "organiser": "Hoa đổi"})
    told = second.post("/operator/contests/1/edit", form | {"title": "Của Minh", "rules": "Minh viết"})
    assert told.status_code == 422
    again = form_in(told)
    assert (again["title"], again["organiser"], again["rules"]) == ("Của Minh", "Hoa đổi", "Minh viết")
    assert second.post("/operator/contests/1/edit", again).status_code == 303
    now = contest(open_contest)
    assert (now.title, now.texts["organiser"], now.texts["rules"]) == ("Của Minh", "Hoa đổi", "Minh viết")


def test_of_two_who_move_the_voting_time_the_second_moves_only_what_they_touched(
    open_contest: Stage, admin: Desk, desk: Callable[..., Desk]
) -> None:
    path, before, second = "/operator/contests/1/window", contest(open_contest), desk(Role.ADMIN, "minh")
    form = seen(admin, path)
    later = {"closes_at": local(before.closes_at + DAY), "why": "Kéo dài", "sure": "1"}
    assert admin.post(path, form | later).status_code == 303
    earlier = local(before.opens_at - DAY)
    again = form_in(second.post(path, form | {"opens_at": earlier, "why": "Mở sớm"}))
    assert (again["opens_at"], again["closes_at"], again["why"]) == (earlier, later["closes_at"], "Mở sớm")


def test_an_entry_published_meanwhile_disturbs_no_editor_of_the_contest(open_contest: Stage, admin: Desk) -> None:
    form = seen(admin, "/operator/contests/1/edit")
    admin.post("/operator/entries/1/move", {"step": "down"})
    assert admin.post("/operator/contests/1/edit", form | {"title": "Tên mới"}).status_code == 303


def test_the_voting_time_moves_in_two_steps(console: RunningApi, open_contest: Stage, admin: Desk) -> None:
    path, before = "/operator/contests/1/window", contest(open_contest)
    votes = open_contest.cast_many(3)
    later = {"closes_at": local(before.closes_at + DAY), "opens_at": local(before.opens_at)}
    form = seen(admin, path) | later
    assert "Lý do: chưa nhập." in admin.post(path, form).text
    asked = admin.post(path, form | {"why": "Mất điện ngày 3"})
    assert asked.status_code == 200
    assert "Bình chọn kéo dài hơn đã công bố." in asked.text
    assert (before.closes_at + DAY).astimezone(VIETNAM).strftime("%H:%M ngày %d/%m/%Y") in asked.text
    assert contest(open_contest).closes_at == before.closes_at, "not before it is confirmed"
    assert admin.post(path, form | {"why": "Mất điện ngày 3", "sure": "1"}).status_code == 303
    now = contest(open_contest)
    assert now.opens_at == before.opens_at, "the seconds of what was not touched stay"
    assert abs(now.closes_at - before.closes_at - DAY) < timedelta(minutes=1)
    assert "Đã có hiệu lực" in admin.get("/operator/contests/1").text
    [(why,)] = open_contest.rows("SELECT why FROM audit WHERE action = 'contest.window'")
    assert why == "Mất điện ngày 3"
    assert open_contest.cast(*votes) == [Outcome.ALREADY_VOTED] * 3
    stale = admin.post(path, form | {"why": "Một lần nữa", "sure": "1"})
    assert "Người khác vừa đổi thời gian" in stale.text


def test_an_end_in_the_past_closes_for_ever(console: RunningApi, open_contest: Stage, admin: Desk) -> None:
    path = "/operator/contests/1/window"
    votes = open_contest.cast_many(2)
    form = seen(admin, path) | {"closes_at": local(datetime.now(UTC) - timedelta(minutes=5)), "why": "Dừng hẳn"}
    assert "vĩnh viễn" in admin.post(path, form).text
    assert admin.post(path, form | {"sure": "1"}).status_code == 303
    numbers = itertools.count(100)
    wait_for(lambda: open_contest.cast((next(numbers), 2)) == [Outcome.CLOSED], 5.0, "it is closed")
    assert open_contest.cast(*votes) == [Outcome.ALREADY_VOTED] * 2
    tomorrow = seen(admin, path) | {"closes_at": local(datetime.now(UTC) + DAY), "why": "Mở lại", "sure": "1"}
    refused = admin.post(path, tomorrow)
    assert refused.status_code == 422
    assert "không thay đổi được nữa" in refused.text
    assert open_contest.cast((6, 2)) == [Outcome.CLOSED]


def test_what_a_window_cannot_be(open_contest: Stage, admin: Desk) -> None:
    path = "/operator/contests/1/window"
    form = seen(admin, path) | {"why": "Thử"}
    for change, said in (
        (window(DAY * 2, DAY), "Lúc kết thúc phải sau"),
        ({}, "chưa khác gì"),
        ({"closes_at": ""}, "chưa đúng ngày giờ"),
        ({"closes_at": "2026-02-30T00:00"}, "chưa đúng ngày giờ"),
        ({"closes_at": "9999-01-01T00:00"}, "năm phải từ"),
    ):
        answer = admin.post(path, form | change | {"sure": "1"})
        assert answer.status_code == 422, change
        assert said in answer.text, change
    stops = admin.post(path, form | window(DAY, DAY * 2))
    assert "ngừng ngay lập tức" in stops.text


def test_preview_of_a_draft(admin: Desk, console: RunningApi) -> None:
    contest_id = create(admin, rules="Chưa ai thấy", organiser="Sở minh hoạ")
    for page in ("home", "rules", "list", "recognise", "privacy"):
        answer = admin.get(f"/operator/contests/{contest_id}/preview/{page}")
        assert answer.status_code == 200, page
        assert "Cuộc thi mới" in answer.text
    assert "Chưa ai thấy" in admin.get(f"/operator/contests/{contest_id}/preview/rules").text
    assert admin.get(f"/operator/contests/{contest_id}/preview/khong-co").status_code == 404
