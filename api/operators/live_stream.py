"""One console's stream (server-sent events): the newest frame, whenever there is one. A console that is slow misses
frames and never gets old ones; one that does not read costs a task that waits, and its connection is ended.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import structlog
from starlette.responses import Response

from api.answers import NO_STORE, SECURITY, Receive, Scope, Send
from api.operators.language import Language
from api.operators.leaving import while_there
from api.operators.live_reader import Frame, LiveReader
from api.protocol import end_stream
from models.scratch.connection import ScratchAway

log = structlog.get_logger()

RETRY_MS = 2_000
HEARTBEAT_S = 5.0
CHECK_S = 3.0
"""How often a stream asks whether its session is in force."""
UNCHECKED_S = 300.0
"""Scratch may be away for so long before a stream that cannot ask ends."""
SLOW_S = 15.0
"""A client that takes nothing for so long is gone."""
OVER = b"event: over\ndata: {}\n\n"
"""The session is over: the page says so and does not come back."""

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),  # nginx passes each event on at once
    NO_STORE,
    *SECURITY,
]


async def events(
    reader: LiveReader, language: Language, in_force: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """The stream's bytes, until the session is over. `in_force`: whether it is not; raises ScratchAway."""
    yield b"retry: %d\n\n" % RETRY_MS
    sent: Frame | None = None
    checked = confirmed = time.monotonic()
    while True:
        reader.look()
        frame = await _next(reader, sent)
        now = time.monotonic()
        if now - checked >= CHECK_S:
            checked = now
            try:
                if not await in_force():
                    yield OVER
                    return
                confirmed = now
            except ScratchAway:
                if now - confirmed > UNCHECKED_S:
                    return
        yield b": \n\n" if frame is None else _new_in(frame, sent, language)
        sent = frame or sent


async def _next(reader: LiveReader, sent: Frame | None) -> Frame | None:
    with suppress(TimeoutError):
        async with asyncio.timeout(HEARTBEAT_S):
            return await reader.newer(sent.number if sent else 0)
    return None


def _new_in(frame: Frame, sent: Frame | None, language: Language) -> bytes:
    parts = [frame.figures[language.code]]
    if sent is None or sent.series_number != frame.series_number:
        parts.append(frame.series)
    return b"".join(parts)


class EventStream(Response):
    """Sends `chunks` one by one, each when the client has taken the one before."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        super().__init__()
        self.raw_headers = list(_HEADERS)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await while_there(self._write(scope, send), receive)

    async def _write(self, scope: Scope, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            async for chunk in self._chunks:
                async with asyncio.timeout(SLOW_S):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            log.info("a console that reads nothing is left", client=str(scope.get("client")))
            end_stream(scope.get("client"))
