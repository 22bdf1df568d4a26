"""A button that is pressed twice does what it does once, on every form of the console."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from api.operators import presses
from models.database import transaction
from models.operator import Role
from models.settings import ROOT
from tests.api.operators.desk import Desk
from tests.api.operators.entering import hidden
from tests.servers import wait_for
from tests.workers.contests import Stage

TEMPLATES = ROOT / "api/operators/templates"
NEW = {"title": "Máy lọc nước", "category": "chung", "text": "Dòng một."}


@pytest.fixture
def admin(desk: Callable[..., Desk]) -> Desk:
    return desk(Role.ADMIN, "hoa")


def number_of(desk: Desk, path: str) -> str:
    """That of the page's last form."""
    return re.findall(r'name="press" value="([^"]+)"', desk.get(path).text)[-1]


def count(made: Stage, table: str) -> int:
    ((number,),) = made.rows(f"SELECT count(*) FROM {table}")
    return int(number)


def test_every_form_that_changes_something_has_a_number() -> None:
    for template in sorted(TEMPLATES.glob("*.html")):
        for form in re.findall(r'<form method="post".*?</form>', template.read_text(encoding="utf-8"), re.DOTALL):
            assert '{% include "csrf.html" %}' in form, f"{template.name}: {form[:80]}"


def test_each_page_and_form_has_a_number_of_its_own(admin: Desk) -> None:
    first, second = (re.findall(r'name="press" value="([^"]+)"', admin.get("/operator/categories").text) for _ in "12")
    assert len(first) > 1
    assert len({*first, *second}) == len(first) + len(second)


CREATING = {
    "entries": ("/operator/entries/new", "/operator/entries/new", NEW),
    "categories": ("/operator/categories", "/operator/categories", {"title": "Môi trường"}),
    "contests": (
        "/operator/contests/new",
        "/operator/contests/new",
        {
            "title": "Cuộc thi mới",
            "result_policy": "live",
            "shards": "1",
            "opens_at": "2031-11-05T00:00",
            "closes_at": "2031-11-21T00:00",
        },
    ),
    "corrections": (
        "/operator/corrections/new",
        "/operator/corrections",
        {"action": "void", "accounts": "12345678901234", "reason": "Máy bình chọn."},
    ),
}


@pytest.mark.parametrize("table", CREATING)
def test_twenty_presses_at_once_make_one(open_contest: Stage, admin: Desk, table: str) -> None:
    page, action, fields = CREATING[table]
    sent = fields | {"press": number_of(admin, page)}
    before = count(open_contest, table)
    with ThreadPoolExecutor(20) as many:
        answers = list(many.map(lambda _: admin.post(action, sent), range(20)))
    assert {answer.status_code for answer in answers} == {303}, answers[0].text
    assert len({answer.headers["location"] for answer in answers}) == 1, "all lead to the first's result"
    assert count(open_contest, table) == before + 1


def test_a_second_press_waits_for_the_first(open_contest: Stage, admin: Desk) -> None:
    sent = {"title": "Môi trường", "press": number_of(admin, "/operator/categories")}
    with ThreadPoolExecutor(2) as two, transaction(open_contest.engine) as holding:
        holding.execute(text("SELECT 1 FROM contests FOR UPDATE"))
        first = two.submit(admin.post, "/operator/categories", sent)
        wait_for(lambda: waiting(open_contest), 5, "the first press waits for the contest's row")
        second = two.submit(admin.post, "/operator/categories", sent)
        with pytest.raises(TimeoutError):
            second.result(0.5)
        assert waiting(open_contest) == 1, "the second press asks the ledger nothing"
        holding.rollback()
        assert first.result(10).headers["location"] == second.result(10).headers["location"]
    assert count(open_contest, "categories") == 2


