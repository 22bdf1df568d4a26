"""uvicorn's HTTP protocol with a limit to the head of a request: alone it reads headers of any size into memory, and
whoever reaches the port without nginx between could fill it with one request. And with an end to streams, which uvicorn
would wait for when it stops, and whose connection it would keep for a client that never reads.
"""

from asyncio import Transport
from typing import Any
from weakref import WeakSet

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

STREAMS = ("/operator/live", "/operator/exports/votes.csv", "/operator/exports/audit.csv")
"""The answers that do not end by themselves, or not soon."""

HEAD_LIMIT = 65_536  # bytes of request line and header fields; nginx passes on at most half of it
MOST_WAITING = 1_000  # requests that may wait behind one that is being answered: a few KB each; nginx lets none wait
_END = b"\r\n\r\n"


class BoundedHeads(HttpToolsProtocol):
    """Answers 400 and closes when a head is too long or too many requests wait; ends a stream when the server stops."""

    _counted: Any = None
    _head = 0
    _turn: Any = None  # what is being answered; uvicorn's `cycle` is the last that came, and may wait behind it

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        _servers.add(self.server_state)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        turn = self._turn
        if turn is not None and not turn.response_complete:  # uvicorn tells the last one only
            turn.disconnected = True
            turn.message_event.set()

    def shutdown(self) -> None:
        super().shutdown()
        if self.streams:
            self.transport.abort()

    @property
    def streams(self) -> bool:
        """Whether a stream is under way on this connection."""
        turn = self._turn
        return turn is not None and not turn.response_complete and turn.scope["path"] in STREAMS

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._turn = cycle
        super()._start_asgi_task(cycle, app)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if len(self.pipeline) > MOST_WAITING:
            raise ConnectionAbortedError  # the parser stops, and uvicorn closes as at bytes that are no request

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        scope: Any = self.scope
        if scope is None or "method" in scope:  # uvicorn writes the method down when it has the whole head
            return
        if scope is not self._counted:
            self._counted, self._head = scope, 0
            data = data[data.rfind(_END) + len(_END) :] if _END in data else data  # what stands before it is not of it
        self._head += len(data)
        if self._head > HEAD_LIMIT and not self.transport.is_closing():
            self.send_400_response("Request head too large.")


_servers: WeakSet[ServerState] = WeakSet()
"""Those of this process: one, but for tests."""


def traffic() -> tuple[int, int]:
    """Connections that are open, and requests that were answered since the start."""
    servers = list(_servers)
    return sum(len(server.connections) for server in servers), sum(server.total_requests for server in servers)


def end_stream(client: Any) -> None:
    """Ends the connection of the stream to `client` (address and port) at once. To close it would be to wait until the
    client has read what was sent, and it may never read.
    """
    for server in _servers:
        for connection in list(server.connections):
            if isinstance(connection, BoundedHeads) and connection.client == client and connection.streams:
                connection.transport.abort()
