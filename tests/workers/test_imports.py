"""The tasks of an import: what the check finds, all or nothing, and each row of their crash tables."""

import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from models import task as tasks
from models.audit import Actor
from models.database import Engine, transaction
from models.entry import Entry, change_entry_state, create_entry, entries_of
from models.entry_fields import EntryFields
from models.entry_import import import_lines
from models.scratch.connection import scratch_client
from models.settings import Settings
from models.tally import add_to_tallies
from models.task import Task
from models.upload import keep_upload
from tests.models.pictures import picture
from tests.models.sheets import entries
from tests.workers.contests import Stage
from workers import imports
from workers.tasks import run_task

LAN = Actor("lan")
THIRTY = [{"title": f"Bài mới {number}", "category": "Chung", "state": "Công bố"} for number in range(30)]


class Sheets:
    """Hands files in and runs their tasks, as the console and a worker do."""

    def __init__(self, stage: Stage, scratch: str) -> None:
        self.stage = stage
        self._scratch = scratch

    def ask(self, kind: str, payload: dict[str, Any]) -> int:
        with transaction(self.stage.engine) as connection:
            return tasks.ask(connection, kind, payload, LAN, contest_id=self.stage.contest_id)

    def run(self, task_id: int) -> Task:
        with closing(scratch_client(self._scratch)) as client:
            run_task(self.stage.engine, self.stage.client, client, Settings(), task_id)
        return self.task(task_id)

    def task(self, task_id: int) -> Task:
        with transaction(self.stage.engine) as connection:
            found = tasks.find_task(connection, task_id)
        assert found is not None
        return found

    def check(self, content: bytes) -> Task:
        with transaction(self.stage.engine) as connection:
            upload = keep_upload(connection, "bai.xlsx", content)
        return self.run(self.ask("import_check", {"upload": upload, "name": "bai.xlsx"}))

    def confirmed(self, check: Task) -> int:
        return self.ask("import", {"upload": check.payload["upload"], "check": check.id})

    def entries(self) -> list[Entry]:
        with transaction(self.stage.engine) as connection:
            return entries_of(connection, self.stage.contest_id)

    def uploads(self) -> int:
        return len(self.stage.rows("SELECT id FROM uploads"))


@pytest.fixture
def sheets(open_contest: Stage, scratch: str) -> Sheets:
    return Sheets(open_contest, scratch)


def actions(check: Task) -> list[str]:
    assert check.result is not None
    return [one["action"] for one in check.result["planned"]]


