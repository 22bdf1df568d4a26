"""The application: FastAPI for all but the hottest routes, the fast path in front of it."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.access import Access
from api.answers import NO_STORE, SECURITY, Receive, Scope, Send
from api.ballot import ballot_router
from api.beating import Beating
from api.casting import Casting
from api.ended_sessions import EndedSessions
from api.evidence import Evidence, parse_proxies
from api.fast_path import Application, FastPath
from api.metrics import Metrics
from api.openapi import describe
from api.operations import Scrapes, health_router, metrics_router
from api.operators.console import Console, is_console, translate_console_errors
from api.operators.routes import console_routers
from api.outcomes import Code, VoterProblem, problem
from api.receipts import Receipts, receipts_router
from api.refusals import REFUSALS, route_of
from api.sessions import Sessions
from api.snapshot import Watch
from api.voters.claims import claims_router
from api.voters.language import LANGUAGES, language_of
from api.voters.login import login_router
from api.voters.login_pages import login_pages, own_path
from api.voters.login_steps import Login
from api.voters.media import Shelf, media_router
from api.voters.oidc import OpenId, oidc_router
from api.voters.page import ENTRY, absent_page, away_answer
from api.voters.personal import personal_router
from api.voters.responses import respond, see_other
from api.voters.share import Gallery, share_router
from api.voters.vote import vote_router
from models.ballot_box.intake import Intake
from models.media import MediaFolder
from models.settings import Settings, SettingsError

FIRST_READING_S = 1.0  # how long a start waits for the box; then it serves without
_BY_STATUS = {
    400: Code.MALFORMED,
    404: Code.NOT_FOUND,
    405: Code.WRONG_METHOD,
    413: Code.TOO_LARGE,
    422: Code.INVALID,
    429: Code.TOO_MANY,
}


def create_app(settings: Settings, metrics_dir: Path | None = None) -> FastPath:
    """The ASGI application of one process. It starts, and serves its pages, with every server away.

    `metrics_dir`: where the processes of one group keep their counts together; None: this process alone.
    Errors: SettingsError for TRUSTED_PROXIES that are no networks, for a server that has no address and for what is
    missing in production.
    """
    try:
        proxies = parse_proxies(settings.trusted_proxies)
    except ValueError as error:
        raise SettingsError(f"TRUSTED_PROXIES: {error}") from None
    keys = settings.require_complete().keys()
    metrics = Metrics()
    intake = Intake(settings.box(), fingerprint=keys.fingerprint(), batches=metrics.batch)
    watch = Watch(settings.box(), slug=settings.contest, keys=keys, origin=settings.origin(), aim=intake.aim)
    ended = EndedSessions(settings.scratch())
    access = Access(Sessions(keys), settings.public_origin, ended.by_account)
    receipts = Receipts(settings.database(), watch, metrics)
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    scrapes = Scrapes(settings.scratch(), metrics, metrics_dir, token)
    login = Login(settings, keys, access, watch, ended)
    openid = OpenId(settings, keys, login)
    media = MediaFolder(settings.media())
    shelf = Shelf(media)
    gallery = Gallery(media, settings.data_dir / "cache" / "share")

    evidence = Evidence(keys.derived("device"), proxies)

    console = Console(settings, keys, access, watch, evidence, openid)
    beating = Beating(settings, metrics, watch, intake)

    app = FastAPI(
        title="Bình Chọn",
        version=version("binhchon"),
        summary="Public contest votes",
        docs_url=None,  # the page loads its scripts from a third party
        redoc_url=None,
        redirect_slashes=False,  # a receipt's path has one spelling
        lifespan=partial(_life, intake, watch, ended, metrics, receipts, scrapes, login, openid, console, beating),
        # Paths hold receipts, and headers hold sessions: neither may leave for a collector.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    for router in (
        ballot_router(access, watch),
        receipts_router(receipts),
        health_router(watch, intake, scrapes),
        metrics_router(scrapes),
        login_router(login),
        oidc_router(openid),
        media_router(shelf),
        *(share_router(watch, gallery, language) for language in LANGUAGES),
        *(personal_router(access, watch, receipts, language) for language in LANGUAGES),
        *(login_pages(login, language) for language in LANGUAGES),
        *(claims_router(login, evidence, settings.claims_per_hour, language) for language in LANGUAGES),
        *console_routers(console),
    ):
        app.include_router(router)
    app.state.console = console
    _translate_errors(app, watch, console)
    translate_console_errors(app, console)
    describe(app, access.cookie.decode())
    fast = FastPath(
        _secured(app),
        casting=Casting(access, evidence, watch, intake, metrics),
        watch=watch,
        shelf=shelf,
        routes=app.routes,
    )
    for language in LANGUAGES:
        app.include_router(vote_router(fast.cast, access, watch, evidence, metrics, language))
    return fast


@asynccontextmanager
async def _life(
    intake: Intake,
    watch: Watch,
    ended: EndedSessions,
    metrics: Metrics,
    receipts: Receipts,
    scrapes: Scrapes,
    login: Login,
    openid: OpenId,
    console: Console,
    beating: Beating,
    _app: FastAPI,
) -> AsyncIterator[None]:
    """What one process starts before it serves, and stops after: votes first, so that each is still answered."""
    await intake.start()
    with suppress(TimeoutError):
        async with asyncio.timeout(FIRST_READING_S):
            await watch.refresh()
    await watch.start()
    await ended.start()
    await console.start()
    publishing = asyncio.create_task(metrics.publish_forever(), name="metrics")
    beats = asyncio.create_task(beating.run(), name="beats")
    yield
    await intake.stop()
    publishing.cancel()
    beats.cancel()
    metrics.publish()
    await beating.stop()
    await watch.stop()
    await ended.stop()
    await receipts.stop()
    await scrapes.stop()
    await openid.stop()
    await login.stop()
    await console.stop()


def _translate_errors(app: FastAPI, watch: Watch, console: Console) -> None:
    """Every error leaves as problem details, a page that does not exist as a page; nothing of the inside is shown."""

    async def refusal(request: Request, error: Exception) -> Response:
        code, more = (error.code, error.more) if isinstance(error, VoterProblem) else (Code.INTERNAL, {})
        _note(request, code)
        own = is_console(request) and code is Code.INTERNAL
        return console.unforeseen(request) if own else respond(problem(code, allow=b"", **more))

    async def http(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if is_console(request):
            return console.absent(request, status)
        if status == 404 and _wants_page(request):
            language, path = language_of(request.url.path)
            if path.endswith("/") and len(path) > 1:  # as links come out of chats
                query = f"?{request.url.query}" if request.url.query else ""
                return see_other(own_path(request.url.path.rstrip("/") + query, language))
            return respond(
                absent_page(watch.current.view, language) if watch.current.read_at else away_answer(language)
            )
        headers = (error.headers if isinstance(error, HTTPException) else None) or {}
        return respond(problem(_BY_STATUS.get(status, Code.INTERNAL), allow=headers.get("Allow", "").encode()))

    async def invalid(request: Request, error: Exception) -> Response:
        if is_console(request):
            return console.absent(request, 404)
        errors = error.errors() if isinstance(error, RequestValidationError) else []
        if any(found.get("type") == "json_invalid" for found in errors):
            return respond(problem(Code.MALFORMED))
        fields = [{"field": ".".join(str(part) for part in found["loc"]), "problem": found["msg"]} for found in errors]
        return respond(problem(Code.INVALID, errors=fields))

    async def gone(_request: Request, _error: Exception) -> Response:
        return Response(status_code=400)  # nobody reads it

    app.add_exception_handler(VoterProblem, refusal)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, refusal)


def _note(request: Request, code: Code) -> None:
    if code is Code.CROSS_SITE:
        REFUSALS.note(code.value, route_of(request))


def _wants_page(request: Request) -> bool:
    """Whether a person looks at the answer: a browser's navigation, or the address of an entry."""
    _, path = language_of(request.url.path)
    return path.startswith(ENTRY) or ("text/html" in request.headers.get("accept", "") and not path.startswith("/api/"))


def _secured(app: Application) -> Application:
    """`app` with the security headers on every answer; nothing is cached unless the answer says so."""

    async def secured(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_secured(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                missing = [header for header in (*SECURITY, NO_STORE) if header[0] not in present]
                message = {**message, "headers": [*message["headers"], *missing]}
            await send(message)

        await app(scope, receive, send_secured if scope["type"] == "http" else send)

    return secured
