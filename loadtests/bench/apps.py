"""What the vote is measured against, in uvicorn processes with the very settings of the API's:

python -m loadtests.bench.apps NAME FD READY

FD: the listening socket; READY: a file that is made when the process serves.
"""

import gc
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from api.serve import GC_THRESHOLD, uvicorn_config
from loadtests.bench.baselines import NO_TELEMETRY, POOL, insert_per_vote, job_per_vote
from models.settings import Settings, load_settings

_CORES = os.cpu_count() or 1
UVICORN = "httptools"
"""Uvicorn's own protocol, without what the API adds to it."""


@dataclass(frozen=True)
class App:
    """`protocol`: uvicorn's setting `http`. `processes`: how many serve the one socket."""

    make: Callable[[Settings], Any]
    protocol: str = UVICORN
    processes: int = 1


def empty_asgi(_settings: Settings) -> Any:
    """Reads nothing, says "ok"."""
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    body = {"type": "http.response.body", "body": b"ok"}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send(start)
        await send(body)

    return app


def empty_fastapi(_settings: Settings) -> Any:
    """A route with one parameter that does nothing."""
    app = FastAPI(telemetry=NO_TELEMETRY)

    @app.put("/api/entries/{entry_id}/vote")
    async def vote(entry_id: int) -> dict[str, int]:
        return {"entry_id": entry_id}

    return app


def durable_votes(settings: Settings) -> Any:
    """The API itself, on the stack's own box. Its processes count together in the folder that the bench gives them."""
    from api.app import create_app  # noqa: PLC0415 - as the API does: only those who need it load it

    return create_app(settings, Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))


APPS = {
    "durable_votes_asgi": App(durable_votes, "api.protocol:BoundedHeads"),
    "durable_votes_all_cores": App(durable_votes, "api.lane:VoteLane", _CORES),
    "empty_asgi": App(empty_asgi),
    "empty_fastapi": App(empty_fastapi),
    "insert_per_vote": App(insert_per_vote),
    "insert_per_vote_all_cores": App(partial(insert_per_vote, pool=POOL // _CORES), processes=_CORES),
    "job_per_vote": App(job_per_vote),
}


class _Server(uvicorn.Server):
    """Says when it serves."""

    ready: Path

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.touch()


def main(name: str, descriptor: int, ready: Path) -> None:
    """Serves until SIGTERM. The stack's addresses come from DATA_DIR."""
    settings = load_settings().require_stack()
    config = uvicorn_config(settings, APPS[name].make(settings))
    config.http = APPS[name].protocol
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)
    server = _Server(config)
    server.ready = ready
    server.run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
