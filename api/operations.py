"""What those who run the system ask: `/health/live`, `/health/ready`, `/metrics`."""

import hmac
from ipaddress import ip_address
from pathlib import Path

from fastapi import APIRouter, Request, Response

from api.metrics import Metrics, exposition
from api.openapi import problems
from api.outcomes import Code, VoterProblem
from api.schemas import Health
from api.snapshot import Watch
from models.ballot_box.intake import Intake
from models.scratch.connection import ScratchAway, async_scratch
from models.scratch.status import read_status


def health_router(watch: Watch, intake: Intake, scrapes: "Scrapes") -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get("/health/live", summary="The process is up")
    async def live() -> Health:
        return Health(status="live")

    @router.get("/health/ready", summary="This process can serve", responses=problems(Code.NOT_READY))
    async def ready(request: Request) -> Health:
        """Closed, paused or no contest is no failure; a ballot box that is away or not to be trusted is one. Why it is
        so is said to those who may read the metrics.
        """
        reason = watch.unready() or intake.fault
        if reason is None and watch.current.reading is not None and not intake.connected:
            reason = "no connection to the ballot box takes votes"
        if reason:
            raise VoterProblem(Code.NOT_READY, **({"reason": reason} if scrapes.allows(request) else {}))
        return Health(status="ready")

    return router


class Scrapes:
    """Answers Prometheus: counts of all API processes, and what the workers wrote into scratch."""

    def __init__(self, scratch_url: str, metrics: Metrics, directory: Path | None, token: str | None) -> None:
        self._scratch = async_scratch(scratch_url)
        self._metrics = metrics
        self._directory = directory
        self._token = token.encode() if token else None

    async def stop(self) -> None:
        await self._scratch.aclose()

    async def text(self) -> bytes:
        self._metrics.publish()
        try:
            status = await read_status(self._scratch)
        except ScratchAway:
            status = {}
        return exposition(self._directory, status)

    def allows(self, request: Request) -> bool:
        """From this machine itself (and not passed on by a proxy), or with the token."""
        authorization = request.headers.get("authorization", "")
        if self._token and authorization[:7].lower() == "bearer ":
            return hmac.compare_digest(authorization[7:].strip().encode(), self._token)
        passed_on = any(name in request.headers for name in ("x-forwarded-for", "forwarded", "x-real-ip", "via"))
        return not passed_on and request.client is not None and _is_loopback(request.client.host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def metrics_router(scrapes: Scrapes) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get(
        "/metrics",
        summary="Prometheus metrics of all API processes together",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems(Code.NOT_FOUND)},
    )
    async def metrics(request: Request) -> Response:
        if not scrapes.allows(request):
            raise VoterProblem(Code.NOT_FOUND)
        return Response(await scrapes.text(), media_type="text/plain; version=1.0.0; charset=utf-8")

    return router
