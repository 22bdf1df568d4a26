"""Close-out and publication at the console, and that nothing leaks before it."""

import json
from collections.abc import Callable
from datetime import datetime

import httpx
import pytest
from sqlalchemy import text

from models.database import transaction
from models.decisions import bring
from models.minutes import public_key, verify
from models.operator import Role
from models.result import find_result
from models.times import VIETNAM, rfc3339_of
from tests.api.operators.desk import Desk, form_in
from tests.api.running import RunningApi, settings_for
from tests.servers import wait_for
from tests.workers.contests import KEYS, Stage

PAGE = "/operator/results"
FORM = {"number": "12/BB-BTC", "place": "Thái Nguyên", "persons": "Bà An – Trưởng ban\nÔng Bình – Thư ký", "sure": "1"}
PUBLIC = ("/", "/binh-chon", "/ket-qua", "/en/ket-qua", "/bai-du-thi/bai-1", "/api/contest", "/api/entries", "/metrics")
VOTES = 37_219  # a number that no page has by chance


@pytest.fixture
def ended(open_contest: Stage, console: RunningApi) -> Stage:
    """Voting is over; entry 2 has 3 votes, entry 1 has 3, entry 3 one."""
    for entry, votes in ((1, 3), (2, 3), (3, 1)):
        open_contest.cast_many(votes, entry)
    decide(open_contest, closes_at="now() - interval '1 s'")
    return open_contest


def decide(made: Stage, **values: str) -> None:
    """SQL expressions into the contest's row, with a rising version."""
    changes = ", ".join(f"{name} = {value}" for name, value in values.items())
    with transaction(made.engine) as connection:
        connection.execute(text(f"UPDATE contests SET {changes}, version = version + 1"))


def closed_out(admin: Desk, work: Callable[[], None]) -> httpx.Response:
    assert admin.post(PAGE + "/close-out", FORM).status_code == 303
    work()
    return admin.get(PAGE)


def test_from_close_out_to_the_public_page(
    ended: Stage, console: RunningApi, desk: Callable[..., Desk], work: Callable[[], None]
) -> None:
    admin = desk(Role.ADMIN, "lan")
    assert "Kiểm phiếu và chốt kết quả" in admin.get(PAGE).text
    made = closed_out(admin, work)
    assert "Kết quả chưa được công bố" in made.text
    assert made.text.count("đồng hạng") == 4  # two entries, overall and in their category
    files = {kind: admin.get(f"{PAGE}/minutes/{ended.contest_id}.{kind}").content for kind in ("pdf", "json", "sig")}
    document = verify(files["json"], files["sig"], public_key(KEYS, ended.contest_id))
    assert document["persons"] == ["Bà An – Trưởng ban", "Ông Bình – Thư ký"]
    assert files["pdf"].startswith(b"%PDF-")

    assert admin.post(PAGE + "/publish", {"sure": "1"}).status_code == 303
    wait_for(lambda: "Kết quả chính thức" in console.client.get("/ket-qua").text)
    page = console.client.get("/ket-qua").text
    assert page.count("(đồng hạng)") == 4
    assert "7 phiếu" in page
    assert page.partition("<main")[2].partition("</main>")[0].count('href="/nhat-ky-loai-phieu"') == 1
    for line in ('<a href="/bai-du-thi/bai-1">Bài 1</a>', public_key(KEYS, ended.contest_id)):
        assert line in page
    contest = console.client.get("/api/contest").json()
    assert contest["minutes_key"] == public_key(KEYS, ended.contest_id)
    assert console.client.get(contest["minutes"]["json"]).content == files["json"]
    assert console.client.get(contest["minutes"]["signature"]).content == files["sig"]
    shown = console.client.get(contest["minutes"]["pdf"])
    assert (shown.content, shown.headers["content-type"]) == (files["pdf"], "application/pdf")
    assert "Đã công bố kết quả" in console.client.get("/").text
    actions = [action for (action,) in ended.rows("SELECT action FROM audit WHERE operator = 'lan' ORDER BY id")]
    assert actions == ["contest.finalise", "result.make", *["export.minutes"] * 3, "result.publish"]
    admin.post(PAGE + "/publish", {"sure": "1"})
    assert ended.rows("SELECT count(*) FROM audit WHERE action = 'result.publish'") == [(1,)]


