"""Login by an OpenID Connect provider: from the button of the login page to the provider, and back with a session.

A login begins by POST from our own page only: a link could log somebody in without their doing. All that goes wrong
ends on the login page, which says so and offers the other ways. Why as it is: docs/decisions/0009-openid-connect.md.
"""

import time
from collections.abc import Mapping

import structlog
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from api.outcomes import Code, VoterProblem
from api.voters.forms import Turned, Typed, read_form
from api.voters.language import N_, VI, Language, language_called
from api.voters.login_pages import login_page, missing_agreement, own_path, turned_by
from api.voters.login_steps import AWAY, Login
from api.voters.oidc_client import Client, CodeRefused, ProviderAway, http_client
from api.voters.oidc_flow import Flow, Flows, new_state
from api.voters.oidc_token import ProviderWrong, Subject
from api.voters.responses import see_other
from models.agreement import agreed_to
from models.identity import proven_by_oidc
from models.scratch.connection import AsyncScratchClient, ScratchAway
from models.scratch.flows import count_failure, may_exchange, use_flow
from models.secrets import KeyRing
from models.settings import Settings

log = structlog.get_logger()

_PROVIDER_AWAY = N_("%(provider)s không trả lời lúc này. Mời bạn đăng nhập bằng mã, hoặc thử lại sau ít phút.")
_PROVIDER_WRONG = N_(
    "%(provider)s trả lời không đúng quy cách, nên chưa xác nhận được tài khoản của bạn. Mời bạn đăng nhập bằng mã."
)
_CANCELLED = N_("Bạn đã dừng đăng nhập bằng %(provider)s. Mời bạn thử lại, hoặc đăng nhập bằng mã.")
_LOST = N_(
    "Lần đăng nhập này đã hết hạn, đã được dùng hoặc được bắt đầu ở trình duyệt khác. Mời bạn đăng nhập lại từ đầu."
)
SAID_EVERY_S = 1.0
_LONGEST = 4096  # letters of a parameter that a provider sends back


