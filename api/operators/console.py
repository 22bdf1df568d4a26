"""What the console's routes work with: the stores, who may come in, how a page is made, how a refusal looks.

Its routes are plain functions that FastAPI runs in threads: they ask the ledger, and the same functions of `models/`
serve the workers. What takes longer than a second is a task (`ask`), done by a worker.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI, Request, Response
from starlette.datastructures import FormData

from api.access import Access
from api.answers import HTML, answer
from api.evidence import Evidence
from api.operators.access import (
    LOGIN,
    Acting,
    ConsoleProblem,
    LoginNeeded,
    csrf_token,
    language_of,
)
from api.operators.language import N_
from api.operators.live_reader import LiveReader
from api.operators.presses import PressedBefore, first_only, note_presses
from api.operators.sections import sections_for
from api.operators.templates import render
from api.outcomes import Code, problem
from api.refusals import REFUSALS, route_of
from api.snapshot import Watch
from api.voters.oidc import OpenId
from api.voters.responses import respond, see_other
from models import task as tasks
from models.ballot_box.connection import BoxAway, BoxFull, BoxRefused, box_client
from models.contest import Contest, contest_by_id, find_contest
from models.database import Connection, LedgerAway, console_engine, transaction
from models.decisions import bring
from models.jobs import RUN_TASK, TASKS, enqueue
from models.media import MediaFolder
from models.scratch.connection import ScratchAway, async_scratch, scratch_client
from models.scratch.operator_sessions import OperatorSession, left_s
from models.secrets import KeyRing
from models.settings import Settings
from models.task import Task

log = structlog.get_logger()

PREFIX = "/operator"
BOX_TIMEOUT_S = 5.0
UNFORESEEN = N_("Có lỗi chưa lường trước; đã được ghi lại. Hãy thử lại.")
AWAY: dict[type[Exception], str] = {
    LedgerAway: N_("Sổ phiếu (PostgreSQL) không trả lời. Chưa có gì thay đổi; hãy thử lại sau ít phút."),
    BoxAway: N_("Hòm phiếu không trả lời. Hãy thử lại sau ít phút."),
    BoxFull: N_("Hòm phiếu đã đầy bộ nhớ."),
    BoxRefused: N_("Hòm phiếu được cài đặt không đúng, nên không được dùng."),
    ScratchAway: N_("Bộ nhớ tạm (scratch) không trả lời. Hãy thử lại sau ít phút."),
}
"""A store that is away, in words."""


def is_console(request: Request) -> bool:
    """Whether the request is for a page of the console."""
    return request.url.path == PREFIX or request.url.path.startswith(PREFIX + "/")


class Console:
    """The console of one API process."""

    def __init__(
        self,
        settings: Settings,
        keys: KeyRing,
        access: Access,
        watch: Watch,
        evidence: Evidence,
        openid: OpenId,
    ) -> None:
        self.openid = openid
        self.settings = settings
        self.keys = keys
        self.access = access
        self.watch = watch
        self.evidence = evidence
        self.media = MediaFolder(settings.media())
        self.engine = console_engine(settings.database())
        self.box = box_client(settings.box(), timeout=BOX_TIMEOUT_S)
        self.scratch = scratch_client(settings.scratch())
        self.async_scratch = async_scratch(settings.scratch())
        self.live = LiveReader(watch, self.engine, self.async_scratch, settings.flush_workers)
        self.csrf_key = keys.derived("csrf")
        self.secure = urlsplit(settings.origin()).scheme == "https"
        self.cookie = "__Host-operator" if self.secure else "operator"

    async def start(self) -> None:
        await self.live.start()

    async def stop(self) -> None:
        await self.live.stop()
        await self.async_scratch.aclose()
        self.scratch.close()
        self.box.close()
        self.engine.dispose()

    @contextmanager
    def ledger(self) -> Iterator[Connection]:
        """One transaction. Errors: LedgerAway."""
        with transaction(self.engine) as connection:
            yield connection

    async def only_first(self, request: Request, session: OperatorSession, form: FormData) -> None:
        """See `presses.first_only`."""
        await first_only(self, request, session.digest, form)

    def contest(self, connection: Connection, contest_id: int | None = None) -> Contest:
        """The contest with that id, or the one that this installation serves. Errors: UnknownContestError."""
        if contest_id is not None:
            return contest_by_id(connection, contest_id)
        return find_contest(connection, self.settings.contest)

    def in_effect(self, contest: Contest) -> bool:
        """Brings what was decided into the box at once, after the commit. False where that must wait for the ticker."""
        if contest.draft:
            return True
        try:
            return bring(self.engine, self.box, contest)
        except (BoxAway, BoxFull, BoxRefused, LedgerAway) as error:
            log.warning("a decision waits for the ticker", contest=contest.slug, problem=str(error))
            return False

    def ask(self, acting: Acting, kind: str, payload: dict[str, Any], contest_id: int | None = None) -> int:
        """A task for the workers, in a transaction of its own; returns its id. Errors: LedgerAway."""
        with self.ledger() as connection:
            task_id = tasks.ask(connection, kind, payload, acting.actor, contest_id=contest_id)
        self.nudge(task_id)
        return task_id

    def nudge(self, task_id: int) -> None:
        """Tells a worker of a task that has been committed; the ticker tells it too, a moment later."""
        try:
            enqueue(self.scratch, TASKS, RUN_TASK, task_id)
        except ScratchAway as error:
            log.warning("a task waits for scratch", task=task_id, problem=str(error))

    def task(self, task_id: int) -> Task:
        """Errors: ConsoleProblem (404), LedgerAway."""
        with self.ledger() as connection:
            found = tasks.find_task(connection, task_id)
        if found is None:
            raise ConsoleProblem(404, N_("Không có việc này."))
        return found

    def page(
        self, acting: Acting, template: str, status: int = 200, *, token: str | None = None, **values: object
    ) -> Response:
        """The page of a template, with what its layout needs. `token`: of a session that began with this request."""
        token = acting.request.cookies.get(self.cookie, "") if token is None else token
        body = render(
            template,
            acting.language,
            path=acting.request.url.path,
            operator=acting.session,
            left_s=left_s(acting.session, time.time()) if acting.session else 0,
            csrf=csrf_token(self.csrf_key, token) if token else "",
            sections=sections_for(acting.session, acting.request.url.path),
            may=acting.may,
            **values,
        )
        return respond(answer(status, HTML, body))

    def absent(self, request: Request, status: int) -> Response:
        """The page where there is none (404), or none for this method (405)."""
        return self.refusal(request, status, N_("Không có trang này."))

    def unforeseen(self, request: Request) -> Response:
        """The page after an error that nobody thought of; the log has it."""
        return self.refusal(request, 500, UNFORESEEN)

    def refusal(self, request: Request, status: int, sentence: str, **values: object) -> Response:
        """A page that says in one sentence why there is no other."""
        language = language_of(request, None)
        body = render(
            "refusal.html",
            language,
            path=request.url.path,
            operator=None,
            left_s=0,
            csrf="",
            sections=[],
            may=lambda _role: False,
            sentence=language.text(sentence, **values),
        )
        return respond(answer(status, HTML, body))


def translate_console_errors(app: FastAPI, console: Console) -> None:
    """Every error of a console's route becomes a page; what became of each press is noted."""

    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, ConsoleProblem):
            return console.unforeseen(request)
        if error.status == HTTPStatus.FORBIDDEN:
            REFUSALS.note(error.sentence, route_of(request), operator=getattr(request.state, "operator", None))
        return console.refusal(request, error.status, error.sentence, **error.values_)

    async def elsewhere(_request: Request, error: Exception) -> Response:
        return see_other(error.address if isinstance(error, LoginNeeded | PressedBefore) else LOGIN)

    def away(sentence: str) -> Callable[[Request, Exception], Any]:
        async def page(request: Request, error: Exception) -> Response:
            if not is_console(request):
                return respond(problem(Code.INTERNAL))
            log.warning("the console could not do it", path=request.url.path, problem=str(error))
            return console.refusal(request, 503, sentence)

        return page

    app.add_exception_handler(ConsoleProblem, refused)
    app.add_exception_handler(LoginNeeded, elsewhere)
    app.add_exception_handler(PressedBefore, elsewhere)
    for kind, sentence in AWAY.items():
        app.add_exception_handler(kind, away(sentence))
    app.add_middleware(note_presses, console=console)
