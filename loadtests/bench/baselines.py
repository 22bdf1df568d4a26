"""The vote as it is usually built, given what a good engineer would give it: an INSERT in the request, or a job.

Both read the session token as the API does, and answer with the same document.
"""

from functools import lru_cache
from typing import Annotated, Any

from fastapi import FastAPI, Header, HTTPException, Response
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import create_async_engine

from api.sessions import Session, Sessions
from loadtests.bench.jobs import give, queue_of
from loadtests.bench.tables import inserted
from models.event import pack_evidence
from models.receipt import Receipts
from models.scratch.connection import scratch_client
from models.settings import Settings
from models.times import from_ms

DRIVER = "postgresql+asyncpg"  # takes two thirds of the processor time that psycopg takes for an INSERT
POOL = 32  # connections, of all processes of one contender: 4 to 16 insert less, up to 84 the same
EVIDENCE = pack_evidence("127.0.0.1", bytes(8))
NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def insert_per_vote(settings: Settings, pool: int = POOL) -> Any:
    """One INSERT, committed before the answer. The fastest driver, a tuned pool, a statement compiled and prepared
    once, no round trips for BEGIN and COMMIT (autocommit).
    """
    engine = create_async_engine(
        make_url(settings.database()).set(drivername=DRIVER),
        pool_size=pool,
        max_overflow=0,
        isolation_level="AUTOCOMMIT",
        pool_timeout=10,
    )
    statement = insert(inserted).on_conflict_do_nothing()
    reader = _Reader(settings)
    app = FastAPI(telemetry=NO_TELEMETRY)

    @app.put("/api/entries/{entry_id}/vote")
    async def vote(entry_id: int, authorization: Annotated[str, Header()], response: Response) -> dict[str, Any]:
        session, receipts, number = reader.read(authorization, entry_id)
        row = {
            "account_id": session.account,
            "entry_id": entry_id,
            "cast_at": from_ms(session.issued_at * 1000),
            "receipt": number,
            "shard": 0,
            "proof": session.proof,
            "evidence": EVIDENCE,
        }
        async with engine.connect() as connection:
            counted = (await connection.execute(statement, row)).rowcount == 1
        response.status_code = 201 if counted else 200
        status = "counted" if counted else "already_voted"
        return {"status": status, "entry_id": entry_id, "receipt": receipts.code(number)}

    return app


def job_per_vote(settings: Settings) -> Any:
    """One RQ job, answered when it is queued. RQ's client blocks, but over a Unix socket its calls take less time than
    a thread to run them in would: they run in the event loop.
    """
    queue = queue_of(scratch_client(settings.scratch()))
    reader = _Reader(settings)
    app = FastAPI(telemetry=NO_TELEMETRY)

    @app.put("/api/entries/{entry_id}/vote", status_code=202)
    async def vote(entry_id: int, authorization: Annotated[str, Header()]) -> dict[str, Any]:
        session, receipts, number = reader.read(authorization, entry_id)
        give(queue, session.account, entry_id, session.issued_at, number, session.proof)
        return {"status": "received", "entry_id": entry_id, "receipt": receipts.code(number)}

    return app


class _Reader:
    """Session, receipts and the receipt's number of a vote. Errors: HTTPException for no session."""

    def __init__(self, settings: Settings) -> None:
        keys = settings.keys()
        self._sessions = Sessions(keys)

        @lru_cache
        def receipts_of(contest_id: int) -> Receipts:
            return Receipts(keys, contest_id)

        self._receipts_of = receipts_of

    def read(self, authorization: str, entry_id: int) -> tuple[Session, Receipts, int]:
        session = self._sessions.read(authorization.removeprefix("Bearer ").encode())
        if session is None:
            raise HTTPException(401)
        receipts = self._receipts_of(session.contest_id)
        return session, receipts, receipts.number(session.account, entry_id)
