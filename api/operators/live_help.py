"""What to do: every alarm with what it means, in plain words, each at its own place (`/operator/help#<code>`)."""

from typing import Annotated

from fastapi import APIRouter, Response

from api.operators.access import VIEWER, Acting
from api.operators.console import Console
from api.operators.live_advice import ADVICE


def live_help_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/operator/help")
    def live_help(acting: Annotated[Acting, VIEWER]) -> Response:
        return console.page(acting, "live_help.html", advice=ADVICE)

    return router
