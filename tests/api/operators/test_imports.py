"""Importing a spreadsheet at the console: from template to entries, and what is said of files that are wrong."""

import re
from collections.abc import Callable
from io import BytesIO

import httpx
import pytest
from openpyxl import load_workbook

from models import upload
from models.audit import Actor
from models.database import transaction
from models.entry import change_entry_state, entries_of
from models.operator import Role
from models.sheet import MAX_BYTES
from models.task import cancel, tasks_of
from tests.api.operators.desk import Desk
from tests.api.running import RunningApi
from tests.models.pictures import picture
from tests.models.sheets import entries, xlsx
from tests.servers import wait_for
from tests.workers.contests import Stage

PATH = "/operator/imports"
TWO = [{"title": "Máy <lọc> nước", "category": "Chung", "state": "Công bố"}, {"title": "Bể lắng", "category": "Chung"}]


@pytest.fixture
def moderator(desk: Callable[..., Desk]) -> Desk:
    return desk(Role.MODERATOR)


def hand_in(desk: Desk, content: bytes, name: str = "bài dự thi.xlsx") -> str:
    """Returns the address of the check."""
    answer = desk.post(PATH, files={"file": (name, content)})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def titles(stage: Stage) -> list[str]:
    with transaction(stage.engine) as connection:
        return [entry.title for entry in entries_of(connection, stage.contest_id)]


def notice(page: httpx.Response) -> str:
    return page.text.partition("<main")[2].partition('class="notice bad"')[2].partition("</div>")[0]


def test_the_template_fits_the_contest(moderator: Desk) -> None:
    page = moderator.get(PATH)
    assert page.status_code == 200
    addresses = re.findall(r'href="(/operator/imports/template[^"]*)"', page.text)
    assert len(addresses) == 2
    answer = moderator.get(addresses[0])
    assert answer.headers["content-disposition"] == 'attachment; filename="mau-bai-du-thi.xlsx"'
    workbook = load_workbook(BytesIO(answer.content))
    assert workbook.sheetnames == ["Bài dự thi", "Hướng dẫn", "Lĩnh vực"]
    assert workbook["Lĩnh vực"]["A1"].value == "Chung"
    answer = moderator.get(addresses[1])
    assert answer.content.startswith("\ufeffTên bài dự thi,Lĩnh vực".encode())
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


def test_from_the_file_to_the_site(
    console: RunningApi, moderator: Desk, work: Callable[[], None], open_contest: Stage
) -> None:
    path = hand_in(moderator, entries(*TWO))
    waiting = moderator.get(path)
    assert 'data-state="waiting"' in waiting.text
    assert "/static/task." in waiting.text
    work()
    checked = moderator.get(path)
    assert "Thêm mới: 2 bài" in checked.text
    assert "1 bài công bố ngay, 1 bản nháp" in checked.text
    assert "Máy &lt;lọc&gt; nước" in checked.text
    assert titles(open_contest) == ["Bài 1", "Bài 2", "Bài 3"]
    assert moderator.post(path).headers["location"] == path
    assert moderator.post(path).headers["location"] == path  # a second click
    work()
    done = moderator.get(path)
    assert "Đã nhập xong: 2 bài mới" in done.text
    assert titles(open_contest)[3:] == ["Máy <lọc> nước", "Bể lắng"]
    with transaction(open_contest.engine) as connection:
        assert len(tasks_of(connection, "import")) == 1
    wait_for(lambda: console.client.get("/bai-du-thi/may-loc-nuoc").status_code == 200, 2, "it is on the site")
    assert console.client.get("/bai-du-thi/be-lang").status_code == 404
    (line,) = open_contest.rows(
        "SELECT operator, after->>'file', after->>'new' FROM audit WHERE action='import.confirm'"
    )
    assert line == ("moderator", "bài dự thi.xlsx", "2")


