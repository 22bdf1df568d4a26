"""The intake of an API process: votes go in one by one, to the box in batches, and each is answered exactly once.

    put ─▶ pending (bounded) ─▶ caller: one FCALL with all that is pending ─▶ settle each vote with its outcome

Each shard has a few callers, each with a connection and at most one call in flight; what arrives meanwhile forms the
next batch. That is what makes `appendfsync always` cost nothing: a thousand votes share one fsync.

Nothing is sent twice. A call without a clear answer leaves its votes NOT_CONFIRMED, and its connection is closed.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any

import redis.asyncio
import structlog
from redis.exceptions import ResponseError

from models.ballot_box.cast_call import Head, UnclearReplyError, ask_box, read_reply
from models.ballot_box.connection import TIMEOUT_S, BoxAway, BoxRefused, async_box, close_at_once, within
from models.ballot_box.keys import ShardKeys, shard_keys
from models.event import LogId
from models.outcomes import Outcome

log = structlog.get_logger()

MAX_BATCH = 1_000  # votes a call: about 7 ms of the box
MAX_PENDING = 10_000  # votes that may wait in one shard of one process: half a second of its work
MAX_WAIT_S = 1.5  # a vote older than this when its turn comes is answered BUSY and not sent
MAX_TOTAL_S = 1.9  # waiting and the call together
SWEEP_S = 0.1
RECONNECT_S = (0.05, 1.0)  # first and longest pause between attempts

Settle = Callable[[Outcome], None]
Batches = Callable[[int, float, float, float], None]


_Waiting = tuple[float, int, int, bytes, Settle]
"""When the vote came, its account, entry, body, and who is told. Not named: that is slower to make."""


def _answer(vote: _Waiting, outcome: Outcome) -> None:
    try:
        vote[4](outcome)
    except Exception:
        log.exception("a voter's answer could not be given")  # and the others of the batch still get theirs


class Intake:
    """All shards of the current contest, for one event loop.

    `connected`: every shard has a caller with a connection. `fault`: why the box is not trusted, in words, or None.
    `batches`: called for every answered call with its size, its seconds, and how many seconds ago the last and the
    first of its votes came.
    """

    def __init__(
        self,
        url: str,
        *,
        fingerprint: str,
        callers: int = 3,
        batches: Batches = lambda _size, _seconds, _last, _first: None,
    ) -> None:
        self._url = url
        self._fingerprint = fingerprint
        self._callers = callers
        self._batches = batches
        self._shards: list[_Shard] = []
        self._aim: tuple[int, int, int] | None = None
        self._accepting = False
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._accepting = True
        self._sweeper = asyncio.create_task(self._sweep(), name="intake sweep")

    async def stop(self) -> None:
        """Accepts nothing more, answers what is pending (at most two seconds), closes the connections."""
        self._accepting = False
        deadline = time.monotonic() + MAX_TOTAL_S
        while self.unanswered and time.monotonic() < deadline:  # noqa: ASYNC110 - once in a process's life
            await asyncio.sleep(0.01)
        if self._sweeper:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        for shard in self._shards:
            await shard.close()

    def aim(self, contest_id: int, shards: int, epoch: int) -> None:
        """Says which contest votes are for, and in which epoch of its box. A new epoch clears a fault."""
        if self._aim == (contest_id, shards, epoch):
            return
        if self._aim is None or self._aim[:2] != (contest_id, shards):
            gone, self._shards = self._shards, []  # what is put in answer to a refusal is refused too, not queued there
            for shard in gone:
                shard.retire()
            self._shards = [
                _Shard(self._url, shard_keys(contest_id, number), self._callers, self._batches)
                for number in range(shards)
            ]
        for shard in self._shards:
            shard.begin_epoch((str(shards), str(epoch), self._fingerprint))
        self._aim = (contest_id, shards, epoch)

    def put(self, account: int, entry: int, body: bytes, settle: Settle) -> None:
        """Takes one vote. `settle` is called exactly once with its outcome, at once or later, in this event loop."""
        if not self._accepting or not self._shards:
            settle(Outcome.NOT_READY)
            return
        self._shards[account % len(self._shards)].put(account, entry, body, settle)

    @property
    def connected(self) -> bool:
        return bool(self._shards) and all(shard.connected for shard in self._shards)

    @property
    def fault(self) -> str | None:
        return next((shard.fault for shard in self._shards if shard.fault), None)

    @property
    def waiting(self) -> int:
        """Votes not yet sent."""
        return sum(len(shard.pending) for shard in self._shards)

    @property
    def unanswered(self) -> int:
        """Votes not yet answered, sent or not."""
        return sum(len(shard.pending) + shard.in_flight for shard in self._shards)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            for shard in self._shards:
                shard.expire()


class _Shard:
    """One shard's queue and callers."""

    def __init__(self, url: str, keys: ShardKeys, callers: int, batches: Batches) -> None:
        self.pending: deque[_Waiting] = deque()
        self.in_flight = 0
        self.fault: str | None = None
        self._url = url
        self._keys = keys
        self._head: Head = ("", "", "")
        self._high: LogId = (0, 0)  # the greatest log id seen in this epoch
        self._up = 0
        self._said: str | None = None  # what stands in the way of a connection, as it was logged
        self._batches = batches
        self._wake = asyncio.Event()
        self._retired = False  # said beside the cancelling, which redis-py swallows while it connects
        self._tasks = [asyncio.create_task(self._caller(), name=f"caller {keys.log}") for _ in range(callers)]

    @property
    def connected(self) -> bool:
        return self._up > 0

    def begin_epoch(self, head: Head) -> None:
        self._head = head
        self._high = (0, 0)
        self.fault = None

    def put(self, account: int, entry: int, body: bytes, settle: Settle) -> None:
        if self.fault:
            settle(Outcome.NOT_READY)
        elif len(self.pending) >= MAX_PENDING:
            settle(Outcome.BUSY)
        else:
            self.pending.append((time.monotonic(), account, entry, body, settle))
            self._wake.set()

    def expire(self) -> None:
        """Answers those that waited too long: the callers are all busy, or there is no connection."""
        too_old = time.monotonic() - MAX_WAIT_S
        outcome = Outcome.BUSY if self.connected else Outcome.NOT_READY
        while self.pending and self.pending[0][0] < too_old:
            _answer(self.pending.popleft(), outcome)

    def retire(self) -> None:
        """Another contest has taken this shard's place."""
        self._retired = True
        self._refuse_pending()
        for task in self._tasks:
            task.cancel()

    def _refuse_pending(self) -> None:
        while self.pending:
            _answer(self.pending.popleft(), Outcome.NOT_READY)

    async def close(self) -> None:
        self.retire()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _caller(self) -> None:
        pause = RECONNECT_S[0]
        while not self._retired:
            client = async_box(self._url, single_connection=True)
            try:
                await within(TIMEOUT_S, client.ping)
                await self._look_back(client)
                pause = RECONNECT_S[0]
                self._up += 1
                self._said = None
                try:
                    await self._serve(client)
                finally:
                    self._up -= 1
            except BoxRefused as error:
                self._say_once(log.error, "ALARM: the box is set otherwise than votes need", str(error))
            except BoxAway as error:
                self._say_once(log.warning, "the box does not answer", str(error))
            except (ResponseError, UnclearReplyError) as error:
                log.error("the box gave an answer not understood", problem=str(error))
            except Exception:
                log.exception("a caller broke")  # and begins anew: its votes were settled as not confirmed
            finally:
                await close_at_once(client)
            if not self._retired:
                await asyncio.sleep(pause)
            pause = min(pause * 2, RECONNECT_S[1])

    async def _look_back(self, client: Any) -> None:
        """On a new connection: whether the last event that was seen is still in the log. A box that comes back without
        the end of its log goes on with ids that follow the clock, and where the flush had not got there, box and ledger
        agree: only who was told of these votes can tell. They are gone from both, so it is said, and voting goes on.
        Errors: BoxAway.
        """
        seen, (_, epoch, _) = self._high, self._head
        if seen == (0, 0):
            return
        last, name = f"{seen[0]}-{seen[1]}", self._keys.log

        async def ask(*words: str) -> Any:
            return await within(TIMEOUT_S, lambda: client.execute_command(*words))

        if await ask("XRANGE", name, last, last, "COUNT", "1"):
            return
        older = await ask("XRANGE", name, "-", last, "COUNT", "1")
        now = await ask("HGET", self._keys.contest, "epoch")
        # Nothing older: what was seen has been trimmed. Another epoch, or none: a repair is at work, or has been.
        if older and now == epoch.encode() and seen == self._high:
            self._high = (0, 0)
            log.error("ALARM: the box came back without the end of its log: acknowledged votes are lost", seen=last)

    def _say_once(self, say: Callable[..., object], what: str, problem: str) -> None:
        """One line for all callers and all their attempts, until the box answers again or something else is wrong."""
        if self._said != what:
            self._said = what
            say(what, problem=problem)

    async def _serve(self, client: redis.asyncio.Redis) -> None:
        """Sends batches until a call fails."""
        while not self._retired:
            await self._wake.wait()
            batch = self._take()
            if batch:
                await self._decide(client, batch)

    def _take(self) -> list[_Waiting]:
        self.expire()
        batch = list(islice(self.pending, MAX_BATCH))
        for _ in batch:
            self.pending.popleft()
        if not self.pending:
            self._wake.clear()
        return batch

    async def _decide(self, client: redis.asyncio.Redis, batch: list[_Waiting]) -> None:
        """One call with the whole batch. Every vote of it is settled, whatever happens; errors are raised on."""
        began = time.monotonic()
        seen, head = self._high, self._head
        votes: list[int | bytes] = []
        for vote in batch:
            votes += vote[1:4]
        self.in_flight += len(batch)
        outcomes = [Outcome.NOT_CONFIRMED] * len(batch)
        first, last_put = batch[0][0], batch[-1][0]
        try:
            reply = await ask_box(client, self._keys, head, votes, MAX_TOTAL_S - (began - first))
            if isinstance(reply, str):
                log.warning("the box refused a whole batch", problem=reply, votes=len(batch))
                outcomes = [Outcome.NOT_READY] * len(batch)
            else:
                decided, last = read_reply(reply, len(batch))
                if self._goes_on(last, seen, head):
                    outcomes = decided
                now = time.monotonic()
                self._batches(len(batch), now - began, now - last_put, now - first)
        finally:
            self.in_flight -= len(batch)
            for vote, outcome in zip(batch, outcomes, strict=True):
                _answer(vote, outcome)

    def _goes_on(self, last: LogId, seen: LogId, head: Head) -> bool:
        """Whether the log has gone on from what was seen when the call was sent; else the box went back in time. One
        call tells for all: ids follow the clock, and the next votes' would pass what was seen.
        """
        if head != self._head:
            return True  # decided in an epoch that has ended meanwhile: its ids say nothing about this one
        if self.fault:
            return False  # found while this call was on its way
        if last < seen:
            self.fault = f"the box went back in time: its log ends at {last[0]}-{last[1]}, seen {seen[0]}-{seen[1]}"
            log.error("ALARM: the box is not trusted any more", problem=self.fault)
            self._refuse_pending()
            return False
        self._high = max(self._high, last)
        return True
