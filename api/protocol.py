"""uvicorn's HTTP protocol with a limit to the head of a request: alone it reads headers of any size into memory, and
whoever reaches the port without nginx between could fill it with one request. And with an end to streams, which uvicorn
would wait for when it stops, and whose connection it would keep for a client that never reads.
"""

from asyncio import Transport
from typing import Any
from weakref import WeakSet

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

STREAMS = ("/operator/live", "/operator/exports/votes.csv", "/operator/exports/audit.csv")
"""The answers that do not end by themselves, or not soon."""

HEAD_LIMIT = 65_536  # bytes of request line and header fields; nginx passes on at most half of it


class BoundedHeads(HttpToolsProtocol):
    """Answers 400 and closes when a head is too long; ends a stream when the server stops."""

    _counted: Any = None
    _head = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        _servers.add(self.server_state)

    def shutdown(self) -> None:
        super().shutdown()
        if self.streams:
            self.transport.abort()

    @property
    def streams(self) -> bool:
        """Whether a stream is under way on this connection."""
        under_way = self.cycle is not None and not self.cycle.response_complete
        return under_way and self.cycle.scope["path"] in STREAMS

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        scope: Any = self.scope
        if scope is None or "method" in scope:  # uvicorn writes the method down when it has the whole head
            return
        if scope is not self._counted:
            self._counted, self._head = scope, 0
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
