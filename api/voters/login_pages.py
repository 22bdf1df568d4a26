"""Login as forms, with or without JavaScript: the same steps, each answered by a page or a 303."""

from contextlib import suppress
from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from api.access import fields_of
from api.answers import HTML, NO_STORE, answer
from api.outcomes import REFUSALS as WORDS
from api.outcomes import Code, VoterProblem
from api.refusals import REFUSALS, route_of
from api.voters.forms import Turned, Typed, read_form, retry_after
from api.voters.in_app import in_app
from api.voters.language import N_, VI, Language, language_of
from api.voters.login import ON_ITS_WAY, limited
from api.voters.login_steps import AWAY, CODE_LENGTH, WRONG_CODE, Login
from api.voters.login_underway import FLOW, keep, kept, name_of, with_flow
from api.voters.page import CONFIRM, ENTRY
from api.voters.responses import respond, see_other
from api.voters.templates import render
from models.agreement import Purpose, agreed_to
from models.proof_of_work import LONGEST as LONGEST_PROOF
from models.scratch.codes import new_flow
from models.scratch.connection import ScratchAway
from models.scratch.outbox import read_demo

_FIELDS_SHOWN = ("identity", "code")
_LONGEST_NEXT = 512
_SHOWN = 320  # characters of what was typed that a page repeats
_CODE_FAULTS = {"ma": WRONG_CODE, "so": N_("Mã gồm đúng 6 chữ số. Mời bạn xem lại và nhập đủ.")}
_MISSING = {
    Purpose.COUNTING: N_("Mời bạn đánh dấu ô đồng ý để phiếu được lưu: không lưu thì không đếm được phiếu."),
    Purpose.PROTECTION: N_("Mời bạn đánh dấu ô đồng ý để chống phiếu gian lận."),
    Purpose.RESIDENCE: N_(
        "Mời bạn đánh dấu ô xác nhận: chỉ người sống, học tập hoặc làm việc trong tỉnh được bình chọn."
    ),
}


def login_pages(login: Login, language: Language) -> APIRouter:
    """The routes of one language's pages."""
    router = APIRouter(include_in_schema=False, prefix=language.prefix)
    cookie = name_of(login.access.cookie.decode())

    @router.get("/dang-nhap")
    async def form(request: Request) -> Response:
        await login.conditions.now()
        # What the voter typed a moment ago, and where to from the address: no link ticks a box for the voter.
        typed = kept(request, cookie) | {"next": request.query_params.get("next", "")}
        return login_page(login, language, "login.html", typed, request)

    @router.get("/dang-nhap/ma")
    async def code_form(request: Request, loi: str = "") -> Response:
        """Asks for the code of the login under way; `loi`: what was wrong with the one before (see `_CODE_FAULTS`)."""
        typed = kept(request, cookie)
        if not typed.get("identity"):
            return see_other(language.path("/dang-nhap"))
        sentence = _CODE_FAULTS.get(loi)
        turned = Turned(200, faults={"code": language.text(sentence)}) if sentence else None
        return await _code_page(login, language, typed, request, turned)

    @router.post("/dang-nhap")
    async def ask(request: Request) -> Response:
        return await _ask(login, language, request, cookie)

    @router.post("/dang-nhap/ma")
    async def enter(request: Request) -> Response:
        return await _enter(login, language, request, cookie)

    @router.post("/dang-nhap/thoat")
    async def leave(request: Request) -> Response:
        try:
            everywhere = "everywhere" in await read_form(login, request)
            await login.leave(fields_of(request.headers.raw), everywhere=everywhere)
        except VoterProblem as error:
            return login_page(login, language, "login.html", {}, request, turned_by(error, language))
        return keep(login.with_cookies(see_other(language.path("/")), None), cookie, None)

    if login.channels.shown:

        @router.get("/demo/hop-thu")
        async def demo(request: Request) -> Response:
            return await _demo(login, language, request)

    return router


async def _ask(login: Login, language: Language, request: Request, cookie: str) -> Response:
    """Sends a code, then 303 to the page that asks for it; what stands against it, on the page of the address."""
    typed: Typed = {}
    try:
        typed |= await read_form(login, request)
        if faults := _identity_faults(login, typed, language) | missing_agreement(typed, language):
            return login_page(login, language, "login.html", typed, request, Turned(422, faults=faults))
        altcha = typed.get("altcha", "")[: LONGEST_PROOF + 1] or None
        address = typed.get("identity", "")
        flow = kept(request, cookie).get(FLOW) or new_flow()
        _, asked = await login.ask(login.kind_of(address), address, altcha, language, flow)
    except VoterProblem as error:
        return login_page(login, language, "login.html", typed, request, turned_by(error, language))
    if asked.outcome in ON_ITS_WAY:
        return keep(see_other(language.path("/dang-nhap/ma")), cookie, with_flow(typed, flow))
    headers = ((b"retry-after", b"%d" % asked.retry_after),)
    turned = Turned(429, limited(asked, language), headers=headers)
    return login_page(login, language, "login.html", typed, request, turned)


