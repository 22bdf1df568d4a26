"""The flush alone, and plain COPY beside it."""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from api.sessions import Sessions
from loadtests.bench.generator import BenchError
from loadtests.bench.processor import cpu_seconds
from loadtests.bench.stack import Stack, held, wait_for
from loadtests.bench.tables import copied
from models.ballot_box.connection import call
from models.ballot_box.drain import read_books
from models.cursor import read_cursors
from models.database import transaction
from models.event import Proof, pack_cast, pack_evidence
from models.vote import COPY_COLUMNS, copy_binary, copy_row

DRAIN_S = 60.0
_CALL = 1_000  # votes a call, as the intake sends at most
_EVIDENCE = pack_evidence("127.0.0.1", bytes(8))


@dataclass(frozen=True)
class FlushRun:
    """One full log brought into the ledger by the worker: rows, processor time of the worker, and wall time."""

    rows: int
    cpu_s: float
    wall_s: float

    @property
    def per_s(self) -> float:
        return self.rows / self.wall_s


def wait_until_flushed(stack: Stack, seconds: float = DRAIN_S) -> None:
    """Waits until the ledger has taken all that is in the log now. Errors: BenchError."""
    added = read_books(stack.box, stack.keys).added
    with stack.engine.connect() as connection:

        def taken() -> bool:
            with connection.begin():
                return read_cursors(connection, stack.contest.id)[0].taken >= added

        wait_for(taken, seconds, "the log to be flushed")


def flush_full_log(stack: Stack, rows: int) -> FlushRun:
    """Holds the worker, casts `rows` votes straight into the box, lets the worker go, waits for its end of work."""
    strangers = ((secrets.randbits(63), stack.entries[number % len(stack.entries)]) for number in range(rows))
    with held([stack.pids["flush"]]):
        cast_directly(stack, strangers)
        before, began = cpu_seconds(stack.pids)["flush"], time.monotonic()
    wait_until_flushed(stack)
    return FlushRun(rows, cpu_seconds(stack.pids)["flush"] - before, time.monotonic() - began)


def cast_directly(stack: Stack, pairs: Iterable[tuple[int, int]]) -> None:
    """Votes (account, entry) straight into the box. Errors: BenchError for one that was not new."""
    head = (str(stack.contest.shards), str(stack.contest.epoch), stack.settings.keys().fingerprint())
    waiting = iter(pairs)
    while batch := list(islice(waiting, _CALL)):
        args: list[str | bytes | float] = [*head]
        for account, entry in batch:
            args += (account, entry, pack_cast(account, entry, secrets.randbits(60), Proof.MINTED, _EVIDENCE))
        letters, _ = call(stack.box, "cast", stack.keys, *args)
        if letters.strip(b"c"):
            raise BenchError(f"the box did not count votes of new accounts: {letters[:20]!r}")


def accounts_of(stack: Stack, tokens: Path) -> list[int]:
    """The accounts of the tokens in a file."""
    sessions = Sessions(stack.settings.keys())
    return [session.account for token in tokens.read_bytes().split() if (session := sessions.read(token))]


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
