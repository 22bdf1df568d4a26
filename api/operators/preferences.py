"""What each operator chooses for themselves: the language."""

from typing import Annotated

from fastapi import APIRouter, Response

from api.operators.access import ANYBODY, LANGUAGE_COOKIE, Acting
from api.operators.console import Console
from api.operators.language import LANGUAGES
from api.voters.responses import see_other

_YEAR_S = 365 * 86_400


def preferences_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/operator/language")
    def language(acting: Annotated[Acting, ANYBODY], to: str = "") -> Response:
        """Another language from now on, in this browser; back to the page that was left."""
        known = to if to in {language.code for language in LANGUAGES} else LANGUAGES[0].code
        return with_language(console, see_other(_own_path(acting)), known)

    return router


def with_language(console: Console, response: Response, code: str) -> Response:
    """`response` with the cookie that keeps the language of this browser."""
    response.set_cookie(
        LANGUAGE_COOKIE,
        code,
        max_age=_YEAR_S,
        path="/operator",
        secure=console.secure,
        samesite="lax",
        httponly=True,
    )
    return response


def _own_path(acting: Acting) -> str:
    """The console's page that the browser comes from (`Referer`; ours says so to ourselves), else its first."""
    referer = acting.request.headers.get("referer", "")
    host = acting.request.headers.get("host", "")
    _, found, path = referer.partition(f"//{host}/operator")
    return "/operator" + path.partition("?")[0] if found and path.startswith("/") else "/operator/"
