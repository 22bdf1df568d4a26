"""The books: what box and ledger say of the count, compared at one log id. Drift must be 0.

For each shard, the ledger gives cursor, tallies and parked events in one snapshot; then the box gives its tally and the
log's last id in one step. The box was asked later, so everything between the two is in the log, from the cursor to that
id: what those events did is taken off the box's tally, and then it must be what the ledger has, plus what is parked.
Nothing has to stand still for it, and it works with the flush far behind.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from models import recovery
from models.ballot_box.connection import BoxClient
from models.ballot_box.drain import BoxBooks, LogEvent, events_between, read_books
from models.ballot_box.keys import shard_keys
from models.contest import Contest
from models.cursor import Cursor, Parked, parked, read_cursors
from models.database import Connection, Engine, ledger_errors, snapshot
from models.event import LogId, MalformedEventError, unpack
from models.tally import shard_tallies
from models.vote import count_rows
from workers.repair import stage_ballots

MOST_EVENTS = 1_000_000  # pending events that are read to tell drift: some seconds


@dataclass(frozen=True)
class ShardBooks:
    """One shard's books. `drift`: entry → box less ledger, only where it is not 0; None where it cannot be told: the
    box is not ready, in another epoch than the ledger, or too far ahead of it.
    """

    shard: int
    state: str
    box_votes: int
    ledger_votes: int
    pending: int
    lag_s: float
    parked: int
    conflicts: int
    drift: dict[int, int] | None


@dataclass(frozen=True)
class Books:
    """A contest's books, all shards."""

    shards: list[ShardBooks]

    @property
    def drift(self) -> int | None:
        """Votes by which box and ledger differ, over all shards and entries; None where it cannot be told."""
        if any(shard.drift is None for shard in self.shards):
            return None
        return sum(abs(votes) for shard in self.shards for votes in (shard.drift or {}).values())

    @property
    def pending(self) -> int:
        return sum(shard.pending for shard in self.shards)

    @property
    def parked(self) -> int:
        return sum(shard.parked for shard in self.shards)

    @property
    def conflicts(self) -> int:
        return sum(shard.conflicts for shard in self.shards)

    @property
    def lag_s(self) -> float:
        """Age of the oldest event that is not in the ledger, in seconds by the box's clock; 0 for none."""
        return max((shard.lag_s for shard in self.shards), default=0.0)


@dataclass(frozen=True)
class LedgerBooks:
    """A shard's side of the ledger at one moment."""

    cursor: Cursor | None
    tally: dict[int, int]
    parked: list[Parked]


def read_ledger(connection: Connection, contest: Contest) -> list[LedgerBooks]:
    """The ledger's side of every shard, to be called in one snapshot."""
    cursors = read_cursors(connection, contest.id)
    standing = parked(connection, contest.id)
    return [
        LedgerBooks(
            cursors.get(shard),
            shard_tallies(connection, contest.id, shard),
            [event for event in standing if event.shard == shard],
        )
        for shard in range(contest.shards)
    ]


def compare(engine: Engine, client: BoxClient, contest: Contest, *, most: int = MOST_EVENTS) -> Books:
    """The contest's books, now. With more than `most` events pending in a shard its drift is not told: reading them all
    would take longer than it is worth. Errors: BoxAway, LedgerAway.
    """
    with ledger_errors(), engine.connect() as connection, snapshot(connection):
        ledger = read_ledger(connection, contest)
    return Books([compare_shard(client, contest.id, shard, side, most) for shard, side in enumerate(ledger)])


def compare_shard(client: BoxClient, contest_id: int, shard: int, ledger: LedgerBooks, most: int) -> ShardBooks:
    """One shard's books, the ledger's side read before. Errors: BoxAway."""
    keys = shard_keys(contest_id, shard)
    box = read_books(client, keys)
    cursor = ledger.cursor
    fits = cursor is not None and box.epoch == cursor.epoch
    pending = max(0, box.added - cursor.taken) if cursor else box.added
    expected: Counter[int] = Counter(box.tally)
    first = None
    if cursor is not None and fits:
        events = events_between(client, keys, cursor.at, box.last)
        first = _take_off(expected, events if pending <= most else islice(events, 1))
        expected.subtract(_by_entry(ledger.parked))
    expected.subtract(ledger.tally)
    return ShardBooks(
        shard=shard,
        state=box.state,
        box_votes=sum(box.tally.values()),
        ledger_votes=sum(ledger.tally.values()),
        pending=pending,
        lag_s=_lag(box, first),
        parked=len(ledger.parked),
        conflicts=cursor.conflicts if cursor else 0,
        drift={entry: votes for entry, votes in expected.items() if votes} if fits and pending <= most else None,
    )


