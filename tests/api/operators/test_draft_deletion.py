"""Drafts are deleted by an admin; what voters have seen is not."""

import json
import re
from collections.abc import Callable

import pytest
from sqlalchemy import text

from models.database import transaction
from models.operator import Role
from tests.api.operators.desk import Desk
from tests.workers.contests import Stage

NEW = {"title": "Máy lọc nước", "category": "chung", "text": "Dòng một."}
CONTEST = {
    "title": "Cuộc thi mới",
    "result_policy": "live",
    "shards": "1",
    "opens_at": "2031-11-05T00:00",
    "closes_at": "2031-11-21T00:00",
}


@pytest.fixture
def admin(desk: Callable[..., Desk]) -> Desk:
    return desk(Role.ADMIN, "hoa")


def made(desk: Desk, path: str, fields: dict[str, str]) -> str:
    """The page of what was made."""
    answer = desk.post(path, fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("?")[0]


def deleted(stage: Stage, action: str) -> list[tuple[str, str, dict[str, str]]]:
    return [tuple(row) for row in stage.rows(f"SELECT operator, subject, before FROM audit WHERE action = '{action}'")]


def test_a_draft_of_an_entry(open_contest: Stage, admin: Desk) -> None:
    page = made(admin, "/operator/entries/new", NEW)
    assert f'href="{page}/delete"' in admin.get(page).text
    asked = admin.get(f"{page}/delete").text
    assert "không lấy lại được" in asked
    version = re.findall(r'name="version" value="(\d+)"', asked)[0]
    answer = admin.post(f"{page}/delete", {"version": version})
    assert answer.headers["location"] == f"/operator/entries?contest={open_contest.contest_id}&done=deleted"
    assert "Đã xoá bản nháp." in admin.get(answer.headers["location"]).text
    assert admin.get(page).status_code == 404
    assert admin.post(f"{page}/delete", {"version": version}).status_code == 404
    [(operator, subject, before)] = deleted(open_contest, "entry.delete")
    assert (operator, subject) == ("hoa", f"entry:{page.rpartition('/')[2]}")
    assert before["text"] == "Dòng một."
    assert made(admin, "/operator/entries/new", NEW) != page, "its id is not given again"


def test_what_was_published_stays(open_contest: Stage, admin: Desk) -> None:
    page = made(admin, "/operator/entries/new", NEW)
    admin.post(f"{page}/publish", {"version": "1"})
    for wrong in (page, "/operator/entries/1"):
        assert f'href="{wrong}/delete"' not in admin.get(wrong).text
        assert admin.get(f"{wrong}/delete").status_code == 409
        assert admin.post(f"{wrong}/delete", {"version": "2"}).status_code == 409
        assert admin.get(wrong).status_code == 200
    admin.post(f"{page}/withdraw", {"version": "2", "why": "Tác giả xin rút"})
    assert admin.post(f"{page}/delete", {"version": "3"}).status_code == 409
    assert deleted(open_contest, "entry.delete") == []


def test_a_draft_that_votes_name_stays(open_contest: Stage, admin: Desk) -> None:
    """None can, but for a ledger that somebody has altered by hand."""
    page = made(admin, "/operator/entries/new", NEW)
    with transaction(open_contest.engine) as connection:
        connection.execute(
            text("INSERT INTO tallies (contest_id, shard, entry_id, votes) VALUES (:contest, 0, :entry, 0)"),
            {"contest": open_contest.contest_id, "entry": int(page.rpartition("/")[2])},
        )
    assert admin.post(f"{page}/delete", {"version": "1"}).status_code == 409


def test_what_another_has_changed_meanwhile_stays(admin: Desk) -> None:
    page = made(admin, "/operator/entries/new", NEW)
    admin.post(page, NEW | {"version": "1", "text": "Viết thêm nhiều."})
    answer = admin.post(f"{page}/delete", {"version": "1"})
    assert answer.status_code == 409
    assert "Người khác vừa sửa" in answer.text
    assert admin.get(page).status_code == 200


def test_a_draft_of_a_contest_goes_with_all_that_is_in_it(open_contest: Stage, admin: Desk) -> None:
    page = made(admin, "/operator/contests/new", CONTEST)
    contest_id = page.rpartition("/")[2]
    admin.post("/operator/categories", {"contest": contest_id, "title": "Chung"})
    entry = made(admin, "/operator/entries/new", NEW | {"contest": contest_id})
    admin.post(f"{entry}/publish", {"version": "1"})
    assert f'href="{page}/delete"' in admin.get(page).text
    assert "1 lĩnh vực và 1 bài dự thi" in admin.get(f"{page}/delete").text
    answer = admin.post(f"{page}/delete")
    assert answer.headers["location"] == "/operator/contests?done=deleted"
    assert "Đã xoá bản nháp của cuộc thi." in admin.get(answer.headers["location"]).text
    assert admin.get(page).status_code == 404
    assert admin.get(entry).status_code == 404
    for table in ("contests WHERE id", "categories WHERE contest_id", "entries WHERE contest_id"):
        assert open_contest.rows(f"SELECT count(*) FROM {table} = {contest_id}") == [(0,)], table
    [(operator, subject, before)] = deleted(open_contest, "contest.delete")
    assert (operator, subject) == ("hoa", f"contest:{contest_id}")
    assert (before["title"], before["entries"]) == ("Cuộc thi mới", "1")
    assert made(admin, "/operator/contests/new", CONTEST) != page, "its id is not given again"


def test_a_contest_that_was_in_the_box_stays(open_contest: Stage, admin: Desk) -> None:
    page = f"/operator/contests/{open_contest.contest_id}"
    assert f"{page}/delete" not in admin.get(page).text
    assert admin.get(f"{page}/delete").status_code == 409
    assert admin.post(f"{page}/delete").status_code == 409
    assert admin.get(page).status_code == 200


def test_a_contest_that_a_task_works_on_stays(open_contest: Stage, admin: Desk) -> None:
    page = made(admin, "/operator/contests/new", CONTEST)
    contest_id = int(page.rpartition("/")[2])
    with transaction(open_contest.engine) as connection:
        connection.execute(
            text("INSERT INTO tasks (contest_id, kind, payload, operator) VALUES (:contest, 'x', :payload, 'hoa')"),
            {"contest": contest_id, "payload": json.dumps({})},
        )
    assert "chưa xong" in admin.post(f"{page}/delete").text
    assert admin.get(page).status_code == 200
    with transaction(open_contest.engine) as connection:
        connection.execute(text("UPDATE tasks SET state = 'done'"))
    assert admin.post(f"{page}/delete").status_code == 303


def test_moderators_see_no_way_to_it(admin: Desk, desk: Callable[..., Desk]) -> None:
    page = made(admin, "/operator/entries/new", NEW)
    assert "/delete" not in desk(Role.MODERATOR, "lan").get(page).text
