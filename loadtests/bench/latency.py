"""What voters wait at a share of the capacity, and how long after its acknowledgement a vote is in the ledger."""

import json
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from loadtests.bench.generator import BenchError, Votes
from loadtests.bench.ledger import DRAIN_S, wait_until_flushed
from loadtests.bench.open_loop import ANSWER_S, Arrivals
from loadtests.bench.processor import machine, others_share
from loadtests.bench.stack import Stack
from loadtests.bench.tables import votes_by_moment
from models.cursor import read_cursors
from models.event import LogId

SHARES = (0.25, 0.5, 0.75)
"""Of what wrk gets out of the same process."""
_SLACK_S = 60.0
_LOOK_S = 0.01


@dataclass(frozen=True)
class LatencyRun:
    """One open loop at `share` of the capacity, or at a rate that has nothing to do with it.

    `ledger_…`: from the box's decision, which is some ms before the acknowledgement, to the commit, seen with a look
    each 10 ms; in seconds. `all_in_ledger_s`: from the first planned moment until all were seen there.
    """

    share: float | None
    rate: float
    arrivals: Arrivals
    ledger_p50_s: float
    ledger_p99_s: float
    all_in_ledger_s: float
    others: float


def run_open_loop(
    stack: Stack, votes: Votes, rate: float, seconds: int, share: float | None = None, drain_s: float = DRAIN_S
) -> LatencyRun:
    """`drain_s`: how long the flush may take for what is left at the end. Errors: BenchError."""
    since, before = int(time.time() * 1000), machine()
    with _cursor_watched(stack) as looks:
        arrivals = _arrivals(stack, votes, rate, seconds)
        wait_until_flushed(stack, drain_s)
    votes.sent(arrivals.sent, arrivals.answered - arrivals.refused)
    waits = until_committed(votes_by_moment(stack.engine, since), looks)
    return LatencyRun(
        share,
        rate,
        arrivals,
        weighted(waits, 0.5),
        weighted(waits, 0.99),
        looks[-1][1] / 1000 - arrivals.began,
        others_share(before, machine()),
    )


def _arrivals(stack: Stack, votes: Votes, rate: float, seconds: int) -> Arrivals:
    words = [stack.port, rate, seconds, votes.tokens, votes.first, *votes.entries]
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "loadtests.bench.open_loop", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + ANSWER_S + _SLACK_S,
        )
    except subprocess.TimeoutExpired:
        raise BenchError("the open loop did not end") from None
    if done.returncode:
        raise BenchError(f"the open loop ended with status {done.returncode}: {done.stderr.strip()}")
    return Arrivals(**json.loads(done.stdout))


@contextmanager
def _cursor_watched(stack: Stack) -> Iterator[list[tuple[LogId, float]]]:
    """Yields a list that grows: (log id that the ledger has come to, when that was seen, in ms since 1970)."""
    looks: list[tuple[LogId, float]] = []
    ended = threading.Event()

    def look() -> None:
        with stack.engine.connect() as connection:
            while not ended.is_set():
                with connection.begin():
                    at = read_cursors(connection, stack.contest.id)[0].at
                if not looks or looks[-1][0] != at:
                    looks.append((at, time.time() * 1000))
                ended.wait(_LOOK_S)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield looks
    finally:
        time.sleep(2 * _LOOK_S)  # the last commit is seen too
        ended.set()
        thread.join()


def until_committed(decided: list[tuple[int, int]], looks: list[tuple[LogId, float]]) -> list[tuple[float, int]]:
    """(seconds, votes) for each moment in which the box decided some, in order of the seconds."""
    reached = [at[0] for at, _ in looks]
    waits = []
    for ms, count in decided:
        look = bisect_left(reached, ms)
        if look == len(looks):
            raise BenchError("votes are in the ledger whose commit was not seen")
        waits.append((max(0.0, (looks[look][1] - ms) / 1000), count))
    return sorted(waits)


def weighted(waits: list[tuple[float, int]], share: float) -> float:
    left = share * sum(count for _, count in waits)
    for seconds, count in waits:
        left -= count
        if left <= 0:
            return seconds
    return 0.0
