"""The end of a contest at the console: close-out, the minutes, and the decision to publish."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.answers import NO_STORE, answer
from api.operators.access import ADMIN, MODERATOR, VIEWER, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.effect import chosen_contest
from api.operators.language import N_
from api.operators.results_form import Faults, Typed, faults_of, typed_of
from api.voters.responses import respond, see_other
from models import task as tasks
from models.audit import record
from models.contest import Contest, contest_by_id
from models.minutes import sha256
from models.result import Result, find_result, publish_result

PATH = "/operator/results"
CLOSE_OUT = "close_out"
_FILES = {
    "pdf": (b"application/pdf", "bien-ban-{slug}.pdf"),
    "json": (b"application/json", "bien-ban-{slug}.json"),
    "sig": (b"application/octet-stream", "bien-ban-{slug}.json.sig"),
}
_NOT_MADE = N_("Chưa có biên bản: hãy kiểm phiếu trước.")
_NOT_SURE = N_("Hãy đánh dấu xác nhận công bố.")
_NO_FOLDER = N_("Không ghi được tệp biên bản vào thư mục của trang. Kỹ thuật viên hãy xem dung lượng và quyền ghi.")


def results_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def show(acting: Annotated[Acting, VIEWER], contest: str = "") -> Response:
        with console.ledger() as connection:
            chosen = chosen_contest(console, connection, contest)
        return _page(console, acting, chosen)

    @router.post(PATH + "/close-out")
    def close_out(acting: Annotated[Acting, ADMIN]) -> Response:
        """Asks for the close-out; one that waits or runs already is not asked for twice."""
        typed = typed_of(acting)
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, acting.text("contest"))
            known = find_result(connection, contest.id)
            under_way = any(not task.ended for task in tasks.tasks_of(connection, CLOSE_OUT, contest.id))
        if known is None and not under_way:
            faults = faults_of(acting, contest, typed, over=_over(contest))
            if faults:
                return _page(console, acting, contest, typed=typed, faults=faults)
            console.ask(acting, CLOSE_OUT, typed.payload(), contest.id)
        return see_other(f"{PATH}?contest={contest.id}")

    @router.post(PATH + "/publish")
    def publish(acting: Annotated[Acting, ADMIN]) -> Response:
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, acting.text("contest"))
            result = find_result(connection, contest.id)
        if result is None or not acting.text("sure"):
            fault = acting.say(_NOT_MADE if result is None else _NOT_SURE)
            return _page(console, acting, contest, faults={"sure": fault})
        _publish(console, acting, result)
        return see_other(f"{PATH}?contest={contest.id}")

    @router.get(PATH + "/minutes/{contest_id:int}.{kind}")
    def minutes(acting: Annotated[Acting, MODERATOR], contest_id: int, kind: str) -> Response:
        """The minutes, before they are published too."""
        with console.ledger() as connection:
            result = find_result(connection, contest_id) if kind in _FILES else None
            if result is None:
                raise ConsoleProblem(404, _NOT_MADE)
            contest = contest_by_id(connection, contest_id)
            record(connection, acting.actor, "export.minutes", f"file:{kind}", contest_id=contest_id)
        content = {"pdf": result.pdf, "json": result.minutes.encode(), "sig": result.signature}[kind]
        media_type, name = _FILES[kind]
        called = f'attachment; filename="{name.format(slug=contest.slug)}"'.encode()
        return respond(answer(200, media_type, content, (NO_STORE, (b"content-disposition", called))))

    return router


def _publish(console: Console, acting: Acting, result: Result) -> None:
    """Lays the minutes where anybody may read them, and decides. Errors: ConsoleProblem."""
    try:
        files = console.media.take_minutes(result.pdf, result.minutes.encode(), result.signature)
    except OSError:
        raise ConsoleProblem(503, _NO_FOLDER) from None
    with console.ledger() as connection:
        before = contest_by_id(connection, result.contest_id, lock=True)
        if publish_result(connection, result.contest_id, acting.actor.name, files):
            record(
                connection,
                acting.actor,
                "result.publish",
                f"contest:{result.contest_id}",
                contest_id=result.contest_id,
                before={"result_policy": before.result_policy},
                after={"result_policy": "published", "sha256": sha256(result.minutes)},
            )
        contest = contest_by_id(connection, result.contest_id)
    console.in_effect(contest)


def _over(contest: Contest) -> bool:
    """Whether the voting time is over, as far as this machine's clock tells; the close-out goes by the box's."""
    return contest.state in {"closed", "final"} or datetime.now(UTC) >= contest.closes_at


def _page(
    console: Console, acting: Acting, contest: Contest, *, typed: Typed | None = None, faults: Faults | None = None
) -> Response:
    with console.ledger() as connection:
        result = find_result(connection, contest.id)
        latest = tasks.tasks_of(connection, CLOSE_OUT, contest.id, limit=1)
    values: dict[str, Any] = {}
    if result is not None:
        document = result.document
        values = {
            "document": document,
            "digest": sha256(result.minutes),
            "titles": {one["slug"]: one["title"] for one in document["categories"]},
        }
    return console.page(
        acting,
        "results.html",
        422 if faults else 200,
        contest=contest,
        over=_over(contest),
        result=result,
        task=latest[0] if latest else None,
        typed=typed or Typed(),
        faults=faults or {},
        **values,
    )
