"""Pictures and attachments of an entry in the console: taken, described, put in order, shown on the site at once."""

import re
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from api.operators.entry_file_rows import Row, in_order
from models.contest_file import MAX_PICTURES
from models.database import transaction
from models.entry import find_entry
from models.operator import Role
from tests.api.operators.desk import Desk, form_in
from tests.api.running import RunningApi
from tests.models.pictures import PDF, bomb, noisy, picture
from tests.servers import wait_for
from tests.workers.contests import Stage

PATH = "/operator/entries/1/pictures"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


@pytest.fixture
def moderator(desk: Callable[..., Desk]) -> Desk:
    return desk(Role.MODERATOR)


def keys(page: httpx.Response) -> list[str]:
    return re.findall(r'name="key" value="([^"]*)"', page.text)


def version(page: httpx.Response) -> str:
    (found,) = re.findall(r'name="version" value="(\d+)"', page.text)
    return found


def faults(page: httpx.Response) -> str:
    return page.text.partition("<main")[2].partition('class="notice bad"')[2].partition("</div>")[0]


def send(desk: Desk, *files: bytes, path: str = PATH, data: dict[str, Any] | None = None) -> httpx.Response:
    kind = "application/pdf" if files and files[0].startswith(b"%PDF") else "image/jpeg"
    sent = [("files", (f"C:\\anh\\{number}.jpg", content, kind)) for number, content in enumerate(files)]
    return desk.post(path, {"version": "1"} | (data or {}), files=sent)


def saved(desk: Desk, page: httpx.Response, path: str = PATH, **more: str) -> httpx.Response:
    """Saves the rows of `page`, each with texts."""
    rows: dict[str, Any] = {"version": version(page), "key": keys(page)}
    for number, key in enumerate(keys(page)):
        rows |= {f"text-{key}": f"Ảnh {number}", f"text_en-{key}": f"Picture {number}", f"place-{key}": str(number + 1)}
    return desk.post(path, rows | more)


def entry_of(stage: Stage, entry_id: int = 1) -> Any:
    with transaction(stage.engine) as connection:
        return find_entry(connection, entry_id)


def test_pictures_are_taken_described_and_on_the_site_within_a_second(
    console: RunningApi, moderator: Desk, open_contest: Stage
) -> None:
    taken = send(moderator, picture(), noisy())
    assert taken.status_code == 200
    assert len(keys(taken)) == 2
    assert "chưa được lưu" in taken.text
    assert entry_of(open_contest).pictures == []
    before = open_contest.contest.version
    done = saved(moderator, taken)
    assert (done.status_code, done.headers["location"]) == (303, f"{PATH}?saved=now")
    entry = entry_of(open_contest)
    assert [one["alt"] for one in entry.pictures] == ["Ảnh 0", "Ảnh 1"]
    assert [one["alt_en"] for one in entry.pictures] == ["Picture 0", "Picture 1"]
    assert entry.version == 2
    assert open_contest.contest.version == before + 1
    address = entry.pictures[0]["sizes"][0]["address"]
    wait_for(lambda: address in console.client.get("/bai-du-thi/bai-1").text, 2, "the picture is on the site")
    assert console.client.get(address).status_code == 200
    (line,) = open_contest.rows("SELECT operator, subject, before->'pictures' FROM audit WHERE action='entry.pictures'")
    assert line == ("moderator", "entry:1", [])
    assert keys(moderator.get(PATH)) == [
        "k-" + one["sizes"][0]["address"][len("/media/") :].partition(".")[0] for one in entry.pictures
    ]


def test_a_description_is_needed_and_what_was_typed_stays(moderator: Desk, open_contest: Stage) -> None:
    taken = send(moderator, picture(), picture(300, 300))
    first, second = keys(taken)
    typed = {
        "version": "1",
        "key": [first, second],
        f"text-{first}": "Chỉ có <tiếng> Việt",
        f"text-{second}": "x" * 301,
    }
    refused = moderator.post(PATH, typed)
    assert refused.status_code == 422
    assert keys(refused) == [first, second]
    assert 'value="Chỉ có &lt;tiếng&gt; Việt"' in refused.text
    assert f'href="#text-{first}"' not in faults(refused)
    assert "nhiều nhất 300 ký tự" in faults(refused)
    assert entry_of(open_contest).pictures == []


