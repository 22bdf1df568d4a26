"""A download of any size: chunks from the ledger straight to the client, each when the one before was taken."""

import asyncio
from collections.abc import Callable

import structlog
from fastapi import Response
from starlette.types import Receive, Scope, Send

from api.answers import NO_STORE, SECURITY
from api.operators.leaving import while_there
from api.protocol import end_stream
from models.database import LedgerAway
from models.export_stream import Export

log = structlog.get_logger()

SLOW_S = 60.0
"""Who takes no chunk for so long is left: the ledger keeps the snapshot of an export for as long as it lasts."""


class Download(Response):
    """Sends an export that is open, and closes it. A file that is not whole ends with its connection, so that no
    browser takes it for one. `released` is called at the end, whatever happened.
    """

    def __init__(self, export: Export, name: str, released: Callable[[], None], *, slow_s: float = SLOW_S) -> None:
        super().__init__()
        self.raw_headers = [
            (b"content-type", b"text/csv; charset=utf-8"),
            (b"content-disposition", f'attachment; filename="{name}"'.encode()),
            NO_STORE,
            *SECURITY,
        ]
        self._export = export
        self._released = released
        self._slow_s = slow_s
        self._closed = False
        self._reading: asyncio.Future[bytes] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await while_there(self._write(scope, send), receive)
        finally:
            await asyncio.shield(asyncio.ensure_future(self._close()))

    async def _write(self, scope: Scope, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            while chunk := await self._chunk():
                async with asyncio.timeout(self._slow_s):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await self._close()  # first: who has the whole file may ask for the next one
            await send({"type": "http.response.body", "body": b""})
        except (TimeoutError, LedgerAway) as error:
            log.warning("an export was not sent whole", rows=self._export.rows, problem=str(error) or "nobody reads it")
            end_stream(scope.get("client"))

    async def _chunk(self) -> bytes:
        """The next one, read in a thread; who is cancelled meanwhile leaves the thread to `_close`."""
        self._reading = asyncio.ensure_future(asyncio.to_thread(self._export.read))
        return await asyncio.shield(self._reading)

    async def _close(self) -> None:
        """Nothing of it is left in the ledger after it. Once is enough."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._reading is not None and not self._reading.done():
                await asyncio.to_thread(self._export.cancel)
            if self._reading is not None:
                await asyncio.gather(self._reading, return_exceptions=True)
            await asyncio.to_thread(self._export.close)
        finally:
            self._released()