def test_what_is_published_needs_no_ledger(
    ended: Stage, console: RunningApi, desk: Callable[..., Desk], work: Callable[[], None], box: str
) -> None:
    admin = desk(Role.ADMIN)
    closed_out(admin, work)
    admin.post(PAGE + "/publish", {"sure": "1"})
    wait_for(lambda: "Kết quả chính thức" in console.client.get("/ket-qua").text)
    files = console.client.get("/api/contest").json()["minutes"]
    other = RunningApi(
        settings_for(box, data_dir=console.settings.data_dir, identity_key=console.settings.identity_key)
    )
    try:
        other.wait_ready()
        for path in ("/ket-qua", "/en/ket-qua", *files.values()):
            assert other.client.get(path).content == console.client.get(path).content, path
    finally:
        other.stop()


@pytest.mark.parametrize("policy", ["hidden", "published"])
def test_nothing_leaks_before_the_publication(
    ended: Stage, console: RunningApi, desk: Callable[..., Desk], work: Callable[[], None], policy: str
) -> None:
    """Not the count, nor by the order of entries: neither while it is hidden nor between close-out and publication."""
    with transaction(ended.engine) as connection:
        connection.execute(
            text(
                "INSERT INTO votes (account_id, entry_id, receipt, shard, proof)"
                " SELECT n * 7919::bigint, 3, n, 0, 1 FROM generate_series(1, :votes) n"
            ),
            {"votes": VOTES - 1},
        )
    decide(ended, result_policy=f"'{policy}'")
    ended.repair()
    wait_for(lambda: console.client.get("/api/contest").json()["result_policy"] == policy)
    admin, viewer = desk(Role.ADMIN), desk(Role.VIEWER)
    for step in ("over", "final"):
        if step == "final":
            assert "37.219" in closed_out(admin, work).text
        wait_for(lambda said=step: console.client.get("/api/contest").json()["state"] in ("closed", said))
        pages = {path: console.client.get(path).text for path in PUBLIC}
        pages |= {path: viewer.get(path).text for path in ("/operator/audit",)}
        for path, page in pages.items():
            assert "37219" not in page.replace(".", "").replace(",", ""), (step, path)
        assert console.client.get("/api/tallies").json()["tallies"] is None
        assert [one["id"] for one in console.client.get("/api/entries").json()["entries"]] == [1, 2, 3]
        for kind in ("pdf", "json", "sig"):
            assert viewer.get(f"{PAGE}/minutes/{ended.contest_id}.{kind}").status_code == 403
        assert viewer.get("/operator/exports").status_code == 403
    seen = viewer.get(PAGE).text  # who watches sees the counts, as in the live view
    assert "37.219" in seen
    assert "chưa được công bố, không chia sẻ" in seen
    assert "/minutes/" not in seen
    with transaction(ended.engine) as connection:
        result = find_result(connection, ended.contest_id)
    assert result is not None
    assert result.files == {}  # nothing lies where the public could find it
    assert not list(console.settings.media().glob("*"))


def test_hidden_again_after_the_publication(
    ended: Stage, console: RunningApi, desk: Callable[..., Desk], work: Callable[[], None]
) -> None:
    admin = desk(Role.ADMIN)
    closed_out(admin, work)
    admin.post(PAGE + "/publish", {"sure": "1"})
    wait_for(lambda: "Kết quả chính thức" in console.client.get("/ket-qua").text)
    decide(ended, result_policy="'hidden'")
    assert bring(ended.engine, ended.client, ended.contest)
    wait_for(lambda: "Kết quả chính thức" not in console.client.get("/ket-qua").text)
    assert "7 phiếu" not in console.client.get("/ket-qua").text
    assert console.client.get("/api/contest").json()["minutes"] is None
    assert console.client.get("/api/tallies").json()["tallies"] is None


def test_before_the_end_it_asks_for_a_reason_and_keeps_what_was_typed(
    open_contest: Stage, console: RunningApi, desk: Callable[..., Desk], work: Callable[[], None]
) -> None:
    admin = desk(Role.ADMIN)
    open_contest.cast_many(2)
    asked = admin.post(PAGE + "/close-out", FORM)
    assert asked.status_code == 422
    assert "Chưa hết thời gian bình chọn" in asked.text
    for typed in ("12/BB-BTC", "Thái Nguyên", "Ông Bình – Thư ký"):
        assert typed in asked.text
    assert open_contest.contest.state == "open"
    assert admin.post(PAGE + "/close-out", FORM | {"early": "Mất điện toàn tỉnh."}).status_code == 303
    work()
    assert open_contest.contest.state == "final"
    (line,) = open_contest.rows("SELECT why FROM audit WHERE action = 'contest.end_early'")
    assert line == ("Mất điện toàn tỉnh.",)


