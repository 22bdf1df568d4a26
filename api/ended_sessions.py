"""Voters' sessions that were ended, as one process knows them: read from scratch twice a second, looked at in memory.

A vote costs one look into a dict. With scratch away what was known stays in force; a process that starts then knows
none, and lets in whoever has a genuine token until scratch answers: voting never needs scratch.
"""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress

import structlog

from api.sessions import Session
from models.scratch.connection import ScratchAway, async_scratch
from models.scratch.ended_sessions import FIRST, MOST, PAGE, End, end, ended_since

log = structlog.get_logger()

PERIOD_S = 0.5


class Ended:
    """What is over of one account: sessions issued before the second `before`, and in each of `seconds`."""

    __slots__ = ("before", "seconds")

    def __init__(self) -> None:
        self.before = 0
        self.seconds: set[int] = set()

    def covers(self, issued_at: int) -> bool:
        """Whether a session issued in this second is over."""
        return issued_at < self.before or issued_at in self.seconds


class EndedSessions:
    """Those of one process. `by_account`: for who looks whether a session is over."""

    def __init__(self, scratch_url: str) -> None:
        self.by_account: dict[int, Ended] = {}
        self._scratch = async_scratch(scratch_url)
        self._last = FIRST
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Reads what there is, so that a process that is started again lets in nobody whose session is over."""
        await self._refresh()
        self._task = asyncio.create_task(self._run(), name="ended sessions")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._scratch.aclose()

    async def end(self, session: Session, now_ms: int, *, everywhere: bool) -> None:
        """Ends `session`, or with `everywhere` all that its account has at `now_ms` by the box's clock: here at once,
        in every process within PERIOD_S. Errors: ScratchAway; then only this process knows of it.
        """
        account, issued = session.account, session.issued_at
        before = max(all_before(account, now_ms).before, issued + 1)
        ended = End(account, before, 0) if everywhere else End(account, 0, issued)
        self._take(ended)
        await end(self._scratch, ended)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_S * random.uniform(0.7, 1.0))  # noqa: S311 - jitter
            try:
                await self._refresh()
            except Exception:
                log.exception("ended sessions cannot be read")  # what is known stays

    async def _refresh(self) -> None:
        """Takes over what is new. Scratch that is away is the others' to tell."""
        with suppress(ScratchAway):
            while True:
                found, self._last = await ended_since(self._scratch, self._last)
                for ended in found:
                    self._take(ended)
                if len(found) < PAGE:
                    return

    def _take(self, ended: End) -> None:
        known = self.by_account.pop(ended.account, None) or Ended()
        known.before = max(known.before, ended.before)
        if not ended.before:
            known.seconds.add(ended.one)
        if known.before:
            known.seconds = {second for second in known.seconds if second >= known.before}
        self.by_account[ended.account] = known  # behind all others: the first is the one that was ended longest ago
        if len(self.by_account) > MOST:
            del self.by_account[next(iter(self.by_account))]


def all_before(account: int, now_ms: int) -> End:
    """The end of every session that `account` has at `now_ms`; and one second more, which `issued_at` may name."""
    return End(account, -(-now_ms // 1000) + 1, 0)


def issued_at(now_s: int, sessions_from: int, ended: Ended | None) -> int:
    """The second that a new session's token names: `now_s`, or the next in which it is not over already. A log-out and
    a login within one second would else make the very token that was ended.
    """
    second = max(now_s, -(-sessions_from // 1000), ended.before if ended else 0)
    while ended and second in ended.seconds:
        second += 1
    return second


NONE: Mapping[int, Ended] = {}
