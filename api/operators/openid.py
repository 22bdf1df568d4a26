"""Login by an OpenID provider in place of the password, for operators who have linked an identity on their own page.

Nobody is made an operator by it, and the second factor is asked for as ever. The flow is that of the voters' login
(docs/decisions/0009-openid-connect.md), with cookies of its own kind and a callback of its own.
"""

import time
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from api.operators.access import ANYBODY, VIEWER, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.language import N_
from api.operators.login_steps import a_place, go_on, locked, own_path, renew
from api.operators.own_password import password_fault
from api.voters.oidc import exchange, say_trouble
from api.voters.oidc_client import Client, CodeRefused, ProviderAway
from api.voters.oidc_flow import Flow, Flows, new_state
from api.voters.oidc_token import ProviderWrong
from api.voters.responses import see_other
from models.audit import record
from models.operator import locked_operator
from models.operator_openid import openid_digest, operator_with_openid, set_openid
from models.scratch.flows import use_flow

ACCOUNT = "/operator/account"
_LONGEST = 4096  # letters of a parameter that a provider sends back
_AWAY = N_("%(provider)s không trả lời lúc này. Hãy đăng nhập bằng mật khẩu.")
_WRONG = N_("%(provider)s trả lời không đúng quy cách. Hãy đăng nhập bằng mật khẩu.")
_LOST = N_("Lần đăng nhập này đã hết hạn, đã được dùng hoặc được bắt đầu ở trình duyệt khác. Hãy bắt đầu lại.")
_CANCELLED = N_("Bạn đã dừng đăng nhập bằng %(provider)s.")
_UNKNOWN = N_(
    "Tài khoản %(provider)s này chưa được liên kết với người điều hành nào. Hãy đăng nhập bằng mật khẩu rồi liên kết ở"
    " trang “Tài khoản của tôi”."
)
_TAKEN = N_("Tài khoản %(provider)s này đã được liên kết với người điều hành khác.")


def openid_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    flows = Flows(console.keys, secure=console.secure, of="operator-oidc")

    @router.post("/operator/openid/{name}")
    async def begin(acting: Annotated[Acting, ANYBODY], name: str) -> Response:
        return await _leave(console, flows, acting, name, own_path(acting.text("next", limit=1_000)))

    @router.post(ACCOUNT + "/openid-remove")
    def remove(acting: Annotated[Acting, VIEWER]) -> Response:
        _with_password(console, acting)
        with console.ledger() as connection:
            operator = locked(connection, console, acting)
            set_openid(connection, operator.id, None)
            before, after = {"openid": operator.openid_linked}, {"openid": False}
            record(connection, acting.actor, "operator.openid", f"operator:{operator.id}", before=before, after=after)
        return see_other(f"{ACCOUNT}?done=openid-removed")

    @router.post(ACCOUNT + "/openid/{name}")
    async def link(acting: Annotated[Acting, VIEWER], name: str) -> Response:
        console.openid.client(name)
        await run_in_threadpool(_with_password, console, acting)
        return await _leave(console, flows, acting, name, ACCOUNT, bound=acting.operator.digest)

    @router.get("/operator/openid/{name}/callback")
    async def come_back(acting: Annotated[Acting, ANYBODY], name: str) -> Response:
        return await _come_back(console, flows, acting, console.openid.client(name))

    return router


def _with_password(console: Console, acting: Acting) -> None:
    """Errors: ConsoleProblem where the form has not the operator's own password."""
    with a_place():
        fault = password_fault(console, acting)
    if fault:
        raise ConsoleProblem(422, fault)


def _callback(console: Console, acting: Acting, name: str) -> str:
    return f"{console.openid.origin_for(acting.request)}/operator/openid/{name}/callback"