def _take_off(counts: Counter[int], events: Iterable[LogEvent]) -> int | None:
    """Takes what the events did off `counts`. Returns the id's ms of the first one."""
    first = None
    for ms, _seq, packed in events:
        first = ms if first is None else first
        try:
            event = unpack(packed)
        except MalformedEventError:
            continue  # it will be parked, and no count is known of it
        counts[event.entry] -= event.change
    return first


def _by_entry(events: list[Parked]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for event in events:
        if event.entry is not None:
            counts[event.entry] += event.change
    return counts


def _lag(box: BoxBooks, first_ms: int | None) -> float:
    if first_ms is None:
        return 0.0
    return max(0.0, (box.now_ms - first_ms) / 1000)


@dataclass
class Proof:
    """The count of one shard proven from rows and ballots. All numbers must be 0.

    `missing_in_ledger`: votes that only a ballot has, None where the flush did not get there in time;
    `missing_in_box`: votes that only the ledger has; `tally_off`: entry → rows less tally of the ledger;
    `misfits`: keys in a ballot's place that are none.
    """

    shard: int
    missing_in_ledger: int | None = None
    missing_in_box: int = 0
    tally_off: dict[int, int] = field(default_factory=dict)
    misfits: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return self.missing_in_ledger == 0 and not (self.missing_in_box or self.tally_off or self.misfits)


def prove(engine: Engine, client: BoxClient, contest: Contest, *, wait_s: float = 60.0) -> list[Proof]:
    """Proves the count from the rows and the ballots themselves; minutes for millions of votes, and voting goes on.

    What the ledger had before the ballots were read must be in them; what they held must be in the ledger once its
    cursor has passed what was then the end of the log (waited for at most `wait_s`). Errors: BoxAway, LedgerAway.
    """
    with ledger_errors(), engine.connect() as connection:
        return [_prove_shard(connection, client, contest, shard, wait_s) for shard in range(contest.shards)]


def _prove_shard(connection: Connection, client: BoxClient, contest: Contest, shard: int, wait_s: float) -> Proof:
    keys = shard_keys(contest.id, shard)
    proof = Proof(shard)
    with snapshot(connection):
        counted = Counter(
            {entry: rows for (s, entry), rows in count_rows(connection, contest.id).items() if s == shard}
        )
        counted.subtract(shard_tallies(connection, contest.id, shard))
        proof.tally_off = {entry: rows for entry, rows in counted.items() if rows}
        stage_ballots(connection, client, keys, proof.misfits.append)
        end = read_books(client, keys).last
        for pairs in recovery.only_in_ledger(connection, contest.id, shard):
            proof.missing_in_box += len(pairs)
    if _cursor_reaches(connection, contest.id, shard, end, wait_s):
        with snapshot(connection):
            proof.missing_in_ledger = sum(len(pairs) for pairs in recovery.only_in_ballots(connection, parked=False))
    return proof


def _cursor_reaches(connection: Connection, contest_id: int, shard: int, end: LogId, wait_s: float) -> bool:
    until = time.monotonic() + wait_s
    while True:
        with connection.begin():
            cursor = read_cursors(connection, contest_id).get(shard)
        if cursor and cursor.at >= end:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.1)


def as_status(found: Books) -> dict[str, float | int | str | None]:
    """The fields that `models/scratch/status.py` keeps of the books."""
    return {
        "pending": found.pending,
        "parked": found.parked,
        "conflicts": found.conflicts,
        "drift": found.drift,
        "flush_lag_s": round(found.lag_s, 3),
    }
