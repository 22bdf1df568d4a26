"""Flush: the vote log into the ledger, one transaction a batch.

    lock the cursor row ─▶ read the log from the cursor on ─▶ COPY into the votes ─▶ decisions
    ─▶ tallies ─▶ move the cursor ─▶ COMMIT ─▶ trim

| dies …                        | then                                                                                |
|-------------------------------|-------------------------------------------------------------------------------------|
| before the cursor is locked   | nothing has happened                                                                |
| after COPY, before COMMIT     | PostgreSQL rolls back; the next flush reads the same events again                   |
| in COMMIT, its answer lost    | the next flush reads the cursor row, moved or not moved, and goes on from there     |
| after COMMIT, before the trim | the log is longer than it need be; the next trim drops it                           |
| stopped with the row locked   | others skip the shard; PostgreSQL ends the transaction after 30 s, its COMMIT fails  |
| stopped between transactions  | others go on; when it wakes it locks and reads anew; a late trim drops less      |

The overlap rule: the cursor row knows id, checksum and epoch of the last event taken, and how many were taken. Each
batch begins by finding that very event in the log. Anything else means that a store went back in time or lost
something: LogFaultError, and the repair runs. Never guessed, never silently continued.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from models.ballot_box.connection import BoxClient
from models.ballot_box.drain import LogPage, read_log, trim
from models.ballot_box.keys import shard_keys
from models.cursor import Cursor, checksum, lock_cursor, move_cursor
from models.database import Connection, Engine, ledger_errors
from models.event import LogId
from models.tally import add_to_tallies
from workers.pour import pour

log = structlog.get_logger()

BATCH = 10_000  # events
INTERVAL_S = 0.2  # between batches when the log has no more than a batch
TRIM_EVERY_S = 1.0


class LogFaultError(Exception):
    """The log does not go on from where the ledger stands: a repair is needed. The text says what was found."""


class NotReadyError(Exception):
    """The contest is not in the box: it is being repaired or was never opened."""


class ShardTakenError(Exception):
    """Another worker has the shard."""


@dataclass(frozen=True)
class Flushed:
    """One batch: events written, the cursor after it, and whether more are waiting."""

    events: int
    cursor: LogId
    more: bool


def flush_batch(
    connection: Connection,
    client: BoxClient,
    contest_id: int,
    shard: int,
    *,
    limit: int = BATCH,
    before_commit: Callable[[], None] = lambda: None,
) -> Flushed:
    """One batch in one transaction. `before_commit` is called when all is written and nothing is committed.

    Errors: ShardTakenError, NotReadyError, LogFaultError, BoxAway, LedgerAway.
    """
    with ledger_errors(), connection.begin():
        cursor = lock_cursor(connection, contest_id, shard)
        if cursor is None:
            raise ShardTakenError
        page = read_log(client, shard_keys(contest_id, shard), cursor.at, limit + 1)
        check_overlap(cursor, page, limit)
        events = page.events[1:]
        if not events:
            return Flushed(0, cursor.at, more=False)
        poured = pour(connection, contest_id, shard, events)
        add_to_tallies(connection, contest_id, shard, poured.changes)
        ms, seq, packed = events[-1]
        move_cursor(connection, cursor, (ms, seq), packed, len(events), poured.conflicts)
        if poured.conflicts:
            log.error("votes in the log stood in the ledger already", shard=shard, votes=poured.conflicts)
        before_commit()
    return Flushed(len(events), (ms, seq), more=page.added - cursor.taken > len(events))


def check_overlap(cursor: Cursor, page: LogPage, limit: int) -> None:
    """The overlap rule. Errors: NotReadyError, LogFaultError."""
    if page.epoch is None:
        raise NotReadyError
    if page.epoch != cursor.epoch:
        raise LogFaultError(f"the box is in epoch {page.epoch}, the ledger in {cursor.epoch}")
    if not page.events or page.events[0][:2] != cursor.at:
        raise LogFaultError(f"the event at the cursor, {cursor.at[0]}-{cursor.at[1]}, is not in the log")
    if checksum(page.events[0][2]) != cursor.checksum:
        raise LogFaultError(f"the event at the cursor, {cursor.at[0]}-{cursor.at[1]}, is another one")
    pending, found = page.added - cursor.taken, len(page.events) - 1
    if found != min(pending, limit):
        raise LogFaultError(f"{pending} events are pending, {found} can be read")


def flush_slice(
    engine: Engine,
    client: BoxClient,
    contest_id: int,
    shard: int,
    *,
    seconds: float,
    stopping: Callable[[], bool],
    wait: Callable[[float], object] = time.sleep,
) -> int:
    """Flushes for a slice of time on one connection, then trims. Returns how many events were written.

    Errors: as `flush_batch`; a shard that another worker has ends the slice without one.
    """
    keys = shard_keys(contest_id, shard)
    written, last_trim = 0, 0.0
    with ledger_errors(), engine.connect() as connection:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not stopping():
            began = time.monotonic()
            try:
                flushed = flush_batch(connection, client, contest_id, shard)
            except ShardTakenError:
                return written
            written += flushed.events
            if flushed.events and began - last_trim > TRIM_EVERY_S:
                trim(client, keys, flushed.cursor)  # a committed cursor: the batch has returned from COMMIT
                last_trim = began
            if not flushed.more:
                wait(max(0.0, INTERVAL_S - (time.monotonic() - began)))
    return written


def drain(engine: Engine, client: BoxClient, contest_id: int, shard: int, *, seconds: float) -> bool:
    """Flushes until nothing is pending, as a stack does that stops. Returns whether it got there in time.

    Errors: as `flush_batch`, but for a shard that another worker has: that one is waited for.
    """
    until = time.monotonic() + seconds
    with ledger_errors(), engine.connect() as connection:
        while time.monotonic() < until:
            try:
                if not flush_batch(connection, client, contest_id, shard).more:
                    return True
            except ShardTakenError:
                time.sleep(0.05)
    return False