async def _leave(console: Console, flows: Flows, acting: Acting, name: str, back: str, *, bound: str = "") -> Response:
    """The page to the provider, with the cookie of this login. Errors: ConsoleProblem, HTTPException (404)."""
    client = console.openid.client(name)
    flow = Flow(new_state(), name, back, (), acting.language, bound)
    try:
        address = await client.address(
            callback=_callback(console, acting, name),
            state=flow.state,
            nonce=flows.nonce(flow.state),
            verifier=flows.verifier(flow.state),
            locale=acting.language.code,
        )
    except (ProviderAway, ProviderWrong) as error:
        raise _trouble(client, error) from None
    page = console.page(acting, "openid_leave.html", address=address, provider=client.provider)
    for cookie in (*flows.forget_crowd(acting.request.cookies), flows.cookie(flow, time.time())):
        page.headers.append("Set-Cookie", cookie)
    return page


async def _come_back(console: Console, flows: Flows, acting: Acting, client: Client) -> Response:
    """The next step of the login, or the own page with the identity linked. Errors: ConsoleProblem."""
    query = {name: value[:_LONGEST] for name, value in acting.request.query_params.items()}
    flow = flows.find(acting.request.cookies, query.get("state", ""), time.time())
    if flow is None or flow.provider != client.provider.name:
        raise ConsoleProblem(403, _LOST)
    try:
        digest = await _proven(console, flows, acting, client, flow, query)
    except CodeRefused:
        raise ConsoleProblem(403, _LOST) from None
    except (ProviderAway, ProviderWrong) as error:
        raise _trouble(client, error) from None
    finish = _link if flow.bound else _enter
    response = await run_in_threadpool(finish, console, acting, client, flow, digest)
    response.headers.append("Set-Cookie", flows.forget(flow.state))
    return response


async def _proven(
    console: Console, flows: Flows, acting: Acting, client: Client, flow: Flow, query: Mapping[str, str]
) -> str:
    """The digest of who logged in at the provider.

    Errors: ConsoleProblem, ScratchAway, CodeRefused, ProviderAway, ProviderWrong.
    """
    if not await use_flow(console.async_scratch, flow.state):
        raise CodeRefused
    if not await client.comes_from_here(query.get("iss")):
        raise ProviderWrong(f"callback: iss is {query.get('iss')!r:.200}")
    if error := query.get("error"):
        if error != "access_denied":
            raise ProviderWrong(f"callback: {error!r:.60}")
        raise ConsoleProblem(422, _CANCELLED, provider=client.provider.title)
    callback = _callback(console, acting, client.provider.name)
    subject = await exchange(console.async_scratch, client, flows, flow, callback, query.get("code", ""))
    return openid_digest(console.keys, subject.iss, subject.sub)


def _link(console: Console, acting: Acting, client: Client, flow: Flow, digest: str) -> Response:
    """In the session that asked for it, and in no other."""
    if acting.session is None or not acting.session.full or acting.session.digest != flow.bound:
        raise ConsoleProblem(403, _LOST)
    with console.ledger() as connection:
        operator = locked(connection, console, acting)
        if not set_openid(connection, operator.id, digest):
            raise ConsoleProblem(422, _TAKEN, provider=client.provider.title)
        before, after = {"openid": operator.openid_linked}, {"openid": client.provider.name}
        record(connection, acting.actor, "operator.openid", f"operator:{operator.id}", before=before, after=after)
    return see_other(f"{ACCOUNT}?done=openid")


def _enter(console: Console, acting: Acting, client: Client, flow: Flow, digest: str) -> Response:
    """As after a right password."""
    with console.ledger() as connection:
        known = operator_with_openid(connection, digest)
        operator = locked_operator(connection, known.id) if known else None
        if operator is None or not operator.active or not operator.openid_linked:
            raise ConsoleProblem(403, _UNKNOWN, provider=client.provider.title)
        token = renew(connection, console, acting, operator, second_factor="")
    return go_on(console, operator, token, second_factor=False, back=flow.back)


def _trouble(client: Client, error: ProviderAway | ProviderWrong) -> ConsoleProblem:
    away = isinstance(error, ProviderAway)
    say_trouble(client, error)
    return ConsoleProblem(503 if away else 502, _AWAY if away else _WRONG, provider=client.provider.title)
