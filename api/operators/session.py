"""How long the own session lasts: what an open page asks before it warns, and how the operator goes on."""

import time
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from api.operators.access import SESSION, VIEWER, Acting
from api.operators.console import Console
from models.scratch.operator_sessions import lasts_s, left_s


def session_router(_console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(SESSION)
    def look(acting: Annotated[Acting, VIEWER]) -> Response:
        """Looking keeps no session alive."""
        return _told(acting)

    @router.post(SESSION)
    def go_on(acting: Annotated[Acting, VIEWER]) -> Response:
        """As with every other request, the session lives on."""
        return _told(acting)

    return router


def _told(acting: Acting) -> Response:
    """`left_s`: seconds until it ends if nothing is done; `lasts_s`: whatever is done."""
    now, session = time.time(), acting.operator
    return JSONResponse({"left_s": left_s(session, now), "lasts_s": lasts_s(session, now)})
