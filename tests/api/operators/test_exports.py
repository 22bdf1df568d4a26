"""Exports as they are downloaded: what is in them, who gets them, and what becomes of a client that does not read."""

import csv
import hashlib
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import openpyxl
import psutil
import pytest
from sqlalchemy import text

from api.operators import download
from models.database import Engine, transaction
from models.operator import Role
from tests.api.operators.desk import OWN, Desk
from tests.api.running import RunningApi
from tests.servers import wait_for
from tests.workers.contests import Stage
from workers.flush import drain

PAGE = "/operator/exports"
RISKY = '=HYPERLINK("http://x")'
MANY = 1_000_000


@pytest.fixture
def voted(open_contest: Stage, console: RunningApi) -> Stage:
    """Entry 1 with the title of a formula has 2 votes, entry 2 has 2, entry 3 one; all in the ledger."""
    for entry, votes in ((1, 2), (2, 2), (3, 1)):
        open_contest.cast_many(votes, entry)
    with transaction(open_contest.engine) as connection:
        connection.execute(text("UPDATE entries SET title = :title WHERE id = 1"), {"title": RISKY})
        connection.execute(text("UPDATE entries SET author = '+84' WHERE id = 2"))
    assert drain(open_contest.engine, open_contest.client, open_contest.contest_id, 0, seconds=20)
    return open_contest


def fill(engine: Engine, votes: int) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text(
                "INSERT INTO votes (account_id, entry_id, cast_at, log_ms, log_seq, receipt, shard, proof)"
                " SELECT n * 1000003::bigint, 2, now(), n, 0, n, 0, 1 FROM generate_series(1, :votes) n"
            ),
            {"votes": votes},
        )


def table(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def copies(engine: Engine) -> int:
    with transaction(engine) as connection:
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            " AND state <> 'idle' AND query LIKE 'COPY (%'"
        )
        return int(connection.scalar(text(query)) or 0)


def test_the_ranking_as_csv_is_provisional_and_no_cell_is_a_formula(voted: Stage, desk: Callable[..., Desk]) -> None:
    answer = desk(Role.MODERATOR).post(PAGE + "/results.csv")
    assert answer.headers["content-disposition"].startswith('attachment; filename="tam-tinh-thu-20')
    rows = table(answer.content)
    assert [(row["Hạng"], row["Đồng hạng"], row["Mã bài"], row["Số phiếu"]) for row in rows] == [
        ("1", "có", "1", "2"),
        ("1", "có", "2", "2"),
        ("3", "", "3", "1"),
    ]
    assert (rows[0]["Bài dự thi"], rows[1]["Tác giả"]) == ("'" + RISKY, "'+84")
    assert {row["Tình trạng"] for row in rows} == {"tạm tính"}


def test_the_ranking_as_a_workbook_holds_texts_only(voted: Stage, desk: Callable[..., Desk]) -> None:
    answer = desk(Role.MODERATOR).post(PAGE + "/results.xlsx")
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert book.sheetnames == ["Xếp hạng chung", "Theo lĩnh vực"]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert RISKY in [cell.value for cell in cells]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr", "n"}  # "f" would be a formula


def test_the_ranking_as_json(voted: Stage, desk: Callable[..., Desk]) -> None:
    document = json.loads(desk(Role.MODERATOR).post(PAGE + "/results.json").content)
    assert (document["final"], document["minutes_sha256"]) == (False, None)
    assert document["entries"][0]["title"] == RISKY


def test_after_the_close_out_it_is_what_the_minutes_say(
    voted: Stage, desk: Callable[..., Desk], work: Callable[[], None]
) -> None:
    admin = desk(Role.ADMIN)
    admin.post("/operator/results/close-out", {"early": "Đủ rồi.", "sure": "1"})
    work()
    document = json.loads(admin.post(PAGE + "/results.json").content)
    minutes = admin.get(f"/operator/results/minutes/{voted.contest_id}.json").content
    assert document["minutes_sha256"] == hashlib.sha256(minutes).hexdigest()
    assert {entry["standing"] for entry in document["entries"]} == {"chính thức"}
    assert [entry["votes"] for entry in document["entries"]] == [one["votes"] for one in json.loads(minutes)["ranking"]]
    votes = admin.post(PAGE + "/votes.csv").content
    assert json.loads(minutes)["votes_export"] == {"sha256": hashlib.sha256(votes).hexdigest(), "rows": 5}
    assert hashlib.sha256(votes).hexdigest() in admin.get(PAGE).text


def test_the_audit_log_as_csv(voted: Stage, desk: Callable[..., Desk]) -> None:
    with transaction(voted.engine) as connection:
        connection.execute(
            text("INSERT INTO audit (operator, action, subject, why) VALUES ('lan', 'a.b', '-1', '@SUM(1)')")
        )
    rows = table(desk(Role.ADMIN).post(PAGE + "/audit.csv").content)
    (line,) = [row for row in rows if row["Ai"] == "lan"]
    assert (line["Đối tượng"], line["Lý do"]) == ("'-1", "'@SUM(1)")
    assert rows[-1]["Việc"] == "export.audit"


