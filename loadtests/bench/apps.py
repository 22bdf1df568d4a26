"""What the vote is measured against, each in one uvicorn process with the very settings of the API's:

python -m loadtests.bench.apps {empty_asgi,empty_fastapi,insert_per_vote} FD
"""

import gc
import socket
import sys
from functools import lru_cache
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Header, HTTPException, Response
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import create_async_engine

from api.serve import GC_THRESHOLD, uvicorn_config
from api.sessions import Sessions
from loadtests.bench.tables import inserted
from models.event import pack_evidence
from models.receipt import Receipts
from models.settings import Settings, load_settings
from models.times import from_ms

POOL = 48  # connections: 4 to 16 insert less, 32 to 84 the same
NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


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


def insert_per_vote(settings: Settings) -> Any:
    """The vote as most would write it first: a route, the session, one INSERT, committed before the answer.

    Given what it can be given: a tuned pool, a statement compiled once, no BEGIN and COMMIT round trips (autocommit).
    """
    keys = settings.keys()
    sessions = Sessions(keys)

    @lru_cache
    def receipts_of(contest_id: int) -> Receipts:
        return Receipts(keys, contest_id)

    engine = create_async_engine(
        settings.database(), pool_size=POOL, max_overflow=0, isolation_level="AUTOCOMMIT", pool_timeout=10
    )
    statement = insert(inserted).on_conflict_do_nothing()
    evidence = pack_evidence("127.0.0.1", bytes(8))
    app = FastAPI(telemetry=NO_TELEMETRY)

    @app.put("/api/entries/{entry_id}/vote")
    async def vote(entry_id: int, authorization: Annotated[str, Header()], response: Response) -> dict[str, Any]:
        session = sessions.read(authorization.removeprefix("Bearer ").encode())
        if session is None:
            raise HTTPException(401)
        receipts = receipts_of(session.contest_id)
        number = receipts.number(session.account, entry_id)
        row = {
            "account_id": session.account,
            "entry_id": entry_id,
            "cast_at": from_ms(session.issued_at * 1000),
            "receipt": number,
            "shard": 0,
            "proof": session.proof,
            "evidence": evidence,
        }
        async with engine.connect() as connection:
            counted = (await connection.execute(statement, row)).rowcount == 1
        response.status_code = 201 if counted else 200
        status = "counted" if counted else "already_voted"
        return {"status": status, "entry_id": entry_id, "receipt": receipts.code(number)}

    return app


APPS = {app.__name__: app for app in (empty_asgi, empty_fastapi, insert_per_vote)}


def main(name: str, descriptor: int) -> None:
    """Serves until SIGTERM. The stack's addresses come from DATA_DIR."""
    settings = load_settings().require_stack()
    config = uvicorn_config(settings, APPS[name](settings))
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