class OpenId:
    """The providers of an installation. Errors: SettingsError."""

    def __init__(self, settings: Settings, keys: KeyRing, login: Login) -> None:
        self.login = login
        self.keys = keys
        self.origin = (settings.public_origin or "").rstrip("/")
        self.flows = Flows(keys, secure=self.origin.startswith("https://"))
        self._http = http_client() if login.providers else None
        self._clients = {one.name: Client(one, self._http) for one in login.providers} if self._http else {}

    async def stop(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    def client(self, name: str) -> Client:
        """Errors: HTTPException (404)."""
        found = self._clients.get(name)
        if found is None:
            raise HTTPException(404)
        return found

    def callback(self, request: Request, name: str) -> str:
        """Where the provider sends the voter back to."""
        return f"{self.origin_for(request)}/login/oidc/{name}/callback"

    def origin_for(self, request: Request) -> str:
        """Where callbacks lead; without PUBLIC_ORIGIN the host that the browser came to."""
        return self.origin or f"{request.url.scheme}://{request.headers.get('host', '')}"


def oidc_router(openid: OpenId) -> APIRouter:
    router = APIRouter(include_in_schema=False, prefix="/login/oidc/{name}")

    @router.post("")
    async def begin(request: Request, name: str) -> Response:
        return await _begin(openid, openid.client(name), request)

    @router.get("")
    async def nothing_begins_by_get(name: str) -> Response:
        openid.client(name)
        return see_other("/dang-nhap")

    @router.get("/callback")
    async def come_back(request: Request, name: str) -> Response:
        return await _come_back(openid, openid.client(name), request)

    return router


async def _begin(openid: OpenId, client: Client, request: Request) -> Response:
    """The page that leads to the provider, with the cookie of this login; else the login page with what is missing."""
    typed: Typed = {}
    language: Language = VI
    provider = client.provider
    try:
        typed |= await read_form(openid.login, request)
        language = language_called(typed.get("language", ""))
        openid.login.refuse_closed()
        await openid.login.refuse_without_room()
        if faults := missing_agreement(typed, language):
            return _back(openid, request, language, typed, Turned(422, faults=faults))
        back = own_path(typed.get("next", ""), language)
        flow = Flow(new_state(), provider.name, back, agreed_to(typed), language)
        address = await client.address(
            callback=openid.callback(request, provider.name),
            state=flow.state,
            nonce=openid.flows.nonce(flow.state),
            verifier=openid.flows.verifier(flow.state),
            locale=language.code,
        )
    except VoterProblem as error:
        return _back(openid, request, language, typed, turned_by(error, language))
    except (ProviderAway, ProviderWrong) as error:
        return _back(openid, request, language, typed, _trouble(client, error, language))
    # No redirect: our policy lets forms lead to ourselves alone, and Chromium holds redirects after a form to it.
    page = login_page(openid.login, language, "login_leave.html", typed, request, address=address, provider=provider)
    for cookie in (*openid.flows.forget_crowd(request.cookies), openid.flows.cookie(flow, time.time())):
        page.headers.append("Set-Cookie", cookie)
    return page


async def _come_back(openid: OpenId, client: Client, request: Request) -> Response:
    """A session and the way back to where the voter was; else the login page with what went wrong."""
    query = {name: value[:_LONGEST] for name, value in request.query_params.items()}
    state = query.get("state", "")
    flow = openid.flows.find(request.cookies, state, time.time())
    if flow is None or flow.provider != client.provider.name:
        return _back(openid, request, VI, {}, _lost(VI))
    typed = _typed(flow)
    try:
        answer = await _finish(openid, client, request, flow, query)
    except VoterProblem as error:
        answer = _back(openid, request, flow.language, typed, turned_by(error, flow.language))
    except ScratchAway:
        turned = turned_by(VoterProblem(Code.NOT_READY, detail=AWAY), flow.language)
        answer = _back(openid, request, flow.language, typed, turned)
    except CodeRefused:
        answer = _back(openid, request, flow.language, typed, _lost(flow.language))
    except (ProviderAway, ProviderWrong) as error:
        answer = _back(openid, request, flow.language, typed, _trouble(client, error, flow.language))
    answer.headers.append("Set-Cookie", openid.flows.forget(state))
    return answer


async def _finish(openid: OpenId, client: Client, request: Request, flow: Flow, query: Mapping[str, str]) -> Response:
    """Errors: VoterProblem, ScratchAway, CodeRefused, ProviderAway, ProviderWrong."""
    login, provider = openid.login, client.provider
    if not await use_flow(login.scratch, flow.state):
        raise CodeRefused
    if not await client.comes_from_here(query.get("iss")):
        raise ProviderWrong(f"callback: iss is {query.get('iss')!r:.200}")
    if error := query.get("error"):
        if error != "access_denied":
            raise ProviderWrong(f"callback: {error!r:.60}")
        said = flow.language.text(_CANCELLED, provider=provider.title)
        return _back(openid, request, flow.language, _typed(flow), Turned(200, said))
    callback = openid.callback(request, provider.name)
    subject = await exchange(login.scratch, client, openid.flows, flow, callback, query.get("code", ""))
    proven = proven_by_oidc(openid.keys, subject.iss, subject.sub, email=subject.email, title=provider.title)
    entered = await login.session_for(proven, flow.agreed)
    return login.with_cookies(see_other(flow.back), entered)


async def exchange(
    scratch: AsyncScratchClient, client: Client, flows: Flows, flow: Flow, callback: str, code: str
) -> Subject:
    """Who logged in, by the provider's word, unless too many codes have failed in this minute.

    Errors: ScratchAway, CodeRefused, ProviderAway, ProviderWrong.
    """
    if not await may_exchange(scratch, flow.provider):
        raise ProviderAway("not asked: too many codes failed in this minute")
    try:
        return await client.subject(
            code=code, callback=callback, nonce=flows.nonce(flow.state), verifier=flows.verifier(flow.state)
        )
    except (CodeRefused, ProviderAway, ProviderWrong):
        await count_failure(scratch, flow.provider)
        raise


def _typed(flow: Flow) -> Typed:
    """What the voter had typed and ticked when the login began."""
    return {"next": flow.back} | {purpose.name.lower(): "on" for purpose, _ in flow.agreed}


def _back(openid: OpenId, request: Request, language: Language, typed: Typed, turned: Turned) -> Response:
    return login_page(openid.login, language, "login.html", typed, request, turned)


def _lost(language: Language) -> Turned:
    return Turned(403, language.text(_LOST), reason="a login that nobody began here")


def _trouble(client: Client, error: ProviderAway | ProviderWrong, language: Language) -> Turned:
    """503 for a provider that does not answer, 502 for one that answers wrong."""
    away = isinstance(error, ProviderAway)
    say_trouble(client, error)
    said = language.text(_PROVIDER_AWAY if away else _PROVIDER_WRONG, provider=client.provider.title)
    return Turned(503 if away else 502, said, headers=((b"retry-after", b"60"),) if away else ())


def say_trouble(client: Client, error: Exception) -> None:
    """The operators read in the log why a login failed, once a second at most: anybody can make a callback fail."""
    now = time.monotonic()
    if now - client.said_at >= SAID_EVERY_S:
        client.said_at = now
        log.warning("an OpenID provider cannot be used", provider=client.provider.name, problem=str(error))