async def _enter(login: Login, language: Language, request: Request, cookie: str) -> Response:
    """Back to where the voter came from, with a session; a wrong code is asked for again, by a 303: to load that page
    again is no guess. What was agreed to comes with the code in hidden fields: it is the voter's own statement, and who
    changes it changes what they state.
    """
    typed: Typed = {}
    flow = kept(request, cookie).get(FLOW, "")
    try:
        typed |= await read_form(login, request)
        if faults := missing_agreement(typed, language):
            return login_page(login, language, "login.html", typed, request, Turned(422, faults=faults))
        agreed = agreed_to(typed)
        address = typed.get("identity", "")
        entered = await login.enter(login.kind_of(address), address, typed.get("code", "")[:32], agreed, flow)
    except VoterProblem as error:
        turned = turned_by(error, language)
        if "code" in turned.faults:
            fault = "so" if len("".join(typed.get("code", "").split())) != CODE_LENGTH else "ma"
            return keep(see_other(f"{language.path('/dang-nhap/ma')}?loi={fault}"), cookie, with_flow(typed, flow))
        if typed.get("identity") and not turned.faults:
            return await _code_page(login, language, typed, request, turned)
        return login_page(login, language, "login.html", typed, request, turned)
    answer = login.with_cookies(see_other(own_path(typed.get("next", ""), language)), entered)
    return keep(answer, cookie, None)


async def _code_page(
    login: Login, language: Language, typed: Typed, request: Request, turned: Turned | None = None
) -> Response:
    """The page that asks for the code, and says if the mail server or the gateway is in trouble."""
    address = typed.get("identity", "")
    kind = login.kind_of(address)
    masked, late = "", False
    with suppress(VoterProblem):
        identity = login.identity(kind, address)
        masked = identity.masked
        late = await login.codes_are_late(identity.kind)
    return login_page(login, language, "login_code.html", typed, request, turned, kind=kind, masked=masked, late=late)


def _identity_faults(login: Login, typed: Typed, language: Language) -> dict[str, str]:
    """What is wrong with the address, so that it is said together with boxes that are not ticked."""
    address = typed.get("identity", "")
    try:
        login.identity(login.kind_of(address), address)
    except VoterProblem as error:
        return {"identity": language.text(str(error.more["detail"]))}
    return {}


def missing_agreement(typed: Typed, language: Language) -> dict[str, str]:
    """A sentence for each box that is not ticked: its field is the purpose's name in small letters."""
    return {
        purpose.name.lower(): language.text(sentence)
        for purpose, sentence in _MISSING.items()
        if purpose.name.lower() not in typed
    }


async def _demo(login: Login, language: Language, request: Request) -> Response:
    """The mails that this demo would have sent."""
    try:
        mails, turned = await read_demo(login.scratch), None
    except ScratchAway:
        mails, turned = [], turned_by(VoterProblem(Code.NOT_READY, detail=AWAY), language)
    return login_page(login, language, "login_demo.html", {}, request, turned, mails=mails)


def login_page(
    login: Login,
    language: Language,
    name: str,
    typed: Typed,
    request: Request,
    turned: Turned | None = None,
    **values: object,
) -> Response:
    """The page of template `name`, with what was `typed` still in it."""
    if turned and turned.status == HTTPStatus.FORBIDDEN:
        REFUSALS.note(turned.reason, route_of(request))
    back = own_path(typed.get("next", ""), language)
    body = render(
        name,
        language,
        view=login.watch.current.view,
        path="/demo/hop-thu" if name == "login_demo.html" else f"/dang-nhap?next={quote(back, safe='')}",
        identity=typed.get("identity", "")[:_SHOWN],
        next=back,
        unsent=ENTRY in back and back.endswith(CONFIRM),
        ticked=[purpose.name.lower() for purpose, _ in agreed_to(typed)],
        faults=turned.faults if turned else {},
        problem=turned.sentence if turned else "",
        demo=login.channels.shown,
        kinds=login.kinds,
        providers=login.providers,
        in_app=in_app(request.headers.get("user-agent", "")),
        closed=login.switches["login_closed"],
        **values,
    )
    return respond(
        answer(turned.status if turned else 200, HTML, body, (NO_STORE, *(turned.headers if turned else ())))
    )


def own_path(wanted: str, language: Language = VI) -> str:
    """`wanted`, in `language`, if it is a path of this site, else its first page: nobody is sent elsewhere after login.

    Browsers read `//host`, `/<backslash>host` and `/<tab>/host` as another site. Letters that are not ASCII are
    percent-encoded.
    """
    text = quote(wanted, safe="/?#&=%+-._~!$'()*,;:@[]\\")
    inside = text.startswith("/") and not text.startswith("//") and "\\" not in text
    if not (inside and wanted.isprintable() and len(text) <= _LONGEST_NEXT):
        return language.path("/")
    _, bare = language_of(text)
    return language.path(bare) if not bare.startswith("//") else language.path("/")


def turned_by(error: VoterProblem, language: Language) -> Turned:
    """A refusal as a page shows it: at the field where the page has it, else above all."""
    refusal = WORDS[error.code]
    errors: list[dict[str, str]] = error.more.get("errors", [])  # type: ignore[assignment]  # as `invalid` makes it
    faults = {one["field"]: language.text(one["problem"]) for one in errors if one["field"] in _FIELDS_SHOWN}
    sentence = "" if faults else language.text(str(error.more.get("detail", refusal.detail)))
    return Turned(refusal.status, sentence, faults, retry_after(error.code), error.code.value)
