"""What the live view knows beside the box's readings: the ledger's sums, what processes say of themselves, the box's
memory. Each has its own clock and its own trouble: what is away leaves its last values standing, with their age.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from models import claim_inbox, data_request
from models.ballot_box.reading import Memory
from models.database import Connection
from models.minute_count import Sums, sums, votes_by_entry, votes_by_time
from models.scratch.beats import Beat
from models.scratch.room import Room
from models.tally import shard_tallies

Value = TypeVar("Value")
LONG_AGO = float("-inf")


@dataclass
class Fact(Generic[Value]):
    """The last value of one source. Times are time.monotonic(). `well_since`: since when it has answered every time; a
    source that has always answered did so before we asked.
    """

    value: Value | None = None
    at: float = LONG_AGO
    problem: str | None = None
    well_since: float = LONG_AGO

    def found(self, value: Value) -> None:
        now = time.monotonic()
        if self.problem is not None:
            self.well_since = now
        self.value, self.at, self.problem = value, now, None

    def away(self, problem: str) -> None:
        self.problem = problem

    def ask_anew(self) -> None:
        """Nobody has asked for a while: the value stands, and its age says nothing about the source."""
        self.at, self.problem = LONG_AGO, None

    def age_s(self) -> float | None:
        """None: it has never answered."""
        return None if self.at == LONG_AGO else time.monotonic() - self.at

    @property
    def asked(self) -> bool:
        return self.at != LONG_AGO or self.problem is not None


@dataclass(frozen=True)
class LedgerFacts:
    """Of one contest. Times in seconds since 1970. `before`: entry → votes as they stood five minutes ago;
    `minute`: what came in the begun minute and the one before. They are behind the box by as much as the flush is.
    `late_claims`, `late_requests`: whose term is over without an answer.
    """

    contest_id: int
    sums: Sums
    minutes: list[tuple[int, int]]
    hours: list[tuple[int, int]]
    before: dict[int, int]
    minute: dict[int, int]
    late_claims: int = 0
    late_requests: int = 0


@dataclass(frozen=True)
class ScratchFacts:
    """`status`: models/scratch/status.py. `claims_for_s`: for how long claims have been waiting without a break.
    `wrong_tries`: at the console's login, within the last hour. `room`: scratch's own memory.
    """

    status: dict[str, Any]
    beats: list[Beat]
    claims_for_s: float = 0.0
    wrong_tries: int = 0
    room: Room | None = None


@dataclass
class Facts:
    """All of one process."""

    ledger: Fact[LedgerFacts] = field(default_factory=Fact)
    scratch: Fact[ScratchFacts] = field(default_factory=Fact)
    memory: Fact[Memory] = field(default_factory=Fact)


def read_ledger_facts(
    connection: Connection, contest_id: int, shards: int, now: datetime, last: LedgerFacts | None
) -> LedgerFacts:
    """All from the tallies and the counts by minute: some thousand rows, to be read in one snapshot. `last`: those of a
    moment ago, where their hours, and what is late, are good enough.
    """
    minute = now.replace(second=0, microsecond=0)
    before: Counter[int] = Counter()
    for shard in range(shards):
        before.update(shard_tallies(connection, contest_id, shard))
    before.subtract(votes_by_entry(connection, contest_id, minute - timedelta(minutes=5)))
    return LedgerFacts(
        contest_id,
        sums(connection, contest_id),
        votes_by_time(connection, contest_id, "minute", minute - timedelta(hours=24)),
        last.hours if last else votes_by_time(connection, contest_id, "hour", datetime(1970, 1, 1, tzinfo=UTC)),
        before,
        votes_by_entry(connection, contest_id, minute - timedelta(minutes=1)),
        last.late_claims if last else claim_inbox.overdue(connection, contest_id, now),
        last.late_requests if last else data_request.overdue(connection),
    )
