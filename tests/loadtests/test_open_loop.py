"""The open loop: what a server that stalls does to its percentiles, and that every vote is another one."""

import math
import socket
import threading
import time
from contextlib import contextmanager, suppress
from itertools import pairwise

import pytest

from loadtests.bench.open_loop import drive, planned, votes

ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def server(answer=ANSWER, stall=(0.0, 0.0), piece=None):
    """Answers each request at once, but within `stall` (first and last moment, from the first request on) not at all.

    `piece`: bytes that it sends at a time.
    """
    first = []

    def serve(connection):
        with connection, suppress(OSError):
            while request := connection.recv(65_536):
                assert request.endswith(b"\r\n\r\n")
                now = time.monotonic()
                first.append(now)
                if stall[0] <= now - first[0] < stall[1]:
                    time.sleep(stall[1] - (now - first[0]))
                for at in range(0, len(answer), piece or len(answer)):
                    connection.sendall(answer[at : at + (piece or len(answer))])

    def accept(listener):
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def close_first(listener):
    listener.accept()[0].close()


def ask(port, rate, seconds, connections=64):
    moments = planned(rate, seconds)
    return drive(port, [b"PUT / HTTP/1.1\r\n\r\n"] * len(moments), moments, connections)


def test_a_stall_is_met_by_all_who_come_within_it() -> None:
    with server(stall=(0.5, 1.0)) as port:
        seen = ask(port, 300, 2.0)
    assert seen.answered == seen.sent
    # A quarter of all came while it stalled: a closed loop would have had one request for each connection to tell of.
    assert seen.p99_ms > 400
    assert seen.p999_ms > 450
    assert seen.p50_ms < 250


def test_those_who_find_no_connection_wait_and_their_wait_counts() -> None:
    with server(stall=(0.2, 1.0)) as port:
        seen = ask(port, 300, 1.2, connections=4)
    assert seen.answered == seen.sent
    assert seen.p50_ms > 150
    assert seen.late_p99_ms < seen.p50_ms  # the server's fault, and not the generator's


def test_a_server_that_does_not_stall() -> None:
    with server(piece=7) as port:
        seen = ask(port, 200, 1.0)
    assert seen.answered == seen.sent == len(planned(200, 1.0))
    assert seen.refused == 0
    assert 0 < seen.p50_ms < 400


def test_what_is_never_answered_has_waited_to_the_end(monkeypatch) -> None:
    monkeypatch.setattr("loadtests.bench.open_loop.ANSWER_S", 1.0)
    with server(stall=(0.0, 30.0)) as port:
        seen = ask(port, 200, 0.2, connections=4)
    assert seen.answered == 0
    assert seen.sent == 4
    assert seen.planned == len(planned(200, 0.2))
    assert seen.p50_ms > 1000


def test_refusals_are_counted_and_a_closed_connection_is_an_error() -> None:
    with server(answer=b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n") as port:
        seen = ask(port, 100, 0.5)
    assert seen.refused == seen.answered > 0
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closing = threading.Thread(target=close_first, args=(listener,))
        closing.start()
        with pytest.raises(ConnectionError):
            ask(listener.getsockname()[1], 100, 0.2, connections=1)
        closing.join()


def test_arrivals_are_the_same_each_time_and_as_many_as_were_asked_for() -> None:
    moments = planned(5_000, 2.0)
    assert moments == planned(5_000, 2.0)
    assert list(moments) == sorted(moments)
    assert len(moments) == 10_000
    assert 0 <= moments[0] < 0.01
    assert 1.99 < moments[-1] <= 2.0
    gaps = sorted(after - before for before, after in pairwise(moments))
    assert gaps[5_000] == pytest.approx(math.log(2) / 5_000, rel=0.05)  # a Poisson process has the median of its gaps


def test_no_vote_comes_twice(tmp_path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("".join(f"token{number}\n" for number in range(7)))
    made = votes(tokens, ["1", "2", "3"], 0, 21)
    assert len(set(made)) == 21
    assert votes(tokens, ["1", "2", "3"], 9, 4) == made[9:13]
    assert made[8].startswith(b"PUT /api/entries/3/vote ")  # line 1, the second walk