def test_every_download_is_in_the_log(voted: Stage, desk: Callable[..., Desk]) -> None:
    admin = desk(Role.ADMIN)
    for path in ("results.csv", "results.xlsx", "results.json", "votes.csv", "audit.csv"):
        assert admin.post(f"{PAGE}/{path}").status_code == 200
    found = voted.rows("SELECT action FROM audit WHERE action LIKE 'export.%%' ORDER BY id")
    assert [action for (action,) in found] == [*["export.results"] * 3, "export.votes", "export.audit"]


def test_a_viewer_gets_nothing_and_a_moderator_no_votes(voted: Stage, desk: Callable[..., Desk]) -> None:
    viewer, moderator = desk(Role.VIEWER), desk(Role.MODERATOR)
    for path in ("results.csv", "results.xlsx", "results.json", "votes.csv", "audit.csv"):
        assert viewer.post(f"{PAGE}/{path}").status_code == 403
    for path in ("votes.csv", "audit.csv"):
        assert moderator.post(f"{PAGE}/{path}").status_code == 403
        assert path not in moderator.get(PAGE).text
    assert desk(Role.ADMIN).post(PAGE + "/results.exe").status_code == 404


@pytest.fixture
def sleeper(console: RunningApi, voted: Stage, desk: Callable[..., Desk]) -> Iterator[socket.socket]:
    """A client that has asked for a long export, and reads nothing."""
    fill(voted.engine, 300_000)
    admin = desk(Role.ADMIN, "cham")
    body = f"csrf={admin.csrf}".encode()
    head = (
        f"POST {PAGE}/votes.csv HTTP/1.1\r\nHost: 127.0.0.1:{console.port}\r\nCookie: operator={admin.token}\r\n"
        f"Sec-Fetch-Site: {OWN['Sec-Fetch-Site']}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", console.port))
        client.sendall(head.encode() + body)
        wait_for(lambda: copies(voted.engine) == 1, what="the export has begun")
        yield client


def test_one_at_a_time_and_the_next_when_the_client_has_gone(
    sleeper: socket.socket, voted: Stage, desk: Callable[..., Desk]
) -> None:
    admin = desk(Role.ADMIN)
    busy = admin.post(PAGE + "/audit.csv")
    assert busy.status_code == 429
    assert "đang chạy" in busy.text
    assert admin.post(PAGE + "/results.csv").status_code == 200
    sleeper.close()
    wait_for(lambda: copies(voted.engine) == 0, what="the query has ended")
    wait_for(lambda: admin.post(PAGE + "/audit.csv").status_code == 200, what="the next may begin")


def test_who_reads_nothing_is_left(
    console: RunningApi, voted: Stage, desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = download.Download.__init__
    monkeypatch.setattr(download.Download, "__init__", lambda self, *args: made(self, *args, slow_s=0.5))
    fill(voted.engine, 300_000)
    admin = desk(Role.ADMIN)
    with admin.client.stream("POST", PAGE + "/votes.csv", data={"csrf": admin.csrf}, headers=OWN) as answer:
        assert answer.status_code == 200
        wait_for(lambda: copies(voted.engine) == 0, what="the query has ended")
        with pytest.raises(Exception, match=r"(?i)closed|disconnected|reset|read"):
            for _ in answer.iter_bytes():
                pass
    assert admin.post(PAGE + "/audit.csv").status_code == 200


def test_a_million_votes_pass_through_and_the_process_stays_small(
    console: RunningApi, voted: Stage, desk: Callable[..., Desk]
) -> None:
    """And other requests are answered meanwhile."""
    admin = desk(Role.ADMIN)
    admin.post(PAGE + "/votes.csv")
    fill(voted.engine, MANY)
    process = psutil.Process()
    before, most, slowest, done = process.memory_info().rss, 0, 0.0, threading.Event()

    def look() -> None:
        nonlocal most, slowest
        while not done.is_set():
            began = time.monotonic()
            assert console.client.get("/health/live").status_code == 200
            slowest = max(slowest, time.monotonic() - began)
            most = max(most, process.memory_info().rss)

    looking = threading.Thread(target=look)
    looking.start()
    rows = 0
    with admin.client.stream("POST", PAGE + "/votes.csv", data={"csrf": admin.csrf}, headers=OWN) as answer:
        for chunk in answer.iter_raw():
            rows += chunk.count(b"\n")
    done.set()
    looking.join()
    assert rows == MANY + 5 + 1
    assert most - before < 48 * 1024**2, f"{(most - before) / 1024**2:.0f} MB more for {rows} rows"
    assert slowest < 2.0
