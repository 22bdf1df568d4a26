"""uvicorn's HTTP protocol with bounds on what one client may hold. Alone it reads heads of any size into memory, closes
neither a connection that never says a word nor a request that never ends, and waits for ever for a client who does not
read. nginx bounds most of it too; this holds where nothing is between.

Streams have an end too: uvicorn would wait for them when it stops.
"""

import asyncio
from asyncio import Transport
from collections.abc import Iterator
from itertools import islice
from typing import Any
from weakref import WeakSet

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from api.head import MOST_FIELDS
from api.outcomes import Code, refuse

STREAMS = ("/operator/live", "/operator/exports/votes.csv", "/operator/exports/audit.csv")
"""The answers that do not end by themselves, or not soon."""

HEAD_LIMIT = 65_536  # bytes of request line and header fields; nginx passes on at most half of it
MOST_WAITING = 1_000  # requests that may wait behind one that is being answered: a few KB each; nginx lets none wait
PATIENCE_S = {"silent": 10.0, "head": 10.0, "body": 20.0, "read": 60.0}
"""How long a client may owe what comes next: the first byte of a new connection, the rest of a head, a further
`BODY_PIECE` of a body or its end, any byte read of an answer that waits."""
BODY_PIECE = 20_480  # bytes: 1 KB/s
LOOK_S = 1.0  # between two looks at all connections: so much later than said a client may be cut off
AT_ONCE = 200  # connections that are looked at before votes have their turn again
_END = b"\r\n\r\n"

_Awaited = tuple[str, int, int]


class BoundedHeads(HttpToolsProtocol):
    """Refuses a head that is too long or has too many fields, and closes where too many requests wait; cuts off who
    keeps a request or an answer waiting; ends a stream when the server stops.
    """

    _counted: Any = None
    _head = 0
    _turn: Any = None  # what is being answered; uvicorn's `cycle` is the last that came, and may wait behind it
    _inside = False  # the parser stands within a request
    _begun = 0  # requests that the parser has begun
    _body = 0  # bytes of the body of the last of them
    _framing = 0  # bytes that came behind them and were none of a body
    _awaited: _Awaited | None = None  # what the client owed at the last look
    _since = 0.0  # and since when
    _refusal = Code.MALFORMED  # what the parser stops at is refused with

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        server = self.server_state
        _servers.add(server)
        if server not in _looked_after:
            _looked_after.add(server)
            self.loop.call_later(LOOK_S, _look_at_all, self.loop, server)

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

    # what comes
    def on_message_begin(self) -> None:
        self._inside = True
        self._begun += 1
        self._body = self._framing = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if len(self.headers) > MOST_FIELDS:
            self._refusal = Code.HEAD_TOO_LARGE
            raise ConnectionAbortedError  # the parser stops, and uvicorn answers as to bytes that are no request
        super().on_headers_complete()
        self.headers = []  # fields behind a body (RFC 9110, 6.5.1) are none of the head's
        if len(self.pipeline) > MOST_WAITING:
            raise ConnectionAbortedError

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        self._framing = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._inside = False
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        self._framing += len(data)
        super().data_received(data)
        scope: Any = self.scope
        if scope is None:
            return
        if "method" in scope:  # uvicorn writes the method down when it has the whole head
            if self._inside and self._framing > HEAD_LIMIT:
                self._refuse(Code.TOO_LARGE)
            return
        if scope is not self._counted:
            self._counted, self._head = scope, 0
            data = data[data.rfind(_END) + len(_END) :] if _END in data else data  # what stands before it is not of it
        self._head += len(data)
        if self._head > HEAD_LIMIT:
            self._refuse(Code.HEAD_TOO_LARGE)

    # who is too slow
    def look(self, now: float) -> None:
        """Cuts the client off if it has owed the same for too long at `now`, in seconds of the loop."""
        owed = self._owed()
        if owed is None or owed != self._awaited:
            self._awaited, self._since = owed, now
        elif now - self._since >= PATIENCE_S[owed[0]]:
            self._cut_off(owed[0])

    def _owed(self) -> _Awaited | None:
        """What the client has to do next, in a form that changes with each step; None: it waits for us, or may wait."""
        if self.transport.is_closing() or self.flow.write_paused:
            return "read", 0, self.transport.get_write_buffer_size()
        if self._ours() or self.flow.read_paused:
            return None
        if not self._inside:  # between two requests: uvicorn's timer runs, but not before the first one
            return ("silent", self._begun, 0) if self.timeout_keep_alive_task is None else None
        scope: Any = self.scope
        if "method" not in scope:
            return "head", self._begun, 0
        return "body", self._begun, self._body // BODY_PIECE

    def _ours(self) -> bool:
        """Whether a request is being answered that the client has sent so far as we have asked for it."""
        turn = self._turn
        if turn is None or turn.response_complete:
            return False
        return turn is not self.cycle or not turn.more_body or turn.waiting_for_100_continue

    def _cut_off(self, owed: str) -> None:
        turn = self._turn
        if owed == "read":
            self.transport.abort()  # to close it would be to wait until it has read
        elif owed == "silent" or (owed == "body" and turn.response_started):
            self.transport.close()
        else:
            self._refuse(Code.TOO_SLOW)

    # what is refused
    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - said in the contract's form instead
        """What the parser stops at."""
        self._refuse(self._refusal)

    def _refuse(self, code: Code) -> None:
        """Answers what cannot be a request any more, and closes. Whoever waits for the rest of it hears that it never
        comes.
        """
        if self.transport.is_closing():
            return
        turn, ready = self._turn, refuse(code)
        if turn is not None and not turn.response_complete:
            turn.disconnected = True
            turn.message_event.set()
            if turn.response_started:
                self.transport.close()
                return
        added = b"".join([b"%b: %b\r\n" % header for header in self.server_state.default_headers])
        head = STATUS_LINE[ready.status] + added + ready.fields + b"connection: close\r\n\r\n"
        self.transport.write(head + ready.body["body"])
        self.transport.close()


def _look_at_all(loop: asyncio.AbstractEventLoop, server: ServerState) -> None:
    """One timer for all connections of a server, as long as it has any: a timer for each would cost votes more."""
    _look_at_some(loop, server, iter(list(server.connections)))


def _look_at_some(loop: asyncio.AbstractEventLoop, server: ServerState, left: Iterator[Any]) -> None:
    some, now = list(islice(left, AT_ONCE)), loop.time()
    try:
        for connection in some:
            connection.look(now)
    finally:
        if some:
            loop.call_soon(_look_at_some, loop, server, left)
        elif server.connections:
            loop.call_later(LOOK_S, _look_at_all, loop, server)
        else:
            _looked_after.discard(server)


_looked_after: WeakSet[ServerState] = WeakSet()
"""Servers of this process whose next look is planned."""

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
