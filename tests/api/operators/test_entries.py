"""Entries in the console: list, form, order, states, and two editors of one entry."""

import re
from collections.abc import Callable

import pytest

from models.contest import decide_state
from models.database import transaction
from models.entry import Entry, entries_of, find_entry
from models.operator import Role
from tests.api.operators.desk import SOON_S, Desk, form_in
from tests.api.running import RunningApi
from tests.servers import wait_for
from tests.workers.contests import Stage

NEW = {"title": "Máy lọc nước", "category": "chung", "author": "Tác giả minh hoạ", "text": "Dòng một.\n\nDòng hai."}


def entry(made: Stage, entry_id: int) -> Entry:
    with transaction(made.engine) as connection:
        return find_entry(connection, entry_id)


def form_of(found: Entry) -> dict[str, str]:
    """What the form of an entry sends when nothing was typed."""
    return found.fields | {"version": str(found.version)}


def create(moderator: Desk, **changes: str) -> int:
    answer = moderator.post("/operator/entries/new", NEW | changes)
    assert answer.status_code == 303, answer.text
    return int(re.findall(r"/operator/entries/(\d+)", answer.headers["location"])[0])


@pytest.fixture
def moderator(desk: Callable[..., Desk]) -> Desk:
    return desk(Role.MODERATOR, "lan")


def on_site(console: RunningApi, slug: str) -> bool:
    return console.client.get(f"/bai-du-thi/{slug}").status_code == 200


def test_an_entry_is_made_published_and_withdrawn(console: RunningApi, open_contest: Stage, moderator: Desk) -> None:
    entry_id = create(moderator)
    assert entry(open_contest, entry_id).slug == "may-loc-nuoc"
    assert not on_site(console, "may-loc-nuoc")
    page = moderator.get(f"/operator/entries/{entry_id}").text
    assert "Máy lọc nước" in page
    assert "Người bình chọn chưa thấy bài này" in page
    published = moderator.post(f"/operator/entries/{entry_id}/publish", {"version": "1"})
    assert published.headers["location"] == f"/operator/entries/{entry_id}?done=published"
    wait_for(lambda: on_site(console, "may-loc-nuoc"), SOON_S, "the entry is on the site")
    assert "Đã có hiệu lực" in moderator.get(published.headers["location"]).text
    open_contest.cast_many(3, entry_id)

    asked = moderator.get(f"/operator/entries/{entry_id}/withdraw")
    assert "được giữ nguyên" in asked.text
    unexplained = moderator.post(f"/operator/entries/{entry_id}/withdraw", {"version": "2"})
    assert unexplained.status_code == 422
    assert entry(open_contest, entry_id).state == "published"
    moderator.post(f"/operator/entries/{entry_id}/withdraw", {"version": "2", "why": "Tác giả xin rút"})
    wait_for(lambda: not on_site(console, "may-loc-nuoc"), SOON_S, "the entry is gone")
    [line] = open_contest.rows("SELECT operator, why FROM audit WHERE action = 'entry.withdraw'")
    assert line == ("lan", "Tác giả xin rút")


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(moderator: Desk) -> None:
    long = "Một đoạn dài. " * 4_000
    answer = moderator.post(
        "/operator/entries/new", NEW | {"title": "", "category": "", "text": long, "video": "javascript:alert(1)"}
    )
    assert answer.status_code == 422
    for said in (
        "Tên bài dự thi: chưa nhập.",
        "Lĩnh vực: chưa chọn một lĩnh vực của cuộc thi.",
        "dài quá 50000 ký tự",
        "https://",
    ):
        assert said in answer.text
    assert long.strip() in answer.text
    assert "Tác giả minh hoạ" in answer.text


@pytest.mark.parametrize("field", ["title", "author", "text"])
def test_what_is_typed_stays_text(moderator: Desk, field: str) -> None:
    hostile = '"><script>alert(1)</script>{{ 7*7 }}'
    entry_id = create(moderator, **{field: hostile})
    for page in (f"/operator/entries/{entry_id}", "/operator/entries", f"/operator/entries/{entry_id}/preview"):
        text = moderator.get(page).text
        assert "<script>alert(1)" not in text
        assert "49" not in re.findall(r"\{\{ 7\*7 \}\}|49(?=</)", text)


