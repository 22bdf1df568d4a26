"""The flush alone, plain COPY beside it, and whether every acknowledged vote is in the ledger."""

import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from os import kill

from loadtests.bench.generator import BenchError
from loadtests.bench.processor import cpu_seconds
from loadtests.bench.stack import Stack, wait_for
from loadtests.bench.tables import copied
from models.ballot_box.connection import call
from models.ballot_box.drain import read_books
from models.cursor import read_cursors
from models.database import transaction
from models.event import Proof, pack_cast, pack_evidence
from models.tally import count_votes
from models.vote import COPY_COLUMNS, copy_binary, copy_row, count_rows
from workers.books import compare

DRAIN_S = 60.0
_CALL = 1_000  # votes a call, as the intake sends at most
_EVIDENCE = pack_evidence("127.0.0.1", bytes(8))


@dataclass(frozen=True)
class FlushRun:
    """One full log brought into the ledger by the worker: rows, processor time of the worker, and wall time."""

    rows: int
    cpu_s: float
    wall_s: float


def wait_until_flushed(stack: Stack) -> None:
    """Waits until the ledger has taken all that is in the log now. Errors: BenchError."""
    added = read_books(stack.box, stack.keys).added
    with stack.engine.connect() as connection:

        def taken() -> bool:
            with connection.begin():
                return read_cursors(connection, stack.contest.id)[0].taken >= added

        wait_for(taken, DRAIN_S, "the log to be flushed")


def flush_full_log(stack: Stack, rows: int) -> FlushRun:
    """Holds the worker, casts `rows` votes straight into the box, lets the worker go, waits for its end of work."""
    with _held(stack.pids["flush"]):
        _fill(stack, rows)
        before, began = cpu_seconds(stack.pids)["flush"], time.monotonic()
    wait_until_flushed(stack)
    return FlushRun(rows, cpu_seconds(stack.pids)["flush"] - before, time.monotonic() - began)


@contextmanager
def _held(pid: int) -> Iterator[None]:
    kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        kill(pid, signal.SIGCONT)


def _fill(stack: Stack, rows: int) -> None:
    books = read_books(stack.box, stack.keys)
    head = (str(stack.contest.shards), str(books.epoch), stack.settings.keys().fingerprint())
    for start in range(0, rows, _CALL):
        args: list[str | bytes | float] = [*head]
        for number in range(start, min(start + _CALL, rows)):
            account, entry = secrets.randbits(63), stack.entries[number % len(stack.entries)]
            body = pack_cast(account, entry, secrets.randbits(60), Proof.MINTED, _EVIDENCE)
            args += (account, entry, body)
        letters, _ = call(stack.box, "cast", stack.keys, *args)
        if letters.strip(b"c"):
            raise BenchError(f"the box did not count votes of new accounts: {letters[:20]!r}")


def plain_copy(stack: Stack, rows: int) -> float:
    """Seconds that COPY takes for `rows` votes into a table made like the votes, committed."""
    encoded = [
        copy_row(
            secrets.randbits(63),
            1_760_000_000_000,
            1_760_000_000_000,
            secrets.randbits(60),
            entry,
            n,
            0,
            128,
            _EVIDENCE,
        )
        for n in range(rows)
        for entry in (stack.entries[n % len(stack.entries)],)
    ]
    began = time.monotonic()
    with transaction(stack.engine) as connection:
        copy_binary(connection, f"COPY {copied.name} ({', '.join(COPY_COLUMNS)}) FROM STDIN (FORMAT binary)", encoded)
    return time.monotonic() - began


def acknowledged(port: int) -> dict[str, int]:
    """Outcome → answers to votes, as the API counts them."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    found = (
        line.split('outcome="')[1].split('"} ')
        for line in text.splitlines()
        if line.startswith("binhchon_votes_total{")
    )
    return {outcome: int(float(count)) for outcome, count in found}


@dataclass(frozen=True)
class Audit:
    """Votes as each place counts them, when the log is empty."""

    seen_by_wrk: int
    unseen_at_most: int
    """Votes whose answer was still on its way when wrk ended."""
    answers: dict[str, int]
    cast_directly: int
    box: int
    ledger: int
    rows: int
    parked: int
    conflicts: int
    drift: int | None

    def problems(self) -> list[str]:
        """What is not as it must be, in words; empty when no vote was lost, doubled or refused."""
        counted = self.answers.get("counted", 0)
        checks = {
            "the API answered something else than `counted`": set(self.answers) == {"counted"},
            "wrk and the API differ": self.seen_by_wrk <= counted <= self.seen_by_wrk + self.unseen_at_most,
            "acknowledged votes and ledger rows differ": counted + self.cast_directly == self.rows,
            "box, ledger and rows differ": self.box == self.ledger == self.rows,
            "events are parked, or votes were there already": self.parked == self.conflicts == 0,
            "there is drift": self.drift == 0,
        }
        return [words for words, holds in checks.items() if not holds]


def audit(stack: Stack, *, seen_by_wrk: int, unseen_at_most: int, cast_directly: int) -> Audit:
    """Waits for the log to be flushed and counts everywhere."""
    wait_until_flushed(stack)
    books = compare(stack.engine, stack.box, stack.contest)
    with transaction(stack.engine) as connection:
        ledger = count_votes(connection, stack.contest.id)
        rows = sum(count_rows(connection, stack.contest.id).values())
    return Audit(
        seen_by_wrk=seen_by_wrk,
        unseen_at_most=unseen_at_most,
        answers=acknowledged(stack.port),
        cast_directly=cast_directly,
        box=sum(shard.box_votes for shard in books.shards),
        ledger=ledger,
        rows=rows,
        parked=books.parked,
        conflicts=books.conflicts,
        drift=books.drift,
    )