def test_wrong_rows_are_listed_with_row_column_and_what_to_do(moderator: Desk, work: Callable[[], None]) -> None:
    path = hand_in(moderator, entries(TWO[0], {"title": "", "category": "Lạ <b>"}, {"title": 7, "category": "Chung"}))
    work()
    page = moderator.get(path)
    rows = re.findall(r'<tr><td class="figure">(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>', page.text)
    assert rows == [
        ("3", "Lĩnh vực", "Cuộc thi không có lĩnh vực “Lạ &lt;b&gt;”. Hãy chọn trong danh sách của tệp mẫu."),
        ("3", "Tên bài dự thi", "Để trống. Hãy điền vào."),
        ("4", "Tên bài dự thi", "Ô A4 là số hoặc ngày tháng. Hãy định dạng ô là Văn bản (Text) rồi gõ lại."),
    ]
    assert "Có 3 chỗ cần sửa" in page.text
    assert moderator.post(path).status_code == 422
    assert moderator.get(path).text.count("<form") == 1  # only that of the logout


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (picture(), "không phải là bảng tính"),
        (b"", "Tệp trống"),
        (xlsx(["x"])[:200], "Tệp bị hỏng"),
        (b"Ten;Linh vuc\nx;y\n", "CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "kiểu cũ (.xls)"),
        (xlsx(["Tên bài dự thi"], change=lambda book: book.active.merge_cells("A1:C1")), "gộp (A1:C1)"),
        ("Tên bài dự thi,Lĩnh vực\n".encode() + b"x,y\n" * 50_000, "nhiều nhất là 2000 bài"),
    ],
    ids=["picture", "empty", "cut", "encoding", "xls", "merged", "long"],
)
def test_a_file_that_cannot_be_read_is_told_why(
    moderator: Desk, work: Callable[[], None], content: bytes, why: str
) -> None:
    path = hand_in(moderator, content)
    work()
    assert why in notice(moderator.get(path))


def test_no_file_and_too_large_a_file(moderator: Desk) -> None:
    assert "Hãy chọn tệp" in notice(moderator.post(PATH))
    answer = moderator.post(PATH, files={"file": ("x.csv", bytes(MAX_BYTES + 1))})
    assert answer.status_code == 422
    assert "nhiều nhất là 10 MB" in notice(answer)


def test_no_more_is_kept_than_may_be(moderator: Desk, open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Votes share the disk."""
    monkeypatch.setattr(upload, "MOST_BYTES", 2_000)
    sent = {"file": ("a.csv", b"x" * 1_500)}
    codes = [moderator.post("/operator/imports", files=sent).status_code for _ in range(3)]
    assert codes == [303, 303, 422]
    assert open_contest.rows("SELECT count(*) FROM uploads") == [(2,)]


def test_what_would_change_is_shown_before_and_after(moderator: Desk, work: Callable[[], None]) -> None:
    row = {"slug": "bai-1", "title": "Bài <một>", "category": "Chung"}
    path = hand_in(moderator, entries(row, columns=("slug", "title", "category")))
    work()
    page = moderator.get(path)
    assert "<dt>Tên bài dự thi</dt>" in page.text
    assert "<del>Bài 1</del> <ins>Bài &lt;một&gt;</ins>" in page.text


def test_a_change_since_the_check_is_told_and_the_file_may_be_sent_again(
    moderator: Desk, work: Callable[[], None], open_contest: Stage
) -> None:
    path = hand_in(moderator, entries(*TWO, {"title": "Bài 1", "category": "Chung", "author": "Nhóm"}))
    work()
    with transaction(open_contest.engine) as connection:
        change_entry_state(connection, 1, 1, "withdrawn", Actor("minh"))
    moderator.post(path)
    work()
    page = moderator.get(path)
    assert "Có người đã sửa sau khi tệp được kiểm tra: “Bài 1”" in page.text
    assert len(titles(open_contest)) == 3


def test_cancelled_before_a_worker_has_it_and_asked_again(
    moderator: Desk, work: Callable[[], None], open_contest: Stage
) -> None:
    path = hand_in(moderator, entries(*TWO))
    work()
    moderator.post(path)
    assert moderator.post(f"{path}/cancel").status_code == 303
    work()
    assert "Đã dừng theo yêu cầu" in moderator.get(path).text
    assert len(titles(open_contest)) == 3
    moderator.post(path)
    work()
    assert len(titles(open_contest)) == 5
    with transaction(open_contest.engine) as connection:
        assert not cancel(connection, tasks_of(connection, "import")[0].id)


def test_tasks_of_others_are_no_checks(moderator: Desk, work: Callable[[], None]) -> None:
    path = hand_in(moderator, entries(*TWO))
    work()
    moderator.post(path)
    number = int(path.rpartition("/")[2]) + 1  # the import
    for other in (f"{PATH}/{number}", f"{PATH}/99"):
        assert moderator.get(other).status_code == 404
        assert moderator.post(other).status_code == 404
    assert moderator.get(f"{PATH}?contest=99").status_code == 404