def test_two_editors_of_one_entry(open_contest: Stage, desk: Callable[..., Desk], moderator: Desk) -> None:
    second = desk(Role.MODERATOR, "minh")
    seen = form_of(entry(open_contest, 1))
    assert moderator.post("/operator/entries/1", seen | {"title": "Của Lan", "summary": "Chung"}).status_code == 303
    told = second.post(
        "/operator/entries/1", seen | {"title": "Của Minh", "text": "Minh viết nhiều.", "summary": "Chung"}
    )
    assert told.status_code == 422
    assert entry(open_contest, 1).title == "Của Lan"
    for said in ("Người khác đã sửa", "lan", "Của Minh", "Của Lan", "Minh viết nhiều."):
        assert said in told.text
    compared = told.text.partition("<tbody>")[2].partition("</tbody>")[0]
    assert compared.count("<tr>") == 2, "title and text differ, and nothing else"
    assert re.search(r'name="version" value="2"', told.text)
    taken_over = second.post("/operator/entries/1", seen | {"title": "Của Minh", "version": "2"})
    assert taken_over.status_code == 303
    assert entry(open_contest, 1).title == "Của Minh"


def test_what_only_the_first_editor_changed_stays_when_the_second_saves_again(
    open_contest: Stage, desk: Callable[..., Desk], moderator: Desk
) -> None:
    path, second = "/operator/entries/1", desk(Role.MODERATOR, "minh")
    form = form_in(moderator.get(path))
    assert second.post(path, form | {"author": "Minh sửa", "unit": "Minh sửa"}).status_code == 303
    told = moderator.post(path, form | {"summary": "Lan sửa", "unit": "Lan sửa"})
    assert told.status_code == 422
    compared = told.text.partition("<tbody>")[2].partition("</tbody>")[0]
    assert compared.count("<tr>") == 1, "the unit, which both changed"
    assert '<a href="#author">Tác giả</a>' in told.text
    assert moderator.post(path, form_in(told)).status_code == 303
    now = entry(open_contest, 1)
    assert (now.author, now.unit, now.summary) == ("Minh sửa", "Lan sửa", "Lan sửa")


def test_of_two_editors_of_other_fields_nothing_is_to_be_compared(
    open_contest: Stage, desk: Callable[..., Desk], moderator: Desk
) -> None:
    path, second = "/operator/entries/1", desk(Role.MODERATOR, "minh")
    form = form_in(moderator.get(path))
    second.post(path, form | {"author": "Minh sửa"})
    faulty = moderator.post(path, form | {"summary": "Lan sửa", "video": "javascript:1"})
    assert "Không mục nào hai người cùng sửa" in faulty.text, "told at once, with what is wrong"
    assert "<tbody>" not in faulty.text
    again = form_in(faulty)
    assert (again["author"], again["summary"], again["video"]) == ("Minh sửa", "Lan sửa", "javascript:1")
    second.post(path, form_in(moderator.get(path)) | {"author": "Minh sửa nữa"})
    once_more = moderator.post(path, again | {"video": ""})
    assert moderator.post(path, form_in(once_more)).status_code == 303
    now = entry(open_contest, 1)
    assert (now.author, now.summary) == ("Minh sửa nữa", "Lan sửa")


def test_publishing_what_another_has_changed_is_told(open_contest: Stage, moderator: Desk) -> None:
    entry_id = create(moderator)
    moderator.post(f"/operator/entries/{entry_id}", form_of(entry(open_contest, entry_id)) | {"title": "Khác"})
    answer = moderator.post(f"/operator/entries/{entry_id}/publish", {"version": "1"})
    assert answer.status_code == 422
    assert "Người khác đã sửa" in answer.text
    assert entry(open_contest, entry_id).state == "draft"


def test_an_address_stays_after_publishing(open_contest: Stage, moderator: Desk) -> None:
    answer = moderator.post("/operator/entries/1", form_of(entry(open_contest, 1)) | {"slug": "khac"})
    assert answer.status_code == 422
    assert "địa chỉ không đổi được" in answer.text
    entry_id = create(moderator)
    seen = form_of(entry(open_contest, entry_id))
    assert moderator.post(f"/operator/entries/{entry_id}", seen | {"slug": "", "title": "Đèn"}).status_code == 303
    assert entry(open_contest, entry_id).slug == "den"