def test_a_description_without_english_is_shown_as_vietnamese(
    console: RunningApi, moderator: Desk, open_contest: Stage
) -> None:
    page = send(moderator, picture())
    (key,) = keys(page)
    assert saved(moderator, page, **{f"text_en-{key}": ""}).status_code == 303
    shown = re.compile(r'<img src="/media/[^>]* alt="Ảnh 0" lang="vi"')
    wait_for(lambda: shown.search(console.client.get("/en/bai-du-thi/bai-1").text), 2, "it is on the English page")
    assert 'alt="Ảnh 0" lang' not in console.client.get("/bai-du-thi/bai-1").text


def test_order_and_removal(moderator: Desk, open_contest: Stage) -> None:
    saved(moderator, send(moderator, picture(100, 100), picture(110, 100), picture(120, 100)))
    page = moderator.get(PATH)
    _, second, third = keys(page)
    saved(moderator, page, **{f"place-{third}": "1", f"remove-{second}": "1"})
    assert [one["alt"] for one in entry_of(open_contest).pictures] == ["Ảnh 2", "Ảnh 0"]


@pytest.mark.parametrize(
    ("places", "order"),
    [
        ((1, 2, 3), "abc"),
        ((3, 2, 3), "bca"),
        ((1, 2, 1), "cab"),
        ((2, 1, 3), "bac"),
        ((0, 0, 0), "abc"),
        ((9, 2, 3), "bca"),
    ],
)
def test_the_one_that_was_moved_goes_where_it_was_moved(places: tuple[int, ...], order: str) -> None:
    rows = [Row(key, {}, place=place) for key, place in zip("abc", places, strict=True)]
    assert "".join(row.key for row in in_order(rows)) == order


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no picture", "không phải là ảnh"),
        (SVG, "không phải là ảnh"),
        (picture(kind="GIF"), "không phải là ảnh"),
        (picture()[:500], "không phải là ảnh"),
        (bomb(20_000, 10_000), "quá nhiều điểm ảnh"),
        (b"\xff\xd8" + bytes(20 * 1024**2), "quá lớn: nhiều nhất là 20 MB"),
        (PDF, "không phải là ảnh"),
        (b"", "không phải là ảnh"),
    ],
    ids=["text", "svg", "gif", "cut", "200 MP", "large", "pdf", "empty"],
)
def test_what_is_no_picture_is_refused_and_the_others_are_kept(moderator: Desk, content: bytes, why: str) -> None:
    answer = send(moderator, content, picture())
    assert answer.status_code == 422
    assert why in faults(answer)
    assert "“0.jpg”" in faults(answer)
    assert len(keys(answer)) == 1


def test_too_many_pictures(moderator: Desk, open_contest: Stage) -> None:
    taken = send(moderator, *(picture(50 + number, 50) for number in range(MAX_PICTURES + 1)))
    assert saved(moderator, taken).status_code == 422
    last = keys(taken)[-1]
    assert saved(moderator, taken, **{f"remove-{last}": "1"}).status_code == 303
    assert len(entry_of(open_contest).pictures) == MAX_PICTURES


def test_of_two_who_change_them_the_second_is_told_and_keeps_what_was_typed(
    moderator: Desk, desk: Callable[..., Desk], open_contest: Stage
) -> None:
    other = desk(Role.MODERATOR, "khac")
    mine, others = send(moderator, picture(100, 100)), send(other, picture(200, 100))
    assert saved(other, others).status_code == 303
    told = saved(moderator, mine)
    assert told.status_code == 409
    assert "Người khác vừa sửa" in told.text
    assert 'value="Ảnh 0"' in told.text
    assert len(keys(told)) == 2
    assert len(entry_of(open_contest).pictures) == 1
    assert saved(moderator, told).status_code == 303
    assert len(entry_of(open_contest).pictures) == 2


