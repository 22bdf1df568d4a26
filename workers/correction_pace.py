"""How fast a correction goes, and whether the box has room for it: who votes comes first."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from models.ballot_box.connection import BoxClient
from models.ballot_box.drain import KEEP_EVENTS, read_books, read_room
from models.ballot_box.keys import shard_keys
from models.contest import Contest
from models.cursor import read_cursors
from models.database import Engine, transaction

FAST, SLOW = 10_000, 1_000
"""Votes a second that are changed: while nobody votes to speak of, and while many do."""
BUSY = 200
"""Events of others a second that are many."""
BEHIND = 50_000
"""Events that the flush has before it, from which on it is left to catch up."""
HIGHEST = 0.85
"""Of the box's memory: what is above is for those who vote."""
EVENT_BYTES, MEMBER_BYTES = 80, 120
"""What a vote's event takes in the log beside its reason, and the vote among those that are taken out; measured with
some to spare (`tests/workers/test_correction_pace.py`).
"""
NO_ROOM = (
    "Hòm phiếu chỉ còn %(left)d MB bộ nhớ dành cho việc này, mà cần khoảng %(need)d MB. Đã dừng để không ảnh hưởng đến"
    " việc bình chọn. Hãy báo kỹ thuật viên tăng bộ nhớ của hòm phiếu (BOX_MAXMEMORY), rồi bấm Chạy tiếp."
)


@dataclass
class Pace:
    """`per_s`: votes a second, by what others did while the last ones were sent."""

    engine: Engine
    box: BoxClient
    contest: Contest
    per_s: int = SLOW
    seen: int | None = None
    """Events that the logs had ever taken at `at`."""
    at: float = 0.0

    def after(self, own: int) -> None:
        """Looks what others did while this correction changed `own` votes. A log that was begun anew tells nothing.

        Errors: BoxAway.
        """
        added, now = self._added(), time.monotonic()
        if self.seen is not None:
            others = max(0, added - self.seen - own) / max(now - self.at, 1e-3)
            self.per_s = SLOW if others > BUSY or added < self.seen else FAST
        self.seen, self.at = added, now

    def wait_for_the_flush(self, look: Callable[[], None], every_s: float) -> None:
        """Returns when the flush has not too much before it. Errors: BoxAway, LedgerAway; those of `look`."""
        while self._pending() > BEHIND:
            look()
            time.sleep(every_s)

    def _added(self) -> int:
        return sum(read_books(self.box, shard_keys(self.contest.id, shard)).added for shard in self._shards())

    def _pending(self) -> int:
        with transaction(self.engine) as connection:
            taken = sum(cursor.taken for cursor in read_cursors(connection, self.contest.id).values())
        return self._added() - taken

    def _shards(self) -> range:
        return range(self.contest.shards)


def no_room(box: BoxClient, contest: Contest, votes: int, reason: str, *, voids: bool) -> str:
    """Why so many votes cannot be changed without filling the box, for people; empty where they can.

    Errors: BoxAway.
    """
    shards = [shard_keys(contest.id, shard) for shard in range(contest.shards)]
    room = read_room(box, shards)
    events = min(votes, max(0, KEEP_EVENTS * len(shards) - room.events))  # the flush trims the log to so many
    need = events * (EVENT_BYTES + len(reason.encode())) + (votes * MEMBER_BYTES if voids else 0)
    left = int(room.limit * HIGHEST) - room.used
    if need <= left:
        return ""
    return NO_ROOM % {"left": max(0, left) // 1024**2, "need": -(-need // 1024**2)}
