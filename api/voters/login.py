"""The JSON calls of login: challenge → code → session; log out. What the forms do is in `login_pages.py`."""

import time
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.access import fields_of
from api.answers import Answer
from api.openapi import problems
from api.outcomes import Code, VoterProblem, problem
from api.voters.forms import bounded_body
from api.voters.language import N_, VI, Language, language_called
from api.voters.login_steps import Login
from api.voters.responses import respond
from models.agreement import agreed_to
from models.identity import LONGEST
from models.proof_of_work import LONGEST as LONGEST_PROOF
from models.scratch.codes import COOL_DOWN_S, LIFE_S, Asked, Asking
from models.times import rfc3339

NO_STORE = {"Cache-Control": "no-store"}
ON_ITS_WAY = (Asking.SENT, Asking.COOLING)
"""A code is on its way, from this request or from the one before: pressed twice or loaded again is one code."""
CAPPED = N_("Địa chỉ hoặc số này đã nhận đủ số mã trong một giờ. Mời bạn thử lại sau %(minutes)s phút.")
SPENT = N_("Số tin nhắn SMS gửi được trong giờ này đã hết. Mời bạn dùng cách khác, hoặc thử lại sau %(minutes)s phút.")
CROWDED = N_("Hiện có quá nhiều yêu cầu gửi mã. Mời bạn thử lại sau %(minutes)s phút.")


FLOW = r"^([A-Za-z0-9_-]{22,64})?$"
FLOW_IS = (
    "22 to 64 random letters that the client keeps: the code is then good with them alone, and nobody else's guesses"
    " count against it. Left out, it is good without"
)


class AskForCode(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: str = Field(max_length=16, examples=["email"])
    identity: str = Field(max_length=LONGEST + 64, examples=["ten@example.vn"])
    altcha: str = Field(
        max_length=LONGEST_PROOF, description="The solution of a challenge, as ALTCHA's widget gives it"
    )
    language: Literal["vi", "en"] = Field(default="vi", description="Of the message with the code")
    flow: str = Field(default="", pattern=FLOW, description=FLOW_IS)


class EnterCode(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: str = Field(max_length=16, examples=["email"])
    identity: str = Field(max_length=LONGEST + 64, examples=["ten@example.vn"])
    code: str = Field(max_length=32, examples=["123456"])
    flow: str = Field(default="", pattern=FLOW, description="The same as when the code was asked for")
    agreed: list[Literal["counting", "protection", "residence"]] = Field(
        default=[], max_length=8, description="What the voter agrees to, as on the login page; only this is recorded"
    )


class CodeSent(BaseModel):
    masked: str = Field(examples=["t•••@example.vn"])
    expires_in: int = Field(description="Seconds")
    retry_after: int = Field(description="Seconds after which another code may be asked for")


class Entered(BaseModel):
    token: str
    expires_at: str


Body = TypeVar("Body", AskForCode, EnterCode)


def login_router(login: Login) -> APIRouter:
    router = APIRouter(tags=["login"])

    @router.get("/api/login/challenge", summary="A proof of work to be done before a code is sent")
    async def challenge() -> JSONResponse:
        """An ALTCHA challenge (version 2 of its protocol), good for ten minutes and for one code. The more codes are
        asked for, and the fewer SMS are left of this hour's, the more work it is; operators can ask for more, too.
        """
        conditions = await login.conditions.now()
        floor = login.switches["proof_floor"]
        made = login.proofs.challenge(time.time(), conditions.load, conditions.spent, floor)
        return JSONResponse(made, headers=NO_STORE)

    @router.post(
        "/api/login/code",
        status_code=202,
        summary="Send a code",
        response_model=CodeSent,
        responses=problems(
            *(Code.MALFORMED, Code.CROSS_SITE, Code.LOGIN_CLOSED, Code.INVALID, Code.TOO_LARGE),
            *(Code.TOO_MANY, Code.NOT_READY),
        ),
        openapi_extra=_takes(AskForCode),
    )
    async def code(request: Request) -> Response:
        """The answer is the same for every identity, whether it ever logged in or not, and for one that was sent a code
        less than a minute ago: that code is on its way, no other is made.

        429 where an identity has had its codes of this hour: its owner must hear that none will come.
        """
        wanted = await _read(login, request, AskForCode)
        language = language_called(wanted.language)
        identity, asked = await login.ask(wanted.kind, wanted.identity, wanted.altcha, language, wanted.flow)
        if asked.outcome not in ON_ITS_WAY:
            return _too_many(asked)
        # Not what is left of the minute: that would say that, and when, somebody asked before.
        sent = CodeSent(masked=identity.masked, expires_in=LIFE_S, retry_after=COOL_DOWN_S)
        return JSONResponse(sent.model_dump(), 202, NO_STORE)

    @router.post(
        "/api/login",
        summary="A session for a code",
        response_model=Entered,
        responses=problems(
            *(Code.MALFORMED, Code.CROSS_SITE, Code.LOGIN_CLOSED, Code.INVALID, Code.TOO_LARGE, Code.NOT_READY)
        ),
        openapi_extra=_takes(EnterCode),
    )
    async def enter(request: Request) -> Response:
        """Wrong, expired and used codes get the same answer; each guess costs one of five tries."""
        wanted = await _read(login, request, EnterCode)
        agreed = agreed_to(wanted.agreed)
        entered = await login.enter(wanted.kind, wanted.identity, wanted.code, agreed, wanted.flow)
        body = Entered(token=entered.token, expires_at=rfc3339(entered.expires_at))
        return login.with_cookies(JSONResponse(body.model_dump(), headers=NO_STORE), entered)

    @router.delete(
        "/api/login", status_code=204, summary="Log out", responses=problems(Code.CROSS_SITE, Code.NOT_READY)
    )
    async def leave(
        request: Request,
        everywhere: Annotated[bool, Query(description="All sessions of this account, on whatever device")] = False,
    ) -> Response:
        """Takes the cookie away and ends the session: its token is refused from the next second on."""
        await login.leave(fields_of(request.headers.raw), everywhere=everywhere)
        return login.with_cookies(Response(status_code=204, headers=NO_STORE), None)

    return router


def limited(asked: Asked, language: Language) -> str:
    """Why no code was sent, and when to come back."""
    sentence = {Asking.CAPPED: CAPPED, Asking.SPENT: SPENT}.get(asked.outcome, CROWDED)
    return language.text(sentence, minutes=-(-asked.retry_after // 60))


def _too_many(asked: Asked) -> Response:
    """429 that says when it is worth coming back."""
    ready = problem(Code.TOO_MANY, detail=limited(asked, VI))
    kept = [header for header in ready.start["headers"] if header[0] != b"retry-after"]
    headers = [*kept, (b"retry-after", b"%d" % asked.retry_after)]
    return respond(Answer({**ready.start, "headers": headers}, ready.body))


async def _read(login: Login, request: Request, shape: type[Body]) -> Body:
    """The body of a changing call. Errors: VoterProblem (cross_site, too_large), RequestValidationError."""
    if not login.own_call(fields_of(request.headers.raw)):
        raise VoterProblem(Code.CROSS_SITE)
    try:
        return shape.model_validate_json(await bounded_body(request))
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_context=False)) from None


def _takes(shape: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI description of the body, which is read here and not by FastAPI: its size has a limit."""
    content = {"application/json": {"schema": shape.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}