def test_an_end_by_moving_the_voting_time_stands_in_the_minutes(
    open_contest: Stage, console: RunningApi, desk: Callable[..., Desk], work: Callable[[], None]
) -> None:
    admin, first = desk(Role.ADMIN, "lan"), open_contest.contest.closes_at
    path = f"/operator/contests/{open_contest.contest_id}/window"
    now = datetime.now(VIETNAM).strftime("%Y-%m-%dT%H:%M")
    form = form_in(admin.get(path)) | {"closes_at": now, "why": "Mất điện toàn tỉnh.", "sure": "1"}
    assert admin.post(path, form).status_code == 303
    wait_for(lambda: open_contest.rows("SELECT 1 FROM contests WHERE closes_at < clock_timestamp()"))
    closed_out(admin, work)
    document = admin.get(f"{PAGE}/minutes/{open_contest.contest_id}.json").json()
    (change,) = document["voting_changes"]
    assert (change["by"], change["what"], change["why"]) == ("lan", "window", "Mất điện toàn tỉnh.")
    assert change["from"] == {"closes_at": rfc3339_of(first)}
    assert change["to"] == {"closes_at": document["contest"]["closes_at"]}
    assert document["closed"]["early"] == "Mất điện toàn tỉnh."


@pytest.mark.parametrize(
    "wrong",
    [
        {"sure": ""},
        {"number": "x" * 61},
        {"number": "a\nb"},
        {"place": "y" * 81},
        {"persons": "\n".join(["ai đó"] * 13)},
        {"persons": "z" * 151},
    ],
)
def test_bad_fields_are_told(ended: Stage, desk: Callable[..., Desk], wrong: dict[str, str]) -> None:
    answer = desk(Role.ADMIN).post(PAGE + "/close-out", FORM | wrong)
    assert answer.status_code == 422
    assert "Cần sửa trước khi lưu" in answer.text
    assert ended.rows("SELECT count(*) FROM tasks") == [(0,)]


def test_a_refused_close_out_says_what_to_do_and_may_be_tried_again(
    ended: Stage, desk: Callable[..., Desk], work: Callable[[], None]
) -> None:
    admin = desk(Role.ADMIN)
    ended.client.hincrby(ended.keys().tally, "1", 2)
    assert "sai lệch 2 phiếu" in closed_out(admin, work).text
    assert ended.contest.state == "closed"
    ended.repair()
    assert "chốt kết quả" in closed_out(admin, work).text
    assert ended.contest.state == "final"


def test_publication_needs_minutes_and_a_mark(
    ended: Stage, desk: Callable[..., Desk], work: Callable[[], None]
) -> None:
    admin = desk(Role.ADMIN)
    assert admin.post(PAGE + "/publish", {"sure": "1"}).status_code == 422
    closed_out(admin, work)
    assert admin.post(PAGE + "/publish").status_code == 422
    assert ended.contest.result_policy == "live"


def test_pressed_twice_it_is_one_task(ended: Stage, desk: Callable[..., Desk]) -> None:
    admin = desk(Role.ADMIN)
    for _ in range(2):
        assert admin.post(PAGE + "/close-out", FORM).status_code == 303
    assert ended.rows("SELECT count(*) FROM tasks WHERE kind = 'close_out'") == [(1,)]
    assert "Đang chờ xử lý" in admin.get(PAGE).text


def test_titles_stand_as_text(ended: Stage, desk: Callable[..., Desk], work: Callable[[], None]) -> None:
    with transaction(ended.engine) as connection:
        connection.execute(text("UPDATE entries SET title = '=1+1<script>alert(1)</script>' WHERE id = 1"))
    page = closed_out(desk(Role.ADMIN), work).text
    assert "<script>alert" not in page
    assert "=1+1&lt;script&gt;" in page
    with transaction(ended.engine) as connection:
        result = find_result(connection, ended.contest_id)
    assert result is not None
    assert json.loads(result.minutes)["ranking"][0]["title"] == "=1+1<script>alert(1)</script>"
