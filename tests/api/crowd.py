"""Connections that say little, as a program: `python -m tests.api.crowd PORT NUMBER`."""

import json
import resource
import selectors
import socket
import sys
import time

HALF = b"PUT /api/entries/1/vote HTTP/1.1\r\nHost: x\r\n"


def most_files() -> int:
    """How many files a process may have open here, once it asks for them."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def crowd(port: int, many: int) -> None:
    """Opens `many` connections, says nothing on one half of them and half a head on the others; says "open", then how
    they ended, and when.
    """
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files(), most_files()))
    opened: dict[socket.socket, float] = {}
    ends: dict[str, int] = {"silent": 0, "cut off": 0, "otherwise": 0}
    lasted: list[float] = []
    with selectors.DefaultSelector() as selector:
        for number in range(many):
            connection = socket.create_connection(
                ("127.0.0.1", port), 10, source_address=(f"127.0.1.{number % 200 + 1}", 0)
            )
            if number % 2:
                connection.sendall(HALF)
            opened[connection] = time.monotonic()
            selector.register(connection, selectors.EVENT_READ)
        sys.stdout.write("open\n")
        sys.stdout.flush()
        while opened:
            for key, _ in selector.select():
                connection = key.fileobj  # type: ignore[assignment]
                lasted.append(time.monotonic() - opened.pop(connection))
                ends[_end(connection)] += 1
                selector.unregister(connection)
                connection.close()
    sys.stdout.write(json.dumps(ends | {"first_s": min(lasted), "last_s": max(lasted)}))


def _end(connection: socket.socket) -> str:
    try:
        said = b"".join(iter(lambda: connection.recv(65_536), b""))
    except ConnectionError:
        return "otherwise"
    if not said:
        return "silent"
    return "cut off" if said.startswith(b"HTTP/1.1 408 ") else "otherwise"


if __name__ == "__main__":
    crowd(int(sys.argv[1]), int(sys.argv[2]))
