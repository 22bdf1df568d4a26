"""`GET /api/receipts/{code}`: the one voter's question that the ledger answers."""

import asyncio

import structlog
from fastapi import APIRouter, Response

from api.metrics import Metrics
from api.openapi import problems
from api.outcomes import Code, VoterProblem
from api.schemas import Receipt
from api.snapshot import Watch
from models.ballot_box.connection import BoxAway, BoxRefused
from models.cursor import events_taken
from models.database import LedgerAway, async_engine
from models.times import rfc3339_of
from models.vote import ReceiptRecord, find_receipt

log = structlog.get_logger()

LEDGER_S = 1.8  # for all questions of one look-up
_ALARMED_LIMIT = 1_000


class Receipts:
    """Looks receipts up; keeps the engine and which lost receipts were already reported."""

    def __init__(self, database_url: str, watch: Watch, metrics: Metrics) -> None:
        self._engine = async_engine(database_url)
        self._watch = watch
        self._metrics = metrics
        self._alarmed: set[int] = set()

    async def stop(self) -> None:
        await self._engine.dispose()

    async def look_up(self, code: str) -> Receipt:
        """What became of the vote with this receipt. A code that is not genuine is refused without any question.

        Errors: VoterProblem (unknown_receipt, not_ready, ledger_away).
        """
        snapshot = self._watch.current
        if snapshot.reading is None or snapshot.receipts is None or self._watch.other_key:
            raise VoterProblem(Code.NOT_READY)
        number = snapshot.receipts.parse(code)
        if number is None:
            raise VoterProblem(Code.UNKNOWN_RECEIPT)
        try:
            async with asyncio.timeout(LEDGER_S):
                record = await self._find(snapshot.reading.contest_id, number)
        except (LedgerAway, TimeoutError):
            raise VoterProblem(Code.LEDGER_AWAY) from None
        return _shape(record)

    async def _find(self, contest_id: int, number: int) -> ReceiptRecord | None:
        """The ledger's record. Where there is none, the vote must be pending: if nothing is, it is lost.

        The order matters: box, then cursor, then the votes. All that the log had when the box was asked is in the
        ledger by the last question if the cursor had passed it by the second.
        """
        record = await find_receipt(self._engine, contest_id, number)
        if record is not None:
            return record
        added = await self._events_added(contest_id)
        taken = await events_taken(self._engine, contest_id)
        record = await find_receipt(self._engine, contest_id, number)
        if record is None and added and all(count <= taken.get(shard, -1) for shard, count in added.items()):
            self._alarm(number)
        return record

    async def _events_added(self, contest_id: int) -> dict[int, int]:
        """Shard → events that its log has taken, now; empty where the box cannot say."""
        try:
            reading = await self._watch.read()
        except (BoxAway, BoxRefused):
            return {}
        return reading.events_added if reading and reading.state and reading.contest_id == contest_id else {}

    def _alarm(self, number: int) -> None:
        if number in self._alarmed or len(self._alarmed) >= _ALARMED_LIMIT:
            return
        self._alarmed.add(number)
        self._metrics.lost_receipt()
        log.error("a vote is lost: its receipt is genuine, the ledger has no such vote, and nothing is pending")


def _shape(record: ReceiptRecord | None) -> Receipt:
    if record is None:
        return Receipt(status="received", entry_id=None, cast_at=None, reason=None)
    return Receipt(
        status="voided" if record.voided_at else "in_ledger",
        entry_id=record.entry_id,
        cast_at=rfc3339_of(record.cast_at) if record.cast_at else None,
        reason=record.void_reason if record.voided_at else None,
    )


def receipts_router(receipts: Receipts) -> APIRouter:
    router = APIRouter(tags=["voters"])

    @router.get(
        "/api/receipts/{code}",
        summary="What became of a vote",
        responses=problems(Code.UNKNOWN_RECEIPT, Code.NOT_READY, Code.LEDGER_AWAY),
    )
    async def receipt(code: str, response: Response) -> Receipt:
        """`received`: the ballot box has the vote. `in_ledger`: it is in the durable record. `voided`: taken out of
        the count, with the reason. Case, spaces and dashes of the code do not matter.
        """
        response.headers["cache-control"] = "no-store"
        return await receipts.look_up(code)

    return router
