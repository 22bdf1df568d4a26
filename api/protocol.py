"""uvicorn's HTTP protocol with a limit to the head of a request: alone it reads headers of any size into memory, and
whoever reaches the port without nginx between could fill it with one request.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT = 65_536  # bytes of request line and header fields; nginx passes on at most half of it


class BoundedHeads(HttpToolsProtocol):
    """Answers 400 and closes when a head is too long."""

    _counted: Any = None
    _head = 0

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
