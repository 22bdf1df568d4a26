"""Exports: the ranking, the votes under pseudonyms, the audit log. Each download is in the audit log."""

import threading
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Response

from api.answers import NO_STORE, answer
from api.operators.access import ADMIN, MODERATOR, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.download import Download
from api.operators.effect import chosen_contest
from api.operators.language import N_
from api.voters.responses import respond
from models.audit import record
from models.database import worker_engine
from models.export_audit import audit_query
from models.export_results import FORMATS, exported, rows_of
from models.export_stream import Export, Query
from models.export_votes import votes_query
from models.result import find_result
from models.times import VIETNAM

PATH = "/operator/exports"
_TYPES = {
    "xlsx": b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": b"text/csv; charset=utf-8",
    "json": b"application/json",
}
_BUSY = N_("Một lần xuất dữ liệu khác đang chạy. Hãy chờ nó xong rồi thử lại.")
_NO_SUCH_FILE = N_("Không có tệp này.")


def exports_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    alone = threading.Lock()  # one long export in a process: each holds a snapshot of the ledger, and reads all of it
    engine = worker_engine(console.settings.database())  # no statement ends after ten seconds, as the console's do

    def stream(acting: Acting, query: Query, name: str, what: str, contest_id: int | None) -> Response:
        if not alone.acquire(blocking=False):
            raise ConsoleProblem(429, _BUSY)
        export = Export(engine, query)
        try:
            with console.ledger() as connection:
                record(connection, acting.actor, f"export.{what}", f"file:{name}", contest_id=contest_id)
            export.open()
        except BaseException:
            alone.release()
            raise
        return Download(export, name, alone.release)

    @router.get(PATH)
    def show(acting: Annotated[Acting, MODERATOR], contest: str = "") -> Response:
        with console.ledger() as connection:
            chosen = chosen_contest(console, connection, contest)
            result = find_result(connection, chosen.id)
        return console.page(acting, "exports.html", contest=chosen, result=result)

    @router.post(PATH + "/results.{kind}")
    def results(acting: Annotated[Acting, MODERATOR], kind: str) -> Response:
        if kind not in FORMATS:
            raise ConsoleProblem(404, _NO_SUCH_FILE)
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, acting.text("contest"))
            result = find_result(connection, contest.id)
            rows = rows_of(connection, contest, result)
            name = f"{'ket-qua' if result else 'tam-tinh'}-{contest.slug}-{_today()}.{kind}"
            record(connection, acting.actor, "export.results", f"file:{name}", contest_id=contest.id)
        content = exported(kind, contest, rows, result)
        called = f'attachment; filename="{name}"'.encode()
        return respond(answer(200, _TYPES[kind], content, (NO_STORE, (b"content-disposition", called))))

    @router.post(PATH + "/votes.csv")
    def votes(acting: Annotated[Acting, ADMIN]) -> Response:
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, acting.text("contest"))
        name = f"phieu-{contest.slug}-{_today()}.csv"
        return stream(acting, votes_query(console.keys, contest.id), name, "votes", contest.id)

    @router.post(PATH + "/audit.csv")
    def audit(acting: Annotated[Acting, ADMIN]) -> Response:
        return stream(acting, audit_query(), f"nhat-ky-{_today()}.csv", "audit", None)

    return router


def _today() -> str:
    """By the clock that people read."""
    return datetime.now(UTC).astimezone(VIETNAM).date().isoformat()
