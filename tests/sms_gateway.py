"""A real HTTP server as the SMS gateway: it keeps what it is asked, and answers as the test wants."""

import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Gateway:
    """`answer` decides about each request: a status; `None` hangs up without one. `drips`: seconds between the bytes of
    what it says.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], int | None] = lambda _asked: 200
        self.says = b""
        self.drips = 0.0
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def take(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                gateway.asked.append(Asked(self.command, self.path, headers, body))
                status = gateway.answer(gateway.asked[-1])
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(gateway.says)))
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                if not gateway.drips:
                    self.wfile.write(gateway.says)
                    return
                with suppress(OSError):  # its client has gone
                    for byte in gateway.says:
                        self.wfile.write(bytes([byte]))
                        if gateway._over.wait(gateway.drips):
                            return

            do_GET = do_POST = take  # noqa: N815 - names of the standard library

            def log_message(self, *_args: Any) -> None:
                pass

        return Handler
