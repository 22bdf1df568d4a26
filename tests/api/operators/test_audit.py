"""The page of the audit log."""

import ast
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from api.operators.audit_words import ACTIONS
from api.operators.field_words import FIELDS, FIELDS_OF
from models.audit import Actor, record
from models.contest_file import FileContest
from models.contest_import import ImportReport
from models.contest_switches import Switches
from models.correction import Proposal
from models.correction_criteria import Criteria
from models.correction_votes import Result
from models.database import transaction
from models.entry import Entry
from models.erasing import What
from models.limits import Limits
from models.operator import Role
from models.retention import Rules
from models.settings import ROOT
from models.times import VIETNAM
from tests.api.operators.desk import Desk
from tests.workers.contests import Stage

PATH = "/operator/audit"


@pytest.fixture
def written(open_contest: Stage) -> Stage:
    with transaction(open_contest.engine) as connection:
        lan, minh = Actor("lan", 1, "203.0.113.9"), Actor("minh", 2, "203.0.113.10")
        before, after = {"title": "Cũ", "order": 1}, {"title": "Mới <b>", "order": 2}
        record(connection, lan, "entry.change", "entry:12", before=before, after=after, why="Sai 100%_tên")
        record(connection, minh, "entry.publish", "entry:13", after={"state": "published"})
        record(connection, minh, "contest.pause", "contest:1", why="Kiểm tra")
    return open_contest


def subjects(page: str) -> list[str]:
    return [part.partition("<")[0] for part in page.split('">')[1:] if part.startswith(("entry:", "contest:"))]


def test_newest_first_with_what_changed(written: Stage, desk: Callable[..., Desk]) -> None:
    page = desk(Role.VIEWER).get(PATH).text
    assert subjects(page)[:3] == ["contest:1", "entry:13", "entry:12"]
    assert "<td>Cũ</td><td>Mới &lt;b&gt;</td>" in page
    assert "<td>1</td><td>2</td>" in page
    assert "Sai 100%_tên" in page


def test_only_admins_see_where_somebody_came_from(written: Stage, desk: Callable[..., Desk]) -> None:
    assert "203.0.113.9" in desk(Role.ADMIN).get(PATH).text
    for role in (Role.VIEWER, Role.MODERATOR):
        for query in ("", "?words=203.0.113", "?operator=lan"):
            assert "203.0.113.9" not in desk(role).get(PATH + query).text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"operator": "minh"}, ["contest:1", "entry:13"]),
        ({"operator": " MINH "}, ["contest:1", "entry:13"]),
        ({"action": "entry"}, ["entry:13", "entry:12"]),
        ({"action": "entry.publish"}, ["entry:13"]),
        ({"action": "publish"}, []),
        ({"subject": "entry:12"}, ["entry:12"]),
        ({"subject": "entry:1"}, []),
        ({"words": "mới"}, ["entry:12"]),
        ({"words": "kiểm TRA"}, ["contest:1"]),
        ({"words": "%_T"}, ["entry:12"]),
        ({"words": "1__%"}, []),
        ({"words": "'; DROP TABLE audit; --"}, []),
        ({"words": "\\"}, []),
        ({"operator": "minh", "words": "published"}, ["entry:13"]),
        ({"operator": "lan\0"}, ["entry:12"]),
    ],
)
def test_it_is_searched(written: Stage, desk: Callable[..., Desk], asked: dict[str, str], found: list[str]) -> None:
    answer = desk(Role.VIEWER).get(PATH, params=asked)
    assert answer.status_code == 200
    assert subjects(answer.text) == found


def test_days_are_those_of_viet_nam(written: Stage, desk: Callable[..., Desk]) -> None:
    moments = (datetime(2026, 11, 4, 23, 59, tzinfo=VIETNAM), datetime(2026, 11, 5, 0, 1, tzinfo=VIETNAM))
    with transaction(written.engine) as connection:
        for number, at in enumerate(moments):
            said = {"at": at, "subject": f"entry:{100 + number}"}
            connection.execute(
                text("INSERT INTO audit (at, operator, action, subject) VALUES (:at, 'x', 'a.b', :subject)"), said
            )
    viewer = desk(Role.VIEWER)
    assert subjects(viewer.get(f"{PATH}?since=2026-11-05&until=2026-11-05").text) == ["entry:101"]
    assert subjects(viewer.get(f"{PATH}?since=2026-11-04&until=2026-11-04").text) == ["entry:100"]
    assert subjects(viewer.get(f"{PATH}?until=2026-11-03").text) == []
    assert viewer.get(f"{PATH}?until=9999-12-31").status_code == 200


def test_a_day_that_is_none_is_told(written: Stage, desk: Callable[..., Desk]) -> None:
    answer = desk(Role.VIEWER).get(f"{PATH}?since=5/11/2026&words=Kiểm")
    assert answer.status_code == 422
    assert 'value="5/11/2026"' in answer.text
    assert subjects(answer.text) == ["contest:1"]


def test_older_lines_stand_on_further_pages(written: Stage, desk: Callable[..., Desk]) -> None:
    with transaction(written.engine) as connection:
        for number in range(120):
            record(connection, Actor("lan", 1), "entry.order", f"entry:{1000 + number}")
    viewer, seen = desk(Role.VIEWER), []
    path = f"{PATH}?action=entry.order"
    while path:
        page = viewer.get(path).text
        seen.append(subjects(page))
        path = page.partition('" rel="next"')[0].rpartition('<a href="')[2].replace("&amp;", "&")
        path = path if 'rel="next"' in page else ""
    assert [len(one) for one in seen] == [50, 50, 20]
    assert [one for page in seen for one in page] == [f"entry:{1119 - number}" for number in range(120)]


