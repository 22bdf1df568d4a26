"""Entries from a spreadsheet: a template to download, a file handed in, its check row by row, and the import itself.

A file is never read here: it goes into the ledger as it is, and a worker reads it (`workers/imports.py`).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.answers import answer
from api.operators.access import MODERATOR, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.effect import chosen_contest
from api.operators.entries import STATES
from api.operators.import_words import LABELS, file_problem, row_fault
from api.operators.language import N_
from api.voters.responses import respond, see_other
from models import task as tasks
from models.audit import record
from models.category import categories_of
from models.contest import contest_by_id
from models.database import Connection
from models.entry_template import template_csv, template_xlsx
from models.sheet import MAX_BYTES, MAX_ROWS
from models.task import Task
from models.upload import is_full, keep_upload

LIST = "/operator/imports"
CHECK, IMPORT = "import_check", "import"
XLSX = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = b"text/csv; charset=utf-8"
ACTIONS = {"new": N_("Thêm mới"), "changed": N_("Sửa"), "unchanged": N_("Không đổi")}
_FULL = N_("Hệ thống đang giữ quá nhiều tệp. Tệp được giữ tới khi nhập xong, lâu nhất một ngày: hãy thử lại sau.")


def imports_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(LIST)
    def start(acting: Annotated[Acting, MODERATOR], contest: str = "") -> Response:
        return _start(console, acting, contest)

    @router.get(LIST + "/template.xlsx")
    def xlsx(_acting: Annotated[Acting, MODERATOR], contest: str = "") -> Response:
        return _download(XLSX, "mau-bai-du-thi.xlsx", template_xlsx(_titles(console, contest)))

    @router.get(LIST + "/template.csv")
    def csv(_acting: Annotated[Acting, MODERATOR], contest: str = "") -> Response:
        return _download(CSV, "mau-bai-du-thi.csv", template_csv(_titles(console, contest)))

    @router.post(LIST)
    def hand_in(acting: Annotated[Acting, MODERATOR]) -> Response:
        return _hand_in(console, acting)

    @router.get(LIST + "/{task_id:int}")
    def check(acting: Annotated[Acting, MODERATOR], task_id: int) -> Response:
        return _check_page(console, acting, task_id)

    @router.post(LIST + "/{task_id:int}")
    def confirm(acting: Annotated[Acting, MODERATOR], task_id: int) -> Response:
        return _confirm(console, acting, task_id)

    @router.post(LIST + "/{task_id:int}/cancel")
    def cancel(acting: Annotated[Acting, MODERATOR], task_id: int) -> Response:
        return _cancel(console, acting, task_id)

    return router


def _start(
    console: Console, acting: Acting, wanted: str, faults: dict[str, str] | None = None, status: int = 200
) -> Response:
    with console.ledger() as connection:
        contest = chosen_contest(console, connection, wanted)
        checks = tasks.tasks_of(connection, CHECK, contest.id, results=False)
    return console.page(
        acting,
        "imports.html",
        status,
        contest=contest,
        checks=checks,
        faults=faults or {},
        megabytes=MAX_BYTES // 1024**2,
        rows=MAX_ROWS,
    )


def _titles(console: Console, wanted: str) -> list[str]:
    with console.ledger() as connection:
        return [one.title for one in categories_of(connection, chosen_contest(console, connection, wanted).id)]


def _download(kind: bytes, name: str, content: bytes) -> Response:
    shown_as = (b"content-disposition", f'attachment; filename="{name}"'.encode())
    return respond(answer(200, kind, content, (shown_as,)))


def _hand_in(console: Console, acting: Acting) -> Response:
    """Keeps the file and asks for its check."""
    with console.ledger() as connection:
        full = is_full(connection)
    if full:
        return _refused(console, acting, _FULL)
    file = acting.file("file")
    if file is None:
        return _refused(console, acting, N_("Hãy chọn tệp bảng tính."))
    content = file.file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        return _refused(console, acting, N_("Tệp quá lớn: nhiều nhất là %(megabytes)s MB."))
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2].replace("\0", "")[:200]
    with console.ledger() as connection:
        contest = chosen_contest(console, connection, acting.text("contest", limit=20))
        upload = keep_upload(connection, name, content)
        payload = {"upload": upload, "name": name}
        task_id = tasks.ask(connection, CHECK, payload, acting.actor, contest_id=contest.id)
    console.nudge(task_id)
    return see_other(f"{LIST}/{task_id}")


def _refused(console: Console, acting: Acting, sentence: str) -> Response:
    said = acting.say(sentence, megabytes=MAX_BYTES // 1024**2) if "%(" in sentence else acting.say(sentence)
    return _start(console, acting, acting.text("contest", limit=20), {"file": said}, 422)


def _known(connection: Connection, task_id: int, kind: str) -> Task:
    """Errors: ConsoleProblem (404)."""
    found = tasks.find_task(connection, task_id)
    if found is None or found.kind != kind:
        raise ConsoleProblem(404, N_("Không có lần nhập này."))
    return found


def _import_of(connection: Connection, check: Task) -> Task | None:
    """The latest import that this check led to."""
    made = tasks.tasks_of(connection, IMPORT, check.contest_id, limit=100)
    return next((one for one in made if one.payload["check"] == check.id), None)


def _check_page(console: Console, acting: Acting, task_id: int) -> Response:
    with console.ledger() as connection:
        check = _known(connection, task_id, CHECK)
        done = _import_of(connection, check)
        contest = contest_by_id(connection, check.contest_id or 0)
    result: dict[str, Any] = check.result or {}
    planned = result.get("planned", [])
    return console.page(
        acting,
        "import_check.html",
        check=check,
        done=done,
        contest=contest,
        problem=file_problem(acting, result) if "problem" in result else "",
        faults=[row_fault(acting, one) for one in result.get("faults", [])],
        all_faults=result.get("all_faults", 0),
        examples=result.get("examples", 0),
        planned=planned,
        counts={action: sum(one["action"] == action for one in planned) for action in ACTIONS},
        published=sum(one["action"] == "new" and one["state"] == "published" for one in planned),
        actions=ACTIONS,
        states=STATES,
        labels=LABELS,
    )


def _confirm(console: Console, acting: Acting, task_id: int) -> Response:
    """Asks for the import of what was checked; a second click asks for nothing more."""
    with console.ledger() as connection:
        check = _known(connection, task_id, CHECK)
        contest_by_id(connection, check.contest_id or 0, lock=True)  # of two clicks one waits, and sees the other's
        done = _import_of(connection, check)
        again = done is not None and done.state not in {"failed", "cancelled"}
        planned = (check.result or {}).get("planned", [])
        if not again and not any(one["action"] != "unchanged" for one in planned):
            raise ConsoleProblem(422, N_("Tệp này chưa nhập được: hãy xem kết quả kiểm tra."))
        asked = None
        if not again:
            payload = {"upload": check.payload["upload"], "check": check.id}
            asked = tasks.ask(connection, IMPORT, payload, acting.actor, contest_id=check.contest_id)
            counts = {action: sum(one["action"] == action for one in planned) for action in ACTIONS}
            after = {"file": check.payload["name"], "check": check.id} | counts
            record(
                connection, acting.actor, "import.confirm", f"task:{asked}", contest_id=check.contest_id, after=after
            )
    if asked is not None:
        console.nudge(asked)
    return see_other(f"{LIST}/{task_id}")


def _cancel(console: Console, acting: Acting, task_id: int) -> Response:
    """Stops the import that runs, or the check; nothing of it is kept."""
    with console.ledger() as connection:
        check = _known(connection, task_id, CHECK)
        running = _import_of(connection, check) or check
        if tasks.cancel(connection, running.id):
            record(connection, acting.actor, "import.cancel", f"task:{running.id}", contest_id=check.contest_id)
    return see_other(f"{LIST}/{task_id}")
