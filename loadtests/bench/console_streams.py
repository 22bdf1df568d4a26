"""`python -m loadtests.bench.console_streams PORT TOKEN NUMBER BOX`: so many open consoles, read with raw sockets.

Prints `ready` when each has its first figures, and when standard input ends one line of JSON: `ages`, how old figures
were when they came, and `shown`, how old the ones before them had become by then; in ms by the box's own clock.
"""

import json
import re
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field

import redis

_AT = re.compile(rb'event: figures\nid: \d+\ndata: \{"at":(\d+)')
_KEEP = 64  # bytes before a frame's beginning that may have come with the frame before


@dataclass
class Stream:
    """One console: what came and is not looked through yet, and the moment of its newest figures."""

    waiting: bytes = b""
    at: int = 0


@dataclass
class Ages:
    ages: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)


def main() -> None:
    port, token, number, box = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    offset = _offset(box)
    selector = selectors.DefaultSelector()
    streams = []
    for _ in range(number):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        connection.sendall(f"GET /operator/live HTTP/1.1\r\nHost: x\r\nCookie: operator={token}\r\n\r\n".encode())
        connection.setblocking(False)
        streams.append(Stream())
        selector.register(connection, selectors.EVENT_READ, streams[-1])
    selector.register(sys.stdin, selectors.EVENT_READ)
    found, ready = Ages(), False
    while True:
        for key, _events in selector.select():
            if key.data is None:
                print(json.dumps({"ages": found.ages, "shown": found.shown}), flush=True)  # noqa: T201 - the answer
                return
            _read(key.fileobj, key.data, offset, found if ready else Ages())  # type: ignore[arg-type]
        if not ready and all(stream.at for stream in streams):
            ready = True
            print("ready", flush=True)  # noqa: T201 - the bench waits for it


def _offset(box: str) -> float:
    """The box's clock less this machine's, in ms: the nearest of some tries. On one machine next to nothing."""
    tries: list[tuple[float, float]] = []
    with redis.Redis.from_url(box) as client:
        for _ in range(20):
            began = time.time()
            seconds, micros = client.time()
            ended = time.time()
            tries.append((ended - began, (seconds + micros / 1e6 - (began + ended) / 2) * 1000))
    return min(tries)[1]


def _read(connection: socket.socket, stream: Stream, offset: float, found: Ages) -> None:
    came = connection.recv(1 << 20)
    if not came:
        sys.exit("a stream ended")
    now = time.time() * 1000 + offset
    stream.waiting += came
    newest = 0
    for match in _AT.finditer(stream.waiting):
        newest = int(match[1])
    if newest:
        if stream.at:
            found.ages.append(now - newest)
            found.shown.append(now - stream.at)
        stream.at = newest
        stream.waiting = b""
    elif len(stream.waiting) > 1 << 22:
        stream.waiting = stream.waiting[-_KEEP:]


if __name__ == "__main__":
    main()