def test_actions_are_told_in_words(written: Stage, desk: Callable[..., Desk]) -> None:
    with transaction(written.engine) as connection:
        record(connection, Actor("lan", 1), "something.new", "entry:99")
    page = desk(Role.VIEWER).get(PATH).text
    assert "Công bố bài dự thi<br>" in page
    assert "<td>something.new<br>" in page


MADE = {
    "account.": {"block", "unblock"},
    "correction.": {"approve", "cancel", "cancelled", "done", "proposed", "refused", "reject", "resume"},
    "entry.": {"attachments", "pictures"},
    "export.": {"audit", "votes"},
    "job.": {"again", "delete"},
}
"""What the code puts behind the beginning of an action that it makes of two parts."""


def test_every_action_of_the_code_has_words() -> None:
    """`record(connection, actor, "entry.publish", …)`, `record(connection, actor, f"job.{verb}", …)`."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in _sources()]
    written = {action for tree in trees for action in _actions(tree)}
    beginnings = {action for action in written if action.endswith(".")}
    assert beginnings == set(MADE)
    made = {beginning + verb for beginning, verbs in MADE.items() for verb in verbs}
    assert {"operator.create", "contest.import"} <= written
    assert sorted((written - beginnings | made) - set(ACTIONS)) == []


def test_no_words_are_left_of_an_action_that_nobody_writes() -> None:
    made = {beginning + verb for beginning, verbs in MADE.items() for verb in verbs}
    texts = {
        node.value
        for path in _sources()
        if path.name != "audit_words.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
    }
    assert sorted(set(ACTIONS) - made - texts) == []


def test_changes_are_told_in_words_and_by_the_clock_of_viet_nam(written: Stage, desk: Callable[..., Desk]) -> None:
    with transaction(written.engine) as connection:
        lan = Actor("lan", 1)
        before, after = {"closes_at": "2026-11-23T14:30:00+00:00"}, {"closes_at": "2026-11-24T17:05:00Z"}
        record(connection, lan, "contest.window", "contest:1", before=before, after=after)
        record(connection, lan, "contest.finalise", before={"state": "closed"}, after={"state": "final"})
        record(connection, lan, "switch.login", before={"login_closed": False}, after={"login_closed": True})
        record(connection, lan, "switch.proof", before={"proof_floor": 0}, after={"proof_floor": 2})
        record(connection, lan, "entry.publish", before={"state": "draft"}, after={"state": "published", "wild": [1]})
    page = desk(Role.VIEWER).get(PATH).text
    for name, before_words, after_words in (
        ("Kết thúc bình chọn", "21:30 ngày 23/11/2026", "00:05 ngày 25/11/2026"),
        ("Trạng thái", "Đã kết thúc", "Đã chốt kết quả"),
        ("Tạm ngừng đăng nhập", "không", "có"),
        ("Mức chống gửi mã tự động", "Bình thường: tự tăng khi có nhiều yêu cầu", "Ít nhất gấp 4"),
        ("Trạng thái", "Bản nháp", "Đã công bố"),
        ("wild", "", "1"),
    ):
        assert f'<th scope="row">{name}</th><td>{before_words}</td><td>{after_words}</td>' in page


def test_every_field_of_the_code_has_words() -> None:
    """What is written as `before` or `after` in plain sight, and the fields of what is written whole."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in _sources()]
    seen = {name for tree in trees if any(_actions(tree)) for name in _fields(tree)}
    assert {"state", "opens_at", "wrong_codes", "ended", "place", "votes"} <= seen, "it looks where they are"
    whole = (Limits, Rules, ImportReport, Proposal, Result, Entry)
    seen |= {name for one in whole for name in one.__dataclass_fields__} - {"id", "note"}
    seen |= {name for one in (FileContest, Switches, Criteria) for name in one.model_fields} | {
        str(one) for one in What
    }
    known = set(FIELDS) | {name for words in FIELDS_OF.values() for name in words}
    assert sorted(seen - known) == []


def _fields(tree: ast.AST) -> Iterator[str]:
    """Names in what is written down as `after=…`, `before, after = …`, `difference({…}, …)` and the like."""
    for node in ast.walk(tree):
        values: list[ast.AST] = []
        if isinstance(node, ast.keyword) and node.arg in {"before", "after"}:
            values = [node.value]
        elif isinstance(node, ast.Assign):
            names = {one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)}
            values = [node.value] if names & {"before", "after"} else []
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "difference":
            values = list(node.args)
        for value in values:
            for one in ast.walk(value):
                if isinstance(one, ast.Dict):
                    yield from (key.value for key in one.keys if isinstance(key, ast.Constant))


WRITERS = {"record", "late_line", "alter_entry", "change_switches", "_switched", "_write_down"}
"""Functions that take an action."""


def _sources() -> Iterator[Path]:
    for folder in ("api", "models", "workers", "scripts"):
        yield from (ROOT / folder).rglob("*.py")


def _actions(tree: ast.AST) -> Iterator[str]:
    """Of each call that may write a line; of an action made of two parts its beginning."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and {getattr(node.func, "id", ""), getattr(node.func, "attr", "")} & WRITERS:
            for argument in node.args[2:5]:
                part = argument.values[0] if isinstance(argument, ast.JoinedStr) else argument
                text = part.value if isinstance(part, ast.Constant) else None
                if isinstance(text, str) and re.fullmatch(r"[a-z]+\.[a-z_]*", text):
                    yield text


@pytest.mark.parametrize("below", ["x", "-1", "9" * 30, "²", "1"])
def test_a_page_that_is_none_is_no_error(written: Stage, desk: Callable[..., Desk], below: str) -> None:
    assert desk(Role.VIEWER).get(PATH, params={"below": below}).status_code == 200
