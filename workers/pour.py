"""Pouring events into the ledger, inside the caller's transaction. Used by the flush and by the repair."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import structlog

from models.account_opening import insert_openings, opening_row
from models.ballot_box.drain import LogEvent
from models.cursor import park
from models.database import UNIQUE_VIOLATION, Connection, RefusedDataError, savepoint
from models.event import (
    CAST_EVENT,
    CASTS,
    FIRST,
    HEAD,
    MAX_AT,
    MAX_RECEIPT,
    VERSION,
    Event,
    Kind,
    MalformedEventError,
    unpack,
    unpack_account_opened,
)
from models.minute_count import NewVotes, count_new_votes
from models.times import from_ms
from models.vote import Decision, copy_row, copy_votes, decide_votes, insert_missing, without_a_vote

log = structlog.get_logger()

_ACCOUNT_OPENED_HEAD = bytes([VERSION, Kind.ACCOUNT_OPENED])
_MINUTE_MS = 60_000


@dataclass
class Poured:
    """What a batch did. `changes`: entry → change of its count; `conflicts`: votes that were there already."""

    changes: Counter[int] = field(default_factory=Counter)
    conflicts: int = 0
    parked: int = 0

    def add(self, other: "Poured") -> None:
        self.changes.update(other.changes)
        self.conflicts += other.conflicts
        self.parked += other.parked


def pour(
    connection: Connection, contest_id: int, shard: int, events: list[LogEvent], *, all_new: bool = True
) -> Poured:
    """Writes a batch of events, in order. Votes that are there already stay as they are.

    `all_new`: no vote is expected to be there; if one is, the batch is written again, more slowly. Data that the ledger
    refuses is halved until the event is found, and that one is parked.
    """
    try:
        with savepoint(connection):
            return _pour_whole(connection, contest_id, shard, events, all_new=all_new)
    except RefusedDataError as refusal:
        if all_new and refusal.sqlstate == UNIQUE_VIOLATION:
            return pour(connection, contest_id, shard, events, all_new=False)
        if len(events) == 1:
            return _park(connection, contest_id, shard, events[0], refusal.sqlstate, refusal.reason)
    poured = Poured()
    for half in (events[: len(events) // 2], events[len(events) // 2 :]):
        poured.add(pour(connection, contest_id, shard, half, all_new=all_new))
    return poured


def _pour_whole(
    connection: Connection, contest_id: int, shard: int, events: list[LogEvent], *, all_new: bool
) -> Poured:
    rows: list[bytes] = []
    votes: list[tuple[int, int]] = []
    minutes: list[NewVotes] = []
    openings: list[bytes] = []
    others: list[LogEvent] = []
    read, size = CAST_EVENT.unpack_from, CAST_EVENT.size
    for item in events:
        ms, seq, packed = item
        if len(packed) >= size:
            version, kind, at, account, entry, receipt, proof = read(packed)
            if version == VERSION and kind in CASTS and at <= MAX_AT and receipt <= MAX_RECEIPT:
                rows.append(copy_row(account, at, ms, receipt, entry, seq, shard, proof, packed[size:]))
                votes.append((account, entry))
                minutes.append((at // _MINUTE_MS, entry, proof, kind >= FIRST))
                continue
        if packed[:2] == _ACCOUNT_OPENED_HEAD and (row := _opening(contest_id, shard, item)):
            openings.append(row)
            continue
        others.append(item)
    poured = Poured()
    if rows and all_new:
        copy_votes(connection, rows)
    elif rows:
        new = insert_missing(connection, rows)
        poured.conflicts = len(rows) - len(new)
        minutes = _of_new(votes, minutes, new)
    counts = Counter(minutes)
    count_new_votes(connection, contest_id, shard, counts)
    for (_minute, entry, _proof, _first), number in counts.items():
        poured.changes[entry] += number
    if openings:
        insert_openings(connection, openings)
    poured.add(_pour_others(connection, contest_id, shard, others))
    return poured


def _of_new(votes: list[tuple[int, int]], minutes: list[NewVotes], new: set[tuple[int, int]]) -> list[NewVotes]:
    """Those of `minutes` whose vote is new, each vote once: a log may hold one twice."""
    counted = dict(zip(reversed(votes), reversed(minutes), strict=True))
    return [counted[vote] for vote in new]


def _opening(contest_id: int, shard: int, item: LogEvent) -> bytes | None:
    """The row of an account's opening; None for one that is malformed."""
    ms, seq, packed = item
    try:
        opened = unpack_account_opened(packed)
    except MalformedEventError:
        return None
    at = HEAD.unpack_from(packed)[2]
    return opening_row(contest_id, shard, (ms, seq), at, opened) if at <= MAX_AT else None


def _pour_others(connection: Connection, contest_id: int, shard: int, items: list[LogEvent]) -> Poured:
    """Voids and restores, in order; what is malformed is parked."""
    poured = Poured()
    decided: list[tuple[LogEvent, Event]] = []
    for item in items:
        try:
            event = unpack(item[2])
        except MalformedEventError as error:
            poured.add(_park(connection, contest_id, shard, item, None, str(error)))
            continue
        if event.kind != Kind.OPENED:
            decided.append((item, event))
    for part in _each_vote_once(decided):
        poured.add(_pour_decisions(connection, contest_id, shard, part))
    return poured


def _each_vote_once(decided: list[tuple[LogEvent, Event]]) -> Iterator[list[tuple[LogEvent, Event]]]:
    """The decisions cut, in order, into parts in which no vote comes twice: one statement sees each row once."""
    part: list[tuple[LogEvent, Event]] = []
    seen: set[tuple[int, int]] = set()
    for item, event in decided:
        vote = (event.account, event.entry)
        if vote in seen:
            yield part
            part, seen = [], set()
        part.append((item, event))
        seen.add(vote)
    if part:
        yield part


def _pour_decisions(connection: Connection, contest_id: int, shard: int, part: list[tuple[LogEvent, Event]]) -> Poured:
    """Decisions about as many votes; those about a vote that the ledger does not have are parked."""
    decisions = [_decision(item, event) for item, event in part]
    missing = without_a_vote(connection, decisions)
    poured = Poured()
    for item, event in part if missing else ():
        if (event.account, event.entry) in missing:
            poured.add(_park(connection, contest_id, shard, item, None, "there is no such vote in the ledger", event))
    poured.changes.update(decide_votes(connection, decisions))
    return poured


def _decision(item: LogEvent, event: Event) -> Decision:
    ms, seq, _packed = item
    if event.kind != Kind.VOID:
        return Decision(event.account, event.entry, (ms, seq))
    reason = event.rest.decode(errors="replace").replace("\0", "\ufffd")  # PostgreSQL's texts hold no zero
    return Decision(event.account, event.entry, (ms, seq), from_ms(event.at), reason)


def _park(
    connection: Connection,
    contest_id: int,
    shard: int,
    item: LogEvent,
    sqlstate: str | None,
    reason: str,
    event: Event | None = None,
) -> Poured:
    ms, seq, packed = item
    if event is None:
        try:
            event = unpack(packed)
        except MalformedEventError:
            event = None
    log.error("an event is parked", contest=contest_id, shard=shard, log_id=f"{ms}-{seq}", reason=reason)
    park(
        connection,
        contest_id,
        shard,
        (ms, seq),
        packed,
        account=event.account if event else None,
        entry=event.entry if event else None,
        change=event.change if event else 0,
        sqlstate=sqlstate,
        reason=reason,
    )
    return Poured(parked=1)
