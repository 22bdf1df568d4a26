"""Corrections at the console: proposed by one, approved by another, shown to everybody."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from models.audit import Actor, record
from models.database import transaction
from models.erasing import criteria_of_contest, erase_criteria
from models.operator import Role
from models.result_corrections import corrections_under_way
from tests.api.operators.desk import Desk
from tests.api.running import RunningApi
from tests.servers import wait_for
from tests.workers.contests import Stage
from tests.workers.correcting import counted, flushed

REASON = "Phiếu do phần mềm tự động gửi."
Votes = list[tuple[int, int]]
Sit = Callable[..., Desk]
Do = Callable[[], None]


@pytest.fixture
def votes(open_contest: Stage) -> Votes:
    """10 votes for entry 1; 12 others for it, 200 for entry 2."""
    open_contest.cast_many(200, entry=2)
    open_contest.cast_many(12)
    made = open_contest.cast_many(10)
    flushed(open_contest)
    return made


def form(votes: Votes, **more: Any) -> dict[str, Any]:
    accounts = "\n".join(str(account) for account, _ in votes)
    return {"action": "void", "accounts": accounts, "reason": REASON, "note": "nội bộ: đã gọi trường"} | more


def propose(desk: Desk, votes: Votes, **more: Any) -> str:
    answer = desk.post("/operator/corrections", form(votes, **more))
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def approve(desk: Desk, path: str, **more: Any) -> httpx.Response:
    expected = re.search(r'name="expected" value="(\d+)"', desk.get(path).text)
    return desk.post(path + "/approve", {"expected": expected[1] if expected else ""} | more)


def rows(stage: Stage, query: str) -> list[tuple[Any, ...]]:
    return stage.rows(query)


def test_one_proposes_another_approves_and_the_votes_are_voided(
    desk: Sit, work: Do, open_contest: Stage, votes: Votes
) -> None:
    lan, an = desk(Role.MODERATOR, "lan"), desk(Role.ADMIN, "an")
    path = propose(lan, votes)
    assert "Đang chạy thử" in lan.get(path).text
    work()
    page = lan.get(path).text
    assert "Chờ phê duyệt" in page
    assert "<strong>10</strong>" in page
    assert "một quản trị viên khác phải phê duyệt" in page
    assert set(votes) <= counted(open_contest)
    assert approve(an, path).status_code == 303
    assert "Đã phê duyệt, chờ chạy" in an.get(path).text
    work()
    page = an.get(path).text
    assert "Đã xong" in page
    assert "10 phiếu" in page
    assert re.search(r"lan đề nghị lúc [^<]*\.\s+an phê duyệt lúc [^<]*\.\s+Kết thúc lúc", page)
    assert "4,5 % số phiếu đang được tính" in page
    assert not set(votes) & counted(open_contest)
    actions = [
        row[0] for row in rows(open_contest, "SELECT action FROM audit WHERE action LIKE 'correction.%%' ORDER BY id")
    ]
    assert actions == ["correction.propose", "correction.proposed", "correction.approve", "correction.done"]
    assert rows(open_contest, "SELECT DISTINCT operator FROM audit WHERE action LIKE 'correction.%%' ORDER BY 1") == [
        ("an",),
        ("lan",),
    ]


def test_turned_back_exactly(desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    lan, an = desk(Role.MODERATOR, "lan"), desk(Role.ADMIN, "an")
    before = counted(open_contest)
    path = propose(lan, votes)
    work()
    approve(an, path)
    work()
    assert lan.post(path + "/undo", {"reason": ""}).status_code == 422
    answer = lan.post(path + "/undo", {"reason": "Loại nhầm."})
    back = answer.headers["location"]
    work()
    assert "đảo lại số" in lan.get("/operator/corrections").text
    assert approve(an, back).status_code == 303
    work()
    assert counted(open_contest) == before
    assert "Được đảo lại bằng" in an.get(path).text


def test_what_it_says_of_evidence_is_not_in_the_audit_log_and_is_told_when_it_is_erased(
    desk: Sit, work: Do, open_contest: Stage, votes: Votes
) -> None:
    lan = desk(Role.MODERATOR, "lan")
    path = propose(lan, votes, network="192.0.2.0/24", device="00ab" * 4)
    work()
    assert "192.0.2.0/24" in lan.get(path).text
    ((after,),) = rows(open_contest, "SELECT after::text FROM audit WHERE action = 'correction.propose'")
    assert "192.0.2" not in after
    assert "00ab" not in after
    assert '"network": true' in after
    with transaction(open_contest.engine) as connection:
        assert erase_criteria(connection, criteria_of_contest(open_contest.contest_id)) == 1
    page = lan.get(path).text
    assert "192.0.2" not in page
    assert page.count("đã xoá theo thời hạn lưu giữ") == 2


def test_nobody_approves_their_own(desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    an = desk(Role.ADMIN, "an")
    path = propose(an, votes)
    work()
    assert 'name="expected"' not in an.get(path).text
    assert an.post(path + "/approve", {"expected": "10"}).status_code == 409
    assert desk(Role.MODERATOR, "lan").post(path + "/approve", {"expected": "10"}).status_code == 403
    work()
    assert set(votes) <= counted(open_contest)


def test_who_was_let_in_since_is_no_second_person(desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    """An admin who makes an account, or takes one over, to approve what they propose themselves."""
    lan, binh = desk(Role.ADMIN, "lan"), desk(Role.ADMIN, "binh")

    def lets_in(other: Desk, action: str, by: int | None = lan.id) -> None:
        with transaction(open_contest.engine) as connection:
            record(connection, Actor("lan", by), action, f"operator:{other.id}")

    lets_in(binh, "operator.reset")
    path = propose(lan, votes)
    work()
    for action in ("operator.create", "operator.role", "operator.active", "operator.reset"):
        puppet = desk(Role.ADMIN, f"an.{action}")
        lets_in(puppet, action)
        answer = approve(puppet, path)
        assert (answer.status_code, "sau khi có đề nghị này" in answer.text) == (409, True), action
    assert rows(open_contest, "SELECT state FROM corrections") == [("proposed",)]
    lets_in(binh, "operator.reset", by=None)
    assert approve(binh, path).status_code == 303, "there before it was proposed, and helped by a technician since"


def test_what_two_decided_is_not_for_a_third_to_stop(desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    lan, an, binh = desk(Role.MODERATOR, "lan"), desk(Role.ADMIN, "an"), desk(Role.MODERATOR, "binh")
    path = propose(lan, votes)
    work()
    approve(an, path)
    assert "Dừng lại</button>" not in binh.get(path).text
    assert binh.post(path + "/cancel").status_code == 409
    work()
    assert not set(votes) & counted(open_contest)


def test_numbers_that_changed_are_shown_again(desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    lan, an = desk(Role.MODERATOR, "lan"), desk(Role.ADMIN, "an")
    first, second = propose(lan, votes[:6]), propose(lan, votes[4:])
    work()
    seen = re.search(r'name="expected" value="(\d+)"', an.get(second).text)
    assert seen is not None
    approve(an, first)
    work()
    flushed(open_contest)
    refused = an.post(second + "/approve", {"expected": seen[1]})
    assert refused.status_code == 422
    assert "Số phiếu đã thay đổi" in refused.text
    assert "bây giờ còn 4 phiếu" in refused.text
    assert approve(an, second).status_code == 303


def test_a_large_one_must_be_typed(desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    lan, an = desk(Role.MODERATOR, "lan"), desk(Role.ADMIN, "an")
    path = propose(lan, [], entries=["1"])
    work()
    assert "hơn một nửa số phiếu của một bài" in an.get(path).text
    for typed in ("", "1", "hai mươi hai"):
        refused = approve(an, path, confirmation=typed)
        assert refused.status_code == 422
        assert "hãy gõ đúng số phiếu" in refused.text
    assert approve(an, path, confirmation="22").status_code == 303


def test_none_and_all_are_told(desk: Sit, work: Do, votes: Votes) -> None:
    lan = desk(Role.MODERATOR, "lan")
    nobody, everybody = propose(lan, [(5, 1)]), propose(lan, [], cast_from="2020-01-01T00:00")
    work()
    assert "Không có phiếu nào khớp" in lan.get(nobody).text
    assert "khớp với mọi phiếu" in lan.get(everybody).text
    assert desk(Role.ADMIN, "an").post(everybody + "/approve", {"expected": "222"}).status_code == 409


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"accounts": ""}, "ít nhất một tiêu chí"),
        ({"accounts": "", "network": "203.0.113.0/24"}, "chỉ vì địa chỉ mạng"),
        ({"accounts": "", "network": "203.0.113.0/24", "entries": ["1"]}, "chỉ vì địa chỉ mạng"),
        ({"network": "203.0.113"}, "một dải mạng"),
        ({"network": "0.0.0.0/0"}, "một dải mạng"),
        ({"accounts": "1\nlan@example.vn"}, "lan@example.vn không phải"),
        ({"accounts": "9" * 30}, "không phải"),
        ({"receipts": "7F3K-92QD-0A1B-2C3D-4E5F"}, "không phải"),
        ({"device": "xyz"}, "16 chữ số"),
        ({"cluster": "nhóm 1"}, "số của cụm"),
        ({"cluster": "12345"}, "Không có cụm số"),
        ({"cast_from": "hôm qua"}, "ngày và giờ"),
        ({"cast_from": "2026-11-21T00:00", "cast_until": "2026-11-20T00:00"}, "phải sau lúc bắt đầu"),
        ({"reason": ""}, "lý do công khai"),
        ({"reason": "Tài khoản 0912 345 678 gian lận"}, "không được có địa chỉ email"),
        ({"reason": "Của nguyen@example.vn"}, "không được có địa chỉ email"),
        ({"reason": "x" * 201}, "Nhiều nhất 200"),
        ({"reason_en": "Receipt 7F3K-92QD-0A1B-2C3D-4E5F"}, "không được có địa chỉ email"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_typed_is_lost(
    desk: Sit, open_contest: Stage, wrong: dict[str, Any], sentence: str
) -> None:
    answer = desk(Role.MODERATOR).post("/operator/corrections", form([(1, 1)]) | wrong)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "nội bộ: đã gọi trường" in answer.text
    for value in wrong.values():
        if isinstance(value, str):
            assert value.split("\n")[0] in answer.text
    assert rows(open_contest, "SELECT count(*) FROM corrections") == [(0,)]


def test_stopped_before_it_ran(desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    lan, an = desk(Role.MODERATOR, "lan"), desk(Role.ADMIN, "an")
    path = propose(lan, votes)
    work()
    assert lan.post(path + "/cancel").status_code == 409
    approve(an, path)
    assert lan.post(path + "/cancel").status_code == 303
    assert "Đang dừng" in lan.get(path).text
    work()
    assert "Đã dừng" in lan.get(path).text
    assert set(votes) <= counted(open_contest)


def test_rejected_or_taken_back(desk: Sit, work: Do, votes: Votes) -> None:
    lan, binh, an = desk(Role.MODERATOR, "lan"), desk(Role.MODERATOR, "binh"), desk(Role.ADMIN, "an")
    first, second = propose(lan, votes), propose(lan, votes)
    work()
    assert binh.post(first + "/reject").status_code == 409
    assert lan.post(first + "/reject").status_code == 303
    assert an.post(second + "/reject", {"decision_note": "chưa đủ căn cứ"}).status_code == 303
    assert "chưa đủ căn cứ" in lan.get(second).text
    assert an.post(first + "/approve", {"expected": "10"}).status_code == 409


def test_one_whose_dry_run_broke_can_be_taken_back(desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    """Else it would bar the close-out for ever."""
    lan, binh = desk(Role.MODERATOR, "lan"), desk(Role.MODERATOR, "binh")
    path = propose(lan, votes)
    with transaction(open_contest.engine) as connection:
        connection.execute(text("UPDATE tasks SET state = 'failed', problem = 'hỏng' WHERE kind = 'correction.count'"))
    page = lan.get(path).text
    assert "hỏng" in page
    assert "Rút lại đề nghị" in page
    assert "Rút lại đề nghị" not in binh.get(path).text
    assert binh.post(path + "/reject").status_code == 409
    assert lan.post(path + "/reject").status_code == 303
    work()
    assert rows(open_contest, "SELECT state FROM corrections") == [("rejected",)]
    with transaction(open_contest.engine) as connection:
        assert corrections_under_way(connection, open_contest.contest_id) == []


def test_one_that_is_being_counted_can_be_taken_back(desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    path = propose(desk(Role.MODERATOR, "lan"), votes)
    assert desk(Role.ADMIN, "an").post(path + "/reject").status_code == 303
    work()
    assert rows(open_contest, "SELECT state FROM corrections") == [("rejected",)]


def test_one_that_failed_goes_on(desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    lan, an = desk(Role.MODERATOR, "lan"), desk(Role.ADMIN, "an")
    path = propose(lan, votes)
    work()
    approve(an, path)
    with transaction(open_contest.engine) as connection:
        connection.execute(text("UPDATE tasks SET state = 'failed', problem = 'hỏng' WHERE kind = 'correction.run'"))
    page = an.get(path).text
    assert "hỏng" in page
    assert an.post(path + "/resume").status_code == 303
    work()
    assert "Đã xong" in an.get(path).text
    assert not set(votes) & counted(open_contest)


def test_nothing_of_a_final_contest_is_corrected(desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    lan, an = desk(Role.MODERATOR, "lan"), desk(Role.ADMIN, "an")
    path = propose(lan, votes)
    work()
    with transaction(open_contest.engine) as connection:
        connection.execute(text("UPDATE contests SET state = 'final'"))
    assert an.post(path + "/approve", {"expected": "10"}).status_code == 409
    by_address = lan.get("/operator/corrections/new")
    assert "không loại và không khôi phục phiếu được nữa" in by_address.text
    assert 'name="reason"' not in by_address.text
    refused = lan.post("/operator/corrections", form(votes))
    assert refused.status_code == 422
    assert "đã chốt" in refused.text


def test_a_cluster_is_handed_over(desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql(
            "INSERT INTO clusters (contest_id, entry_id, signals, strength, accounts, counted, traces)"
            f" VALUES ({open_contest.contest_id}, 1, '{{device}}', 1, 10, 10, '{{}}')"
        )
        for account, _ in votes:
            connection.execute(
                text("INSERT INTO cluster_accounts (cluster_id, account_id, strength) VALUES (1, :account, 1)"),
                {"account": account},
            )
    lan = desk(Role.MODERATOR, "lan")
    page = lan.get("/operator/corrections/new?cluster=1").text
    assert 'name="cluster" type="text" value="1"' in page
    assert re.search(r'value="1" checked> Bài 1', page)
    path = propose(lan, [], cluster="1", entries=["1"])
    work()
    assert "<strong>10</strong>" in lan.get(path).text
    assert rows(open_contest, "SELECT state, decided_by FROM clusters") == [("handed", "lan")]
    page = lan.get("/operator/signals/clusters/1").text
    assert "<dd>99 %</dd>" in page, "signals are never quite sure"


def test_a_cluster_and_the_index_follow_the_correction(desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql(
            "INSERT INTO clusters (contest_id, entry_id, signals, strength, accounts, counted, traces)"
            f" VALUES ({open_contest.contest_id}, 1, '{{device}}', 1, 10, 10, '{{}}')"
        )
        connection.execute(
            text("INSERT INTO cluster_accounts SELECT 1, unnest(CAST(:accounts AS bigint[])), 1"),
            {"accounts": [account for account, _ in votes]},
        )
    lan, an = desk(Role.MODERATOR, "lan"), desk(Role.ADMIN, "an")

    def shown() -> tuple[str, str]:
        """(the cluster's state in words, the index of its entry or none)."""
        found = re.search(r'class="tag[^"]*">([^<]*)</span></p>', lan.get("/operator/signals/clusters/1").text)
        page = lan.get("/operator/signals").text
        assert found
        assert found[1] in page.partition('id="list-decided"')[2].partition('id="indices"')[0]
        index = re.search(r"</meter> (\d+)", page)
        return found[1], index[1] if index else ""

    dropped = propose(lan, [], cluster="1", entries=["1"])
    work()
    assert shown() == ("Đã đề nghị loại phiếu", "45")
    assert an.post(dropped + "/reject", {"note": "Là người thật."}).status_code == 303
    assert shown() == ("Đề nghị loại phiếu không thành", "45")
    path = propose(lan, [], cluster="1", entries=["1"])
    work()
    approve(an, path)
    work()
    assert shown() == ("Đã loại phiếu", "")
    back = lan.post(path + "/undo", {"reason": "Loại nhầm."}).headers["location"]
    work()
    assert shown() == ("Đã loại phiếu", "")
    approve(an, back)
    work()
    assert shown() == ("Đã loại rồi khôi phục phiếu", "45")


def test_what_everybody_sees(console: RunningApi, desk: Sit, work: Do, open_contest: Stage, votes: Votes) -> None:
    lan, an = desk(Role.MODERATOR, "lan"), desk(Role.ADMIN, "an")
    code = open_contest.receipts.code(open_contest.receipts.number(*votes[0]))
    path = propose(lan, votes, reason_en="Sent by a program.")
    work()
    approve(an, path)
    work()
    flushed(open_contest)
    found = console.client.get(f"/api/receipts/{code}").json()
    assert (found["status"], found["reason"]) == ("voided", REASON)
    wait_for(lambda: console.client.get("/api/corrections").json()["corrections"], what="the public log")
    (line,) = console.client.get("/api/corrections").json()["corrections"]
    assert (line["action"], line["votes"], line["reason"]) == ("void", 10, REASON)
    assert line["entries"] == [{"entry_id": 1, "votes": 10}]
    assert (line["proposed_by"], line["approved_by"]) == ("moderator", "admin")
    assert not {"lan", "an"} & set(re.findall(r'"(\w+)"', console.client.get("/api/corrections").text))
    page = console.client.get("/nhat-ky-loai-phieu").text
    assert REASON in page
    assert "10 phiếu" in page
    assert "Sent by a program." in console.client.get("/en/nhat-ky-loai-phieu").text
    looked = console.client.get("/tra-cuu", params={"ma": code}).text
    assert "Phiếu đã bị loại" in looked
    assert REASON in looked
    assert "Sent by a program." in console.client.get("/en/tra-cuu", params={"ma": code}).text
