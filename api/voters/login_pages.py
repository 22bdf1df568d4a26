"""Login as forms, for browsers without JavaScript: the same steps, each answered by a page or a 303."""

from typing import NamedTuple
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.access import fields_of
from api.answers import HTML, NO_STORE, PAGE_SECURITY, Header
from api.outcomes import REFUSALS, Code, VoterProblem, problem_headers
from api.voters.language import Language
from api.voters.login import bounded_body, limited
from api.voters.login_steps import AWAY, Login
from api.voters.templates import render
from models.proof_of_work import LONGEST as LONGEST_PROOF
from models.scratch.codes import Asking
from models.scratch.connection import ScratchAway
from models.scratch.outbox import read_demo

_FIELDS = 10
_LONGEST_NEXT = 512
_SHOWN = 320  # characters of what was typed that a page repeats
Typed = dict[str, str]


class Turned(NamedTuple):
    """What a form is answered with when it does not go on: the status, a sentence, further headers."""

    status: int
    sentence: str
    headers: tuple[Header, ...] = ()


def login_pages(login: Login, language: Language) -> APIRouter:
    """The routes of one language's pages."""
    router = APIRouter(include_in_schema=False, prefix=language.prefix)

    @router.get("/dang-nhap")
    async def form(request: Request) -> Response:
        return _page(login, language, "login.html", dict(request.query_params))

    @router.get("/dang-nhap/ma")
    async def code_form() -> Response:
        return RedirectResponse(language.path("/dang-nhap"), 303)

    @router.post("/dang-nhap")
    async def ask(request: Request) -> Response:
        return await _ask(login, language, request)

    @router.post("/dang-nhap/ma")
    async def enter(request: Request) -> Response:
        return await _enter(login, language, request)

    @router.post("/dang-nhap/thoat")
    async def leave(request: Request) -> Response:
        if not login.own_call(fields_of(request.headers.raw)):
            return _page(login, language, "login.html", {}, _turned(VoterProblem(Code.CROSS_SITE)))
        return RedirectResponse(
            language.path("/"), 303, {"Set-Cookie": login.cookie(None), "Cache-Control": "no-store"}
        )

    if login.shows_mails:

        @router.get("/demo/hop-thu")
        async def demo() -> Response:
            return await _demo(login, language)

    return router


async def _ask(login: Login, language: Language, request: Request) -> Response:
    """Sends a code and asks for it; what stands against it, on the page of the address."""
    typed: Typed = {}
    try:
        typed |= await _read(login, request)
        altcha = typed.get("altcha", "")[: LONGEST_PROOF + 1] or None
        identity, asked = await login.ask("email", typed.get("identity", ""), altcha)
        late = await login.codes_are_late()
    except VoterProblem as error:
        return _page(login, language, "login.html", typed, _turned(error))
    if asked.outcome in (Asking.SENT, Asking.COOLING):  # pressed twice or loaded again: the code is on its way
        return _page(login, language, "login_code.html", typed, masked=identity.masked, late=late)
    headers = ((b"retry-after", b"%d" % asked.retry_after),)
    return _page(login, language, "login.html", typed, Turned(429, limited(asked), headers))


async def _enter(login: Login, language: Language, request: Request) -> Response:
    """Back to where the voter came from, with a session; a wrong code is asked for again."""
    typed: Typed = {}
    try:
        typed |= await _read(login, request)
        entered = await login.enter("email", typed.get("identity", ""), typed.get("code", "")[:32])
    except VoterProblem as error:
        name = "login_code.html" if typed.get("identity") else "login.html"
        return _page(login, language, name, typed, _turned(error), masked=None, late=False)
    headers = {"Set-Cookie": login.cookie(entered), "Cache-Control": "no-store"}
    return RedirectResponse(own_path(typed.get("next", "")), 303, headers)


async def _demo(login: Login, language: Language) -> Response:
    """The mails that this demo would have sent."""
    try:
        mails = await read_demo(login.scratch)
    except ScratchAway:
        return _page(
            login, language, "login_demo.html", {}, _turned(VoterProblem(Code.NOT_READY, detail=AWAY)), mails=[]
        )
    return _page(login, language, "login_demo.html", {}, mails=mails)


def _page(
    login: Login, language: Language, name: str, typed: Typed, turned: Turned | None = None, **values: object
) -> Response:
    reading = login.watch.current.reading
    body = render(
        name,
        language,
        contest=reading.site["contest"] if reading else None,
        identity=typed.get("identity", "")[:_SHOWN],
        next=own_path(typed.get("next", "")),
        problem=turned.sentence if turned else None,
        demo=login.shows_mails,
        **values,
    )
    response = Response(body, turned.status if turned else 200)
    length: Header = (b"content-length", b"%d" % len(body))
    response.raw_headers = [
        (b"content-type", HTML),
        length,
        NO_STORE,
        *PAGE_SECURITY,
        *(turned.headers if turned else ()),
    ]
    return response


async def _read(login: Login, request: Request) -> Typed:
    """The fields of a form. Errors: VoterProblem (cross_site, too_large, malformed)."""
    if not login.own_call(fields_of(request.headers.raw)):
        raise VoterProblem(Code.CROSS_SITE)
    try:
        body = (await bounded_body(request)).decode()
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        raise VoterProblem(Code.MALFORMED) from None
    return {name: values[0] for name, values in fields.items()}


def own_path(wanted: str) -> str:
    """`wanted` if it is a path of this site, else the first page: nobody is sent elsewhere after login.

    Browsers read `//host`, `/<backslash>host` and `/<tab>/host` as another site. Letters that are not ASCII are
    percent-encoded.
    """
    text = quote(wanted, safe="/?#&=%+-._~!$'()*,;:@[]\\")
    inside = text.startswith("/") and not text.startswith("//") and "\\" not in text
    return text if inside and wanted.isprintable() and len(text) <= _LONGEST_NEXT else "/"


def _turned(error: VoterProblem) -> Turned:
    refusal = REFUSALS[error.code]
    headers = tuple(header for header in problem_headers(error.code) if header[0] == b"retry-after")
    return Turned(refusal.status, str(error.more.get("detail", refusal.detail)), headers)