def test_order_by_buttons_and_by_number(console: RunningApi, open_contest: Stage, moderator: Desk) -> None:
    def order() -> list[int]:
        with transaction(open_contest.engine) as connection:
            return [one.id for one in entries_of(connection, open_contest.contest_id)]

    moderator.post("/operator/entries/3/move", {"step": "up"})
    assert order() == [1, 3, 2]
    moderator.post("/operator/entries/1/move", {"place": "3"})
    assert order() == [3, 2, 1]
    for typed in ("", "-1", "x", "²", "9" * 50):
        assert moderator.post("/operator/entries/1/move", {"place": typed}).status_code == 303
    assert order() == [3, 2, 1]

    def shown() -> list[int]:
        return [one["id"] for one in console.client.get("/api/entries").json()["entries"]]

    wait_for(lambda: shown() == order(), SOON_S, "the site has the new order")


def test_the_list_is_searched_and_filtered(moderator: Desk) -> None:
    create(moderator)
    rows = re.compile(r'<tr id="bai-(\d+)">')
    assert len(rows.findall(moderator.get("/operator/entries").text)) == 4
    for query, number in (("q=may+loc", 1), ("q=khong-co", 0), ("state=draft", 1), ("state=withdrawn", 0)):
        assert len(rows.findall(moderator.get(f"/operator/entries?{query}").text)) == number, query
    for query in ("page=-1", "page=99", "page=x", "contest=x", "contest=999", "category=%00"):
        assert moderator.get(f"/operator/entries?{query}").status_code in {200, 404}, query


def test_categories(console: RunningApi, moderator: Desk) -> None:
    def titles() -> list[str]:
        return [one["title"] for one in console.client.get("/api/contest").json()["categories"]]

    assert moderator.post("/operator/categories", {"title": "Y tế"}).status_code == 303
    wait_for(lambda: titles() == ["Chung", "Y tế"], SOON_S, "the category is there")
    for path, title in (("", "y TẾ"), ("/2", "chung")):
        twice = moderator.post("/operator/categories" + path, {"title": title})
        assert twice.status_code == 422
        assert "đã có lĩnh vực mang tên này" in twice.text
        assert f'value="{title}"' in twice.text, "nothing typed is lost"
    assert moderator.post("/operator/categories/2", {"title": "Sức khoẻ", "place": "1"}).status_code == 303
    wait_for(lambda: titles() == ["Sức khoẻ", "Chung"], SOON_S, "it is renamed and first")
    refused = moderator.post("/operator/categories/1/delete")
    assert refused.status_code == 422
    assert "còn bài dự thi" in refused.text
    assert moderator.post("/operator/categories/2/delete").status_code == 303
    wait_for(lambda: titles() == ["Chung"], SOON_S, "it is gone")
    empty = moderator.post("/operator/categories/1", {"title": "", "title_en": "General"})
    assert empty.status_code == 422
    assert "General" in empty.text


def test_a_preview_is_the_voters_page_of_what_nobody_else_sees(console: RunningApi, moderator: Desk) -> None:
    entry_id = create(moderator, text="Chưa công bố")
    saved = moderator.get(f"/operator/entries/{entry_id}/preview")
    assert saved.headers["cache-control"] == "no-store"
    for said in ("Máy lọc nước", "Chưa công bố", "Bản xem trước", 'class="masthead"'):
        assert said in saved.text
    typed = moderator.post(
        "/operator/entries/preview", NEW | {"title": "Tên đang gõ", "entry": str(entry_id), "text": "Đang gõ"}
    )
    assert "Tên đang gõ" in typed.text
    assert "Đang gõ" in typed.text
    assert 'lang="en"' in moderator.get(f"/operator/entries/{entry_id}/preview?to=en").text
    assert not on_site(console, "may-loc-nuoc")
    assert console.client.get(f"/operator/entries/{entry_id}/preview").status_code == 303


def test_an_entry_of_a_final_contest_offers_no_way_to_withdraw_it(open_contest: Stage, moderator: Desk) -> None:
    path = "/operator/entries/1/withdraw"
    assert path in moderator.get("/operator/entries/1").text
    with transaction(open_contest.engine) as connection:
        decide_state(connection, open_contest.contest_id, "final")
    assert path not in moderator.get("/operator/entries/1").text
    refused = moderator.get(path)
    assert refused.status_code == 409
    assert "đã chốt" in refused.text