def forget_the_worker(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tasks SET heard_at = now() - interval '61 s' WHERE state = 'running'")


def test_thirty_entries_come_in_and_may_be_voted_for(sheets: Sheets, open_contest: Stage) -> None:
    check = sheets.check(entries(*THIRTY))
    assert actions(check) == ["new"] * 30
    assert len(sheets.entries()) == 3
    done = sheets.run(sheets.confirmed(check))
    assert (done.state, done.result) == ("done", {"new": 30, "changed": 0, "unchanged": 0})
    there = sheets.entries()
    assert [entry.title for entry in there[3:]] == [row["title"] for row in THIRTY]
    assert {entry.state for entry in there} == {"published"}
    open_contest.cast_many(1, there[-1].id)
    assert sheets.uploads() == 0
    audited = open_contest.rows("SELECT DISTINCT operator FROM audit WHERE action = 'entry.create'")
    assert audited == [("lan",)]


def test_what_a_row_changes_and_what_it_leaves(sheets: Sheets, open_contest: Stage) -> None:
    content = entries(
        {"slug": "bai-1", "title": "Bài 1", "category": "Chung"},
        {"slug": "bai-2", "title": "Bài hai", "category": "Chung", "author": "Nhóm"},
        {"slug": "", "title": "Bài 3", "category": "chung"},
        {"slug": "", "title": "Bài bốn", "category": "Chung"},
        columns=("slug", "title", "category", "author"),
    )
    check = sheets.check(content)
    assert actions(check) == ["unchanged", "changed", "unchanged", "new"]
    assert check.result is not None
    assert check.result["planned"][1]["changes"] == {"title": ["Bài 2", "Bài hai"], "author": ["", "Nhóm"]}
    assert check.result["planned"][3]["state"] == "draft"
    before = open_contest.contest.version
    assert sheets.run(sheets.confirmed(check)).result == {"new": 1, "changed": 1, "unchanged": 2}
    one, two, three, four = sheets.entries()
    assert (two.title, two.author, two.version, four.state) == ("Bài hai", "Nhóm", 2, "draft")
    audited = "SELECT action, subject, before, after->>'title' FROM audit WHERE starts_with(why, 'nhập') ORDER BY id"
    assert open_contest.rows(audited) == [
        ("entry.create", "entry:4", None, "Bài bốn"),
        ("entry.import", "entry:2", {"title": "Bài 2", "author": ""}, "Bài hai"),
    ]
    assert (one.version, three.version) == (1, 1)
    assert open_contest.contest.version == before + 1  # the draft is nobody's business
    again = sheets.check(content)
    assert actions(again) == ["unchanged"] * 4


def test_a_sheet_with_faults_says_where_and_changes_nothing(sheets: Sheets) -> None:
    check = sheets.check(entries(*THIRTY, {"title": "", "category": "Chung"}, {"title": "x", "category": "Lạ"}))
    assert check.result is not None
    assert [(one["row"], one["column"]) for one in check.result["faults"]] == [(32, "title"), (33, "category")]
    assert check.result["planned"] == []
    assert sheets.run(sheets.confirmed(check)).state == "failed"
    assert len(sheets.entries()) == 3


def test_what_votes_were_given_for_stays(sheets: Sheets, open_contest: Stage) -> None:
    """Also where the first vote comes between the check and the import."""
    rows = (
        {"slug": "bai-1", "title": "Bài 1", "category": "Chung", "summary": "chữ mới"},
        {"slug": "bai-2", "title": "Bài hai", "category": "Chung", "summary": ""},
    )
    check = sheets.check(entries(*rows, columns=("slug", "title", "category", "summary")))
    assert actions(check) == ["changed", "changed"]
    with transaction(open_contest.engine) as connection:
        add_to_tallies(connection, open_contest.contest_id, 0, {1: 5, 2: 1})
    assert sheets.run(sheets.confirmed(check)).state == "failed"
    assert [entry.title for entry in sheets.entries()] == ["Bài 1", "Bài 2", "Bài 3"]
    check = sheets.check(entries(*rows, columns=("slug", "title", "category", "summary")))
    assert check.result is not None
    assert [(one["row"], one["column"], one["code"]) for one in check.result["faults"]] == [(3, "title", "voted_for")]


def test_a_file_that_cannot_be_read_says_why(sheets: Sheets) -> None:
    check = sheets.check(picture())
    assert (check.state, check.result) == ("done", {"problem": "not_a_sheet", "values": {}})


def test_a_file_that_is_gone(sheets: Sheets) -> None:
    found = sheets.run(sheets.ask("import_check", {"upload": 999, "name": "x"}))
    assert found.state == "failed"
    assert "gửi lại tệp" in found.problem


def test_a_change_since_the_check_is_named_and_nothing_comes_in(sheets: Sheets, open_contest: Stage) -> None:
    check = sheets.check(entries(*THIRTY, {"title": "Bài 1", "category": "Chung", "author": "Nhóm"}))
    with transaction(open_contest.engine) as connection:
        change_entry_state(connection, 1, 1, "withdrawn", Actor("minh"))
    found = sheets.run(sheets.confirmed(check))
    assert found.state == "failed"
    assert "“Bài 1”" in found.problem
    assert len(sheets.entries()) == 3
    assert sheets.uploads() == 1


def test_an_entry_that_somebody_made_since_the_check(sheets: Sheets, open_contest: Stage) -> None:
    check = sheets.check(entries(*THIRTY))
    with transaction(open_contest.engine) as connection:
        fields = EntryFields(slug="bai-moi-7", title="Của người khác", category="chung")
        create_entry(connection, open_contest.contest_id, fields, Actor("minh"))
    found = sheets.run(sheets.confirmed(check))
    assert "“Bài mới 7”" in found.problem
    assert len(sheets.entries()) == 4


def test_a_category_that_is_gone_since_the_check(sheets: Sheets, open_contest: Stage) -> None:
    check = sheets.check(entries(*THIRTY))
    with open_contest.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE categories SET title = 'Khác', slug = 'khac'")
    found = sheets.run(sheets.confirmed(check))
    assert found.state == "failed"
    assert "kiểm tra lại" in found.problem
    assert len(sheets.entries()) == 3


def test_a_published_entry_does_not_become_a_draft_and_a_withdrawn_one_is_published_again(
    sheets: Sheets, open_contest: Stage
) -> None:
    row = {"title": "Bài 1", "category": "Chung"}
    check = sheets.check(entries(row | {"state": "Nháp"}))
    assert check.result is not None
    assert check.result["faults"][0]["code"] == "no_draft_again"
    with transaction(open_contest.engine) as connection:
        change_entry_state(connection, 1, 1, "withdrawn", Actor("minh"))
    assert actions(sheets.check(entries(row))) == ["unchanged"]
    again = sheets.check(entries(row | {"state": "Công bố"}))
    assert again.result is not None
    assert again.result["planned"][0]["changes"] == {"state": ["withdrawn", "published"]}
    assert sheets.run(sheets.confirmed(again)).state == "done"
    assert sheets.entries()[0].state == "published"


def test_dies_before_the_commit(sheets: Sheets, open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    check = sheets.check(entries(*THIRTY))
    task_id = sheets.confirmed(check)

    def dies(*_args: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(imports, "drop_upload", dies)
        with pytest.raises(KeyboardInterrupt):
            sheets.run(task_id)
    assert len(sheets.entries()) == 3
    forget_the_worker(open_contest.engine)
    assert sheets.run(task_id).result == {"new": 30, "changed": 0, "unchanged": 0}
    assert len(sheets.entries()) == 33


def test_dies_after_the_commit(sheets: Sheets, open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    check = sheets.check(entries(*THIRTY))
    task_id = sheets.confirmed(check)

    def dies(*_args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(imports, "bring", dies)
        with pytest.raises(KeyboardInterrupt):
            sheets.run(task_id)
    found = sheets.task(task_id)
    assert (found.state, found.result) == ("done", {"new": 30, "changed": 0, "unchanged": 0})
    forget_the_worker(open_contest.engine)
    with transaction(open_contest.engine) as connection:
        assert tasks.due(connection) == []
    sheets.run(task_id)
    assert len(sheets.entries()) == 33


def before_the_end(monkeypatch: pytest.MonkeyPatch, what: Callable[[], None]) -> None:
    """Does something when everything has been written and nothing committed."""
    dropped = imports.drop_upload

    def drop(*args: Any) -> None:
        dropped(*args)
        what()

    monkeypatch.setattr(imports, "drop_upload", drop)


def test_another_run_has_the_task(sheets: Sheets, open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id = sheets.confirmed(sheets.check(entries(*THIRTY)))

    def taken_over() -> None:
        with open_contest.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE tasks SET runs = runs + 1 WHERE kind = 'import'")

    with monkeypatch.context() as patch:
        before_the_end(patch, taken_over)
        assert sheets.run(task_id).state == "running"  # the other one's
    assert len(sheets.entries()) == 3
    forget_the_worker(open_contest.engine)
    assert sheets.run(task_id).state == "done"
    assert len(sheets.entries()) == 33


def test_cancelled(sheets: Sheets, open_contest: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id = sheets.confirmed(sheets.check(entries(*THIRTY)))

    def cancel() -> None:
        with transaction(open_contest.engine) as connection:
            assert tasks.cancel(connection, task_id)

    before_the_end(monkeypatch, cancel)
    assert sheets.run(task_id).state == "cancelled"
    assert len(sheets.entries()) == 3


def test_two_workers_at_once_import_once(sheets: Sheets, open_contest: Stage) -> None:
    check = sheets.check(entries(*THIRTY))
    ids = [sheets.confirmed(check), sheets.confirmed(check)]
    threads = [threading.Thread(target=sheets.run, args=(one,)) for one in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sheets.task(one).state for one in ids) == ["done", "failed"]
    assert len(sheets.entries()) == 33


def test_the_box_is_away_afterwards(sheets: Sheets, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id = sheets.confirmed(sheets.check(entries(*THIRTY)))

    def away(*_args: Any) -> None:
        raise imports.BoxAway("gone")

    monkeypatch.setattr(imports, "bring", away)
    assert sheets.run(task_id).state == "done"
    assert len(sheets.entries()) == 33


def test_progress_is_told_as_rows_are_written(sheets: Sheets, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"title": f"Bài {number} mới", "category": "Chung"} for number in range(450)]
    task_id = sheets.confirmed(sheets.check(entries(*rows)))
    seen: list[tuple[int, int | None]] = []
    importing = import_lines

    def watched(*args: Any, told: Callable[[int], None], **options: Any) -> dict[str, int]:
        def and_look(done: int) -> None:
            told(done)
            task = sheets.task(task_id)
            seen.append((task.done, task.total))

        return importing(*args, told=and_look, **options)

    monkeypatch.setattr(imports, "import_lines", watched)
    assert sheets.run(task_id).state == "done"
    assert set(seen) == {(0, 450), (200, 450), (400, 450)}
