"""Tasks of the import of entries from a spreadsheet: the check, which changes nothing, and the import itself. Files are
read here only: a worker that a file keeps busy keeps no voter and no operator waiting.

`import_check` (payload: `upload`; result: `faults`, `examples`, `planned`, or `problem` where the file cannot be read):

| what happens                    | then                                                                    |
|---------------------------------|-------------------------------------------------------------------------|
| dies anywhere                   | nothing was changed; another run reads the file from its beginning      |
| the file is gone (after a day)  | fails, and says that it must be sent again                              |

`import` (payload: `upload`, `check`; result: how many are `new`, `changed`, `unchanged`):

| what happens                    | then                                                                    |
|---------------------------------|-------------------------------------------------------------------------|
| dies before the commit          | nothing was changed; another run does everything                        |
| dies after the commit           | the task's end was in that transaction: no run follows, nothing twice   |
| another run has the task        | its end cannot be written: everything is rolled back                    |
| cancelled                       | the same                                                                |
| somebody changed an entry since | fails, names the entries, and has changed nothing                       |
| the box is away afterwards      | the ticker brings the entries there                                     |
"""

from typing import Any

import structlog

from models import task as tasks
from models.ballot_box.connection import BoxAway, BoxFull, BoxRefused
from models.contest import contest_by_id
from models.database import Connection, transaction
from models.decisions import bring
from models.entry_import import ImportChangedError, import_lines, plan, read_for
from models.entry_sheet import HEADINGS
from models.sheet import Sheet, SheetError
from models.sheet_file import read_sheet
from models.upload import drop_upload, read_upload
from workers.work import Cancelled, TaskFailedError, Work

log = structlog.get_logger()

NAMED = 5
"""Entries that a refusal names."""


def check_import(work: Work) -> dict[str, Any]:
    """What the sheet would change, or what is wrong with it. Errors: TaskFailedError."""
    try:
        sheet = _sheet(work)
    except SheetError as error:
        return {"problem": error.code, "values": error.values_}
    with transaction(work.engine) as connection:
        found = read_for(connection, _contest_id(work), sheet)
        planned = [] if found.faults else plan(connection, _contest_id(work), found.lines)
    return {
        "faults": found.told(),
        "all_faults": len(found.faults),
        "examples": found.examples,
        "planned": [one.told() for one in planned],
    }


def run_import(work: Work) -> dict[str, Any]:
    """Errors: TaskFailedError."""
    contest_id = _contest_id(work)
    try:
        sheet = _sheet(work)
        with transaction(work.engine) as connection:
            result = _import(work, connection, sheet, _seen(work, connection))
            contest = contest_by_id(connection, contest_id)
    except ImportChangedError as error:
        raise TaskFailedError(_changed(error.titles)) from None
    except SheetError as error:
        raise TaskFailedError(_AGAIN) from error
    try:
        if not contest.draft:
            bring(work.engine, work.box, contest)
    except (BoxAway, BoxFull, BoxRefused) as error:
        log.warning("imported entries wait for the ticker", contest=contest.slug, problem=str(error))
    return result


_AGAIN = "Cuộc thi đã thay đổi từ lúc kiểm tra tệp. Hãy gửi lại tệp để kiểm tra lại; chưa có gì được nhập."


def _import(work: Work, connection: Connection, sheet: Sheet, seen: dict[str, int]) -> dict[str, Any]:
    """Everything in one transaction, the task's end too. Errors: TaskFailedError, Cancelled, as `import_lines`."""
    contest_by_id(connection, _contest_id(work), lock=True)
    found = read_for(connection, _contest_id(work), sheet)
    if found.faults:
        raise TaskFailedError(_AGAIN)
    total = len(found.lines)

    def told(done: int) -> None:
        work.progress(done, total)

    why = f"nhập từ bảng tính, việc {work.task.id}"
    result = import_lines(connection, _contest_id(work), found.lines, seen, work.task.actor, why=why, told=told)
    drop_upload(connection, int(work.task.payload["upload"]))
    if not tasks.heard(connection, work.task.id, work.task.runs, total, total):
        raise Cancelled
    tasks.end(connection, work.task.id, work.task.runs, "done", result=result)
    return dict(result)


def _sheet(work: Work) -> Sheet:
    """Errors: TaskFailedError, SheetError."""
    with transaction(work.engine) as connection:
        upload = read_upload(connection, int(work.task.payload["upload"]))
    if upload is None:
        raise TaskFailedError("Tệp chỉ được giữ một ngày và không còn nữa. Hãy gửi lại tệp.")
    return read_sheet(upload[1], HEADINGS, lambda: work.progress(0))


def _seen(work: Work, connection: Connection) -> dict[str, int]:
    """Slug → version, as the check found them. Errors: TaskFailedError."""
    check = tasks.find_task(connection, int(work.task.payload["check"]))
    if check is None or not check.result:
        raise TaskFailedError(_AGAIN)
    return {one["slug"]: one["version"] for one in check.result["planned"]}


def _contest_id(work: Work) -> int:
    if work.task.contest_id is None:
        raise TaskFailedError("Việc này không thuộc cuộc thi nào.")
    return work.task.contest_id


def _changed(titles: list[str]) -> str:
    named = ", ".join(f"“{title}”" for title in titles[:NAMED])
    more = f" và {len(titles) - NAMED} bài khác" if len(titles) > NAMED else ""
    return f"Có người đã sửa sau khi tệp được kiểm tra: {named}{more}. Hãy gửi lại tệp; chưa có gì được nhập."
