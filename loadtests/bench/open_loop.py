"""Votes that come when they come, answered or not: an open loop, so that a server that stalls shows in the percentiles.

    python -m loadtests.bench.open_loop PORT RATE SECONDS TOKENS FIRST ENTRY…

Every arrival is fixed beforehand (as many as asked for, each at a moment of its own, from one seed), and each latency
is counted from that moment, whatever kept the request from being sent: a closed loop would leave out the very requests
that a stall kept back (coordinated omission). One that finds all connections waiting waits too, and its wait counts.
How late the generator was by itself, with a connection at hand, is told beside it. The votes are those of vote.lua.
Prints one line of JSON.
"""

import gc
import json
import random
import re
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

CONNECTIONS = 1024
ANSWER_S = 5.0
"""After the last arrival, how long answers are waited for."""
_LEAD_S = 0.1
_AT_ONCE = 32  # answers that are read before it is looked who should be sent
_SEED = 1
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Arrivals:
    """What became of the requests; latencies from the planned moment, in ms. Of one that was not sent or answered in
    time, as long as it has waited.

    `late_…`: how long after its moment, or after a connection was free, a request was sent: the generator's own fault.
    """

    planned: int
    sent: int
    answered: int
    refused: int
    seconds: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    greatest_ms: float
    late_p50_ms: float
    late_p99_ms: float
    generator_s: float
    """Processor time."""
    began: float
    """The moment from which the planned ones are counted, in seconds since 1970."""


class _Connection:
    """`planned`: the moment of the request under way; `free`: since when there is none."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.planned = 0.0
        self.free = 0.0
        self.came = b""

    def answer(self) -> bytes | None:
        """The answer when it has come in full. Errors: ConnectionError."""
        data = self.socket.recv(16_384)
        if not data:
            raise ConnectionError("the server closed a connection")
        self.came += data
        head = self.came.find(b"\r\n\r\n")
        length = _LENGTH.search(self.came, 0, head + 2) if head >= 0 else None
        if length is None or len(self.came) < head + 4 + int(length[1]):
            return None
        whole, self.came = self.came, b""
        return whole


def planned(rate: float, seconds: float) -> list[float]:
    """Moments of arrival in seconds, in order: `rate * seconds` of them, independent of each other, as those of a
    Poisson process are once their number is known.
    """
    chance = random.Random(_SEED)  # noqa: S311 - no secret
    return sorted(chance.uniform(0, seconds) for _ in range(round(rate * seconds)))


def drive(port: int, requests: Sequence[bytes], moments: Sequence[float], connections: int = CONNECTIONS) -> Arrivals:
    """Sends each request at its moment (in order), waits for the answers. Errors: OSError."""
    with ExitStack() as cleanup:
        poll = cleanup.enter_context(select.epoll())
        idle: deque[_Connection] = deque()
        for _ in range(connections):
            idle.append(_Connection(port))
            cleanup.callback(idle[-1].socket.close)
            poll.register(idle[-1].socket, select.EPOLLIN)
        cleanup.callback(gc.enable)
        gc.disable()
        return _drive(poll, idle, requests, moments)


def _drive(
    poll: select.epoll, idle: deque[_Connection], requests: Sequence[bytes], moments: Sequence[float]
) -> Arrivals:
    """The loop: those whose moment has come, then some of the answers that are there."""
    by_descriptor = {connection.socket.fileno(): connection for connection in idle}
    taken: list[float] = []
    late: list[float] = []
    refused, following, clock = 0, 0, time.perf_counter
    cpu, began = time.process_time(), clock() + _LEAD_S
    began_at = time.time() + _LEAD_S
    end = (moments[-1] if moments else 0.0) + ANSWER_S
    while len(taken) < len(moments) and (now := clock() - began) < end:
        while following < len(moments) and moments[following] <= now and idle:
            connection = idle.popleft()
            connection.planned = moments[following]
            connection.socket.send(requests[following])
            late.append(now - max(connection.planned, connection.free))
            following += 1
            now = clock() - began
        until = moments[following] if following < len(moments) and idle else end
        if until > now:  # select knows microseconds, epoll only milliseconds
            select.select((poll,), (), (), until - now)
        for descriptor, _event in poll.poll(0, _AT_ONCE):
            connection = by_descriptor[descriptor]
            whole = connection.answer()
            if whole is not None:
                connection.free = clock() - began
                taken.append(connection.free - connection.planned)
                refused += not whole.startswith(b"HTTP/1.1 2")
                idle.append(connection)
    seconds, answered = clock() - began, len(taken)
    under_way = {*by_descriptor.values()} - {*idle}
    taken += [seconds - connection.planned for connection in under_way]
    taken += [seconds - moment for moment in moments[following:]]
    return Arrivals(
        planned=len(moments),
        sent=following,
        answered=answered,
        refused=refused,
        seconds=seconds,
        generator_s=time.process_time() - cpu,
        began=began_at,
        **_percentiles(sorted(taken), sorted(late)),
    )


def _percentiles(taken: Sequence[float], late: Sequence[float]) -> dict[str, float]:
    return {
        "p50_ms": _share(taken, 0.5) * 1e3,
        "p99_ms": _share(taken, 0.99) * 1e3,
        "p999_ms": _share(taken, 0.999) * 1e3,
        "greatest_ms": _share(taken, 1.0) * 1e3,
        "late_p50_ms": _share(late, 0.5) * 1e3,
        "late_p99_ms": _share(late, 0.99) * 1e3,
    }


def _share(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def votes(tokens: Path, entries: Sequence[str], first: int, count: int) -> list[bytes]:
    """Votes number `first` to `first + count - 1` of vote.lua, as bytes."""
    heads = [
        f"PUT /api/entries/{entry}/vote HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: open_loop\r\n"
        "Accept: */*\r\nContent-Length: 0\r\nAuthorization: Bearer ".encode()
        for entry in entries
    ]
    lines = tokens.read_bytes().split()
    made = []
    for number in range(first, first + count):
        walked, line = divmod(number, len(lines))
        made.append(heads[(line + walked) % len(heads)] + lines[line] + b"\r\n\r\n")
    return made


def main(port: str, rate: str, seconds: str, tokens: str, first: str, *entries: str) -> None:
    """Errors: OSError."""
    moments = planned(float(rate), float(seconds))
    seen = drive(int(port), votes(Path(tokens), entries, int(first), len(moments)), moments)
    print(json.dumps(asdict(seen)))  # noqa: T201 - the answer


if __name__ == "__main__":
    main(*islice(sys.argv, 1, None))