def test_of_two_who_change_them_each_keeps_what_only_they_changed(
    moderator: Desk, desk: Callable[..., Desk], open_contest: Stage
) -> None:
    other = desk(Role.MODERATOR, "khac")
    saved(moderator, send(moderator, picture(100, 100), picture(110, 100), picture(120, 100)))
    form = form_in(moderator.get(PATH)) | {"key": keys(moderator.get(PATH))}
    a, b, c = keys(moderator.get(PATH))
    theirs = {f"text-{a}": "Khác sửa", f"text-{b}": "Khác sửa", f"place-{c}": "1"}
    assert other.post(PATH, form | theirs).status_code == 303
    told = moderator.post(PATH, form | {f"text-{b}": "Tôi sửa", f"text_en-{a}": "Mine"})
    assert told.status_code == 409
    assert f'href="#text-{b}"' in faults(told)
    assert f'href="#text-{a}"' not in faults(told)
    assert keys(told) == [c, a, b]
    assert moderator.post(PATH, form_in(told) | {"key": keys(told)}).status_code == 303
    texts = [(one["alt"], one["alt_en"]) for one in entry_of(open_contest).pictures]
    assert texts == [("Ảnh 2", "Picture 2"), ("Khác sửa", "Mine"), ("Tôi sửa", "Picture 1")]


def test_keys_that_were_made_up_bring_nothing_in(moderator: Desk, open_contest: Stage) -> None:
    for key in ("n-../../secret", "n-" + "0" * 32, "k-" + "0" * 32, "", "n-", "x" * 3000):
        answer = moderator.post(PATH, {"version": "1", "key": key, f"text-{key}": "a", f"text_en-{key}": "b"})
        assert answer.status_code == 303, key
    assert entry_of(open_contest).pictures == []
    assert entry_of(open_contest).version == 1


def test_attachments(console: RunningApi, moderator: Desk, open_contest: Stage) -> None:
    path = "/operator/entries/1/attachments"
    assert "không phải là tệp PDF" in faults(send(moderator, picture(), path=path))
    taken = send(moderator, PDF, path=path)
    (key,) = keys(taken)
    refused = moderator.post(path, {"version": "1", "key": key})
    assert refused.status_code == 422
    assert "hãy đặt tên" in faults(refused)
    assert moderator.post(path, {"version": "1", "key": key, f"text-{key}": "Hồ sơ"}).status_code == 303
    (attachment,) = entry_of(open_contest).attachments
    assert (attachment["title"], attachment["title_en"], attachment["bytes"]) == ("Hồ sơ", "", len(PDF))
    wait_for(lambda: "Hồ sơ" in console.client.get("/bai-du-thi/bai-1").text, 2, "it is on the site")
    again = keys(moderator.get(path))[0]
    assert moderator.post(path, {"version": "2", "key": again, f"remove-{again}": "1"}).status_code == 303
    assert entry_of(open_contest).attachments == []


def test_an_entry_that_is_not_there(moderator: Desk) -> None:
    for path in ("/operator/entries/99/pictures", "/operator/entries/99/attachments"):
        assert moderator.get(path).status_code == 404
        assert send(moderator, picture(), path=path).status_code == 404


def test_pages_are_served_while_pictures_are_drawn(console: RunningApi, desk: Callable[..., Desk]) -> None:
    """Drawing leaves the process free. Were it done between two answers, there would be one answer for each picture."""
    desks = [desk(Role.MODERATOR, f"nguoi-{number}") for number in range(3)]
    threads = [threading.Thread(target=send, args=(one, noisy(600 + number, 600))) for number, one in enumerate(desks)]
    for thread in threads:
        thread.start()
    answers = 0
    while any(thread.is_alive() for thread in threads):
        assert console.client.get("/api/tallies").status_code == 200
        answers += 1
    assert answers > 10 * len(threads)