def waiting(made: Stage) -> int:
    ((number,),) = made.rows("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return int(number)


def test_what_was_refused_may_be_sent_again_as_it_was(open_contest: Stage, admin: Desk) -> None:
    sent = NEW | {"category": "nuoc", "press": number_of(admin, "/operator/entries/new")}
    assert admin.post("/operator/entries/new", sent).status_code == 422
    with transaction(open_contest.engine) as connection:
        connection.execute(text("UPDATE categories SET slug = 'nuoc'"))
    assert admin.post("/operator/entries/new", sent).status_code == 303


def test_other_contents_are_another_press(open_contest: Stage, admin: Desk, desk: Callable[..., Desk]) -> None:
    sent = NEW | {"press": number_of(admin, "/operator/entries/new")}
    made = [
        admin.post("/operator/entries/new", sent),
        admin.post("/operator/entries/new", sent | {"title": "Máy lọc khí"}),
        desk(Role.ADMIN, "minh").post("/operator/entries/new", sent),
    ]
    assert len({answer.headers["location"] for answer in made}) == 3


def test_a_switch_acts_each_time(open_contest: Stage, admin: Desk) -> None:
    page = admin.get("/operator/switches")
    sent = {"press": hidden(page, "press"), "repeatable": hidden(page, "repeatable"), "to": "paused", "why": "Kiểm tra"}
    assert admin.post("/operator/switches/voting", sent).status_code == 303
    assert open_contest.contest.state == "paused"
    resumed = admin.post("/operator/switches/voting", {"to": "open", "why": "Xong"})
    assert resumed.status_code == 303
    assert open_contest.contest.state == "open"
    admin.post("/operator/switches/voting", sent)
    assert open_contest.contest.state == "paused"


def test_what_nobody_can_say_anything_about_is_not_done_again(
    open_contest: Stage, admin: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ended between the change and its note: a second press is told to look first."""
    forgot = threading.Event()

    async def dead(*_: object) -> None:
        forgot.set()

    monkeypatch.setattr(presses, "led_to", dead)
    monkeypatch.setattr(presses, "WAIT_S", 0.3)
    sent = {"title": "Môi trường", "press": number_of(admin, "/operator/categories")}
    admin.post("/operator/categories", sent)
    assert forgot.is_set()
    answer = admin.post("/operator/categories", sent)
    assert answer.status_code == 409
    assert "chưa rõ kết quả" in answer.text
    assert count(open_contest, "categories") == 2


@pytest.mark.parametrize("number", ["", "x", "a b; Path=/", "x" * 65, "ngắn-đấy"])
def test_a_number_of_another_shape_counts_for_nothing(open_contest: Stage, admin: Desk, number: str) -> None:
    for _ in range(2):
        answer = admin.post("/operator/entries/new", NEW | {"press": number})
        assert answer.status_code == 303
        assert presses.DONE_COOKIE not in answer.headers.get("set-cookie", "")
    assert count(open_contest, "entries WHERE title = 'Máy lọc nước'") == 2


def test_the_page_is_told_what_was_done_and_only_that(admin: Desk) -> None:
    sent = NEW | {"press": "so-cua-mau-nay"}
    refused = admin.post("/operator/entries/new", sent | {"title": ""})
    assert (refused.status_code, "set-cookie" in refused.headers) == (422, False)
    forged = admin.client.post("/operator/entries/new", data=sent, headers={"Sec-Fetch-Site": "same-origin"})
    assert (forged.status_code, "set-cookie" in forged.headers) == (403, False)
    done = admin.post("/operator/entries/new", sent)
    assert f"{presses.DONE_COOKIE}so-cua-mau-nay=1; Path=/operator;" in done.headers["set-cookie"]


def test_files_are_told_apart(admin: Desk, open_contest: Stage) -> None:
    sent = {"press": "so-cua-mau-nay", "contest": str(open_contest.contest_id)}
    answers = [
        admin.post("/operator/imports", sent, files={"file": (name, content, "text/csv")})
        for name, content in (("a.csv", b"x"), ("a.csv", b"x"), ("a.csv", b"xy"), ("b.csv", b"x"))
    ]
    assert {answer.status_code for answer in answers} == {303}
    first, again, longer, other = (answer.headers["location"] for answer in answers)
    assert first == again
    assert len({first, longer, other}) == 3
