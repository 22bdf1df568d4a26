"""Records each login in the box's log, at most once a day and account: who agreed to what, and what fraud work needs.

    record ─▶ pending ─▶ reserve the day (scratch) ─▶ one call with all that is pending (box) ─▶ keep or release the day

What arrives while that is under way forms the next batch. No login fails or waits long because of it.

| goes wrong …                     | then                                                                             |
|----------------------------------|----------------------------------------------------------------------------------|
| scratch or box away, full, shut  | the login stands, its opening is unrecorded; the account's next login records it |
| dies once reserved               | the same, once 30 s have passed                                                  |
| the box's answer lost            | released: the next login may record it a second time                             |
| dies after the call, before keep | the same, once 30 s have passed                                                  |
"""

import asyncio
from collections import Counter, deque
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

import structlog

from api.metrics import count_openings
from api.snapshot import Watch
from models.agreement import Agreed, Purpose
from models.ballot_box.openings import MAX_BATCH, OpeningWriter, Recording, Target
from models.event import AccountOpened, pack_account_opened
from models.identity import Proven
from models.ngrams import grams_of
from models.scratch import openings as days
from models.scratch.connection import ScratchAway, async_scratch
from models.secrets import KeyRing
from models.settings import Settings

log = structlog.get_logger()

MAX_PENDING = 10_000  # openings that may wait in one process
MAX_WAIT_S = 1.5  # a login waits so long for its opening, and no longer; the opening is still recorded


class _Login(NamedTuple):
    account: int
    body: bytes
    settled: asyncio.Future[None]


class Openings:
    """The openings of one process."""

    def __init__(self, settings: Settings, keys: KeyRing, watch: Watch) -> None:
        self._writer = OpeningWriter(settings.box())
        self._scratch = async_scratch(settings.scratch())
        self._watch = watch
        self._ngrams_key = keys.derived("ngrams")
        self._fingerprint = keys.fingerprint()
        self._pending: deque[_Login] = deque()
        self._running: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        """Waits for what is under way, MAX_WAIT_S at most, and closes the connections."""
        if self._running:
            await asyncio.wait((self._running,), timeout=MAX_WAIT_S)
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
        await self._writer.close()
        await self._scratch.aclose()

    async def record(self, proven: Proven, agreed: Agreed) -> None:
        """Records that this account has logged in, and what it agreed to. Returns when that is on the box's disk, or
        after MAX_WAIT_S, or when it cannot be. Never raises.
        """
        if len(self._pending) >= MAX_PENDING:
            count_openings(Recording.UNRECORDED.value, 1)
            return
        try:
            login = _Login(proven.account, self._body(proven, agreed), asyncio.get_running_loop().create_future())
        except Exception:
            log.exception("an opening cannot be packed")
            count_openings(Recording.UNRECORDED.value, 1)
            return
        self._pending.append(login)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), name="openings")
        await asyncio.wait((login.settled,), timeout=MAX_WAIT_S)

    def _body(self, proven: Proven, agreed: Agreed) -> bytes:
        """Who has not agreed to the protection from fraud (a call without the pages may leave it out) leaves nothing
        for it: that the hint is missing can be seen.
        """
        protects = any(purpose is Purpose.PROTECTION for purpose, _ in agreed)
        hint, domain, name = (proven.hint, proven.domain, proven.name) if protects else ("", "", "")
        kept = tuple(sorted((int(purpose), version) for purpose, version in agreed))
        grams = grams_of(self._ngrams_key, name)
        return pack_account_opened(AccountOpened(proven.account, proven.proof, hint, domain, grams, kept))

    async def _run(self) -> None:
        """Batch after batch, until nothing is pending."""
        while self._pending:
            batch = list(islice(self._pending, MAX_BATCH))
            for _ in batch:
                self._pending.popleft()
            try:
                await self._record(batch)
            except Exception:
                log.exception("openings broke")
                count_openings(Recording.UNRECORDED.value, len(batch))
            finally:
                _settle(batch)

    async def _record(self, batch: list[_Login]) -> None:
        """One batch, from reserving to keeping."""
        reading = self._watch.current.reading
        if reading is None:  # no login ends without one
            return
        try:
            ours = await days.reserve(self._scratch, reading.contest_id, (login.account for login in batch))
        except ScratchAway:
            count_openings(Recording.UNRECORDED.value, len(batch))
            return
        reserved = [login for login, is_ours in zip(batch, ours, strict=True) if is_ours]
        if not reserved:
            return
        target = Target(reading.contest_id, reading.shards, reading.epoch, self._fingerprint)
        found = await self._writer.write(target, [(login.account, login.body) for login in reserved])
        _settle(batch)
        for recording, number in Counter(found).items():
            count_openings(recording.value, number)
        released = [login.account for login, one in zip(reserved, found, strict=True) if one is Recording.UNRECORDED]
        kept = [login.account for login, one in zip(reserved, found, strict=True) if one is not Recording.UNRECORDED]
        with suppress(ScratchAway):
            if kept:
                await days.keep(self._scratch, reading.contest_id, kept)
            if released:
                self._watch.refresh_soon()  # it may be in an epoch that we do not know
                await days.release(self._scratch, reading.contest_id, released)


def _settle(batch: list[_Login]) -> None:
    for login in batch:
        if not login.settled.done():
            login.settled.set_result(None)
