"""Signals at the console: what is shown and decided, limits and lists that act at once."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx
import pytest

from models.database import transaction
from models.limits import DEFAULTS, read_limits
from models.operator import Role
from models.scratch.connection import scratch_client
from models.signal_lists import honest
from tests.api.operators.desk import Desk
from tests.api.running import RunningApi
from tests.api.voters.logging_in import OWN, TICKED
from tests.workers.contests import Stage

PAGES = ("", "/limits", "/domains", "/networks")


@pytest.fixture
def moderator(desk: Callable[..., Desk]) -> Desk:
    return desk(Role.MODERATOR, "lan")


def run(stage: Stage, statement: str, *values: Any) -> None:
    with transaction(stage.engine) as connection:
        connection.exec_driver_sql(statement, values)


@pytest.fixture
def cluster(open_contest: Stage) -> int:
    """A cluster of 30 of the 50 votes for the first entry; the second has 40."""
    stage = open_contest
    run(
        stage,
        "INSERT INTO tallies (contest_id, shard, entry_id, votes) VALUES (%s, 0, 1, 50), (%s, 0, 2, 40)",
        stage.contest_id,
        stage.contest_id,
    )
    numbers = (
        '{"signals": [{"signal": "device", "observed": 30, "expected": 0.2, "accounts": 30}, {"signal": "rhythm",'
        ' "observed": 30, "expected": 0.1, "accounts": 30}], "devices": 1, "networks": 3, "domains": 1, "gap_s": 20.0,'
        ' "hasty_s": 1.6, "series": {"from": 1767225600000, "step_s": 3600, "votes": [10, 20], "openings": [30, 0],'
        ' "entry": [20, 30]}}'
    )
    traces = '{"hints": ["n•••@hop.example"], "domains": [["hop.example", 30]], "networks": [["203.0.113.0/24", 30]]}'
    run(
        stage,
        "INSERT INTO clusters (contest_id, entry_id, signals, strength, accounts, counted, first_at, last_at, numbers,"
        " traces) VALUES (%s, 1, '{device,rhythm}', 0.9, 30, 30, now(), now(), %s, %s)",
        stage.contest_id,
        numbers,
        traces,
    )
    return int(stage.rows("SELECT id FROM clusters")[0][0])


def audited(stage: Stage) -> list[tuple[Any, ...]]:
    return stage.rows("SELECT operator, action, subject, why FROM audit WHERE operator = 'lan' ORDER BY id")


def test_the_pages_of_a_contest_without_anything(moderator: Desk) -> None:
    for page in PAGES:
        assert moderator.get("/operator/signals" + page).status_code == 200, page


def test_the_list_says_index_cluster_and_signals(moderator: Desk, cluster: int) -> None:
    page = moderator.get("/operator/signals").text
    assert f'href="/operator/signals/clusters/{cluster}"' in page
    assert "Cùng một dấu thiết bị" in page
    assert "Nhịp của máy" in page
    assert '<meter min="0" max="100" value="54"' in page  # 30 votes · 0.9 of 50


def test_a_cluster_shows_evidence_picture_and_effect(moderator: Desk, cluster: int) -> None:
    page = moderator.get(f"/operator/signals/clusters/{cluster}").text
    for shown in ("n•••@hop.example", "203.0.113.0/24", "<svg", f"/operator/corrections/new?cluster={cluster}"):
        assert shown in page, shown
    row = page[page.index('id="effect"') :]
    assert ">50<" in row
    assert ">20<" in row  # what is left of the first entry, which comes second then
    assert moderator.get(f"/operator/corrections/new?cluster={cluster}").status_code == 200


@pytest.mark.parametrize("number", ["999", str(2**63), "9" * 40])
def test_a_cluster_that_is_not_there(moderator: Desk, number: str) -> None:
    for path in ("", "/dismiss", "/reopen"):
        address = f"/operator/signals/clusters/{number}{path}"
        answer = moderator.post(address, {"reason": "x"}) if path else moderator.get(address)
        assert answer.status_code == 404, address


def seen(page: httpx.Response) -> str:
    return page.text.partition('name="seen" value="')[2].partition('"')[0]


def test_dismissed_with_a_reason_and_back(moderator: Desk, cluster: int, open_contest: Stage, scratch: str) -> None:
    path = f"/operator/signals/clusters/{cluster}"
    form = {"seen": seen(moderator.get(path)), "reason": "lớp 11A2 <b>"}
    assert moderator.post(path + "/dismiss", form).status_code == 303
    page = moderator.get(path)
    assert "lan đã bỏ qua cụm này" in page.text
    assert "lớp 11A2 &lt;b&gt;" in page.text
    with closing(scratch_client(scratch)) as client:
        assert client.hget("status", "signals") == b"0"
    assert "meter" not in moderator.get("/operator/signals").text, "a dismissed cluster weighs nothing"
    assert moderator.post(path + "/reopen", {"seen": seen(page)}).status_code == 303
    assert audited(open_contest) == [
        ("lan", "cluster.dismiss", f"cluster:{cluster}", "lớp 11A2 <b>"),
        ("lan", "cluster.reopen", f"cluster:{cluster}", ""),
    ]


def test_without_a_reason_or_of_a_cluster_that_changed_nothing_is_done(
    moderator: Desk, cluster: int, open_contest: Stage
) -> None:
    path = f"/operator/signals/clusters/{cluster}"
    form = {"seen": seen(moderator.get(path))}
    assert moderator.post(path + "/dismiss", form).status_code == 422
    long = moderator.post(path + "/dismiss", form | {"reason": "d" * 501})
    assert long.status_code == 422
    assert "d" * 501 in long.text, "nothing typed is lost"
    run(open_contest, "UPDATE clusters SET accounts = 31")
    told = moderator.post(path + "/dismiss", form | {"reason": "trường của tôi"})
    assert told.status_code == 409
    assert "trường của tôi" in told.text
    assert open_contest.rows("SELECT state FROM clusters") == [("new",)]
    assert audited(open_contest) == []


def test_a_search_at_once_is_a_task_and_two_are_one(
    moderator: Desk, open_contest: Stage, work: Callable[[], None]
) -> None:
    open_contest.cast_many(40)
    for _ in range(2):
        assert moderator.post("/operator/signals/search", {"whole": "yes"}).status_code == 303
    assert open_contest.rows("SELECT kind, payload FROM tasks") == [("signals", {"whole": True})]
    assert 'data-state="waiting"' in moderator.get("/operator/signals").text
    work()
    page = moderator.get("/operator/signals").text
    assert 'data-state="done"' in page
    assert "Đã xét mọi phiếu của cuộc thi" in page


def limits_form(**changed: str) -> dict[str, str]:
    return {name: str(value) for name, value in vars(DEFAULTS).items()} | changed


def test_limits_are_changed_and_restored(moderator: Desk, open_contest: Stage) -> None:
    form = limits_form(accounts="35", evenness="0,25")
    assert moderator.post("/operator/signals/limits", form).status_code == 303
    with transaction(open_contest.engine) as connection:
        now = read_limits(connection)
    assert (now.accounts, now.evenness, now.times) == (35, 0.25, DEFAULTS.times)
    assert 'value="0,25"' in moderator.get("/operator/signals/limits").text
    assert moderator.post("/operator/signals/limits", {"restore": "yes"}).status_code == 303
    with transaction(open_contest.engine) as connection:
        assert read_limits(connection) == DEFAULTS
    assert open_contest.rows("SELECT before, after FROM audit WHERE action = 'limits.change' ORDER BY id") == [
        ({"accounts": 20, "evenness": 0.35}, {"accounts": 35, "evenness": 0.25}),
        ({"accounts": 35, "evenness": 0.25}, {"accounts": 20, "evenness": 0.35}),
    ]


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("accounts", "4"),
        ("accounts", "20,5"),
        ("accounts", ""),
        ("times", "nan"),
        ("times", "inf"),
        ("likeness", "-1"),
        ("sureness", "1e400"),
        ("window_days", "<script>"),
    ],
)
def test_a_limit_that_cannot_be(moderator: Desk, open_contest: Stage, name: str, typed: str) -> None:
    answer = moderator.post("/operator/signals/limits", limits_form(**{name: typed}))
    assert answer.status_code == 422
    assert f'href="#{name}"' in answer.text
    assert "<script>" not in answer.text.partition("<main")[2]
    assert open_contest.rows("SELECT * FROM limits") == []


def ask_code(console: RunningApi, address: str) -> int:
    return console.client.post("/dang-nhap", data={"identity": address} | TICKED, headers=OWN).status_code


def test_a_throw_away_domain_is_refused_by_the_next_login(
    moderator: Desk, console: RunningApi, open_contest: Stage
) -> None:
    assert ask_code(console, "an@hop.example") == 303
    typed = {"domains": "HOP.example\nthư-tạm.vn", "note": "báo của tổng đài"}
    assert moderator.post("/operator/signals/domains", typed).status_code == 303
    assert ask_code(console, "binh@hop.example") == 422
    assert ask_code(console, "chi@x.hop.example") == 422
    assert ask_code(console, "dung@khac.example") == 303
    assert moderator.post("/operator/signals/domains", {"remove": "hop.example"}).status_code == 303
    assert ask_code(console, "giang@hop.example") == 303
    assert [action for _, action, _, _ in audited(open_contest)] == ["domain.add", "domain.remove"]


@pytest.mark.parametrize("typed", ["", "không phải", "a@b.example", "vn", "a.example, ,b c.example"])
def test_what_is_no_domain(moderator: Desk, open_contest: Stage, typed: str) -> None:
    answer = moderator.post("/operator/signals/domains", {"domains": typed, "note": "giữ lại"})
    assert answer.status_code == 422
    assert "giữ lại" in answer.text
    assert open_contest.rows("SELECT * FROM disposable_domains") == []


def test_a_known_network_is_added_and_removed(moderator: Desk, open_contest: Stage) -> None:
    form = {"network": "203.0.113.77/24", "note": "Trường THPT, cô Hà xác nhận"}
    assert moderator.post("/operator/signals/networks", form).status_code == 303
    with transaction(open_contest.engine) as connection:
        assert [str(network) for network in honest(connection)] == ["203.0.113.0/24"]
    assert moderator.post("/operator/signals/networks", {"remove": "203.0.113.0/24"}).status_code == 303
    assert [line[:3] for line in audited(open_contest)] == [
        ("lan", "network.add", "network:203.0.113.0/24"),
        ("lan", "network.remove", "network:203.0.113.0/24"),
    ]


@pytest.mark.parametrize(
    ("network", "note"),
    [("0.0.0.0/0", "tất cả"), ("::/8", "tất cả"), ("10.0.0.0/33", "sai"), ("abc", "sai"), ("203.0.113.0/24", "")],
)
def test_what_is_no_known_network(moderator: Desk, open_contest: Stage, network: str, note: str) -> None:
    answer = moderator.post("/operator/signals/networks", {"network": network, "note": note})
    assert answer.status_code == 422
    assert f'value="{network}"' in answer.text
    assert open_contest.rows("SELECT * FROM honest_networks") == []
