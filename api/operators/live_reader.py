"""The one reader of a process, for all consoles that look: it makes a frame of bytes from what is known, and every
stream sends the newest. Nobody looks: nothing is asked and nothing is made, but that the totals of the readings that
the process makes anyway are remembered.

    Watch (box, twice a second) ─┐
    scratch, each second ────────┼─▶ frame: bytes, one for each language ─▶ every stream, newest only
    ledger, each five seconds ───┘   (`live_ledger.py`)
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from api.operators.language import LANGUAGES
from api.operators.live_alarms import alarms
from api.operators.live_document import figures, series
from api.operators.live_facts import Facts, ScratchFacts
from api.operators.live_history import History
from api.operators.live_ledger import LedgerReader
from api.operators.live_moment import Moment
from api.snapshot import Watch
from models.ballot_box.connection import BoxAway, BoxRefused
from models.database import Engine
from models.jobs import BOOKS, CODES, TASKS, flush_queue
from models.scratch.beats import read_beats
from models.scratch.connection import AsyncScratchClient, ScratchAway
from models.scratch.room import read_room
from models.scratch.status import read_status
from models.scratch.wrong_tries import wrong_lately

log = structlog.get_logger()

LINGER_S = 10.0
"""The reader goes on for so long after the last look: a page that is loaded again finds everything at hand."""
SOONEST_S = 0.4
"""Between two frames, so that what stands on a screen is at most a second old (readings come each 0.35 to 0.55 s)."""
SCRATCH_S = 1.0
MEMORY_S = 2.0
SERIES_S = 5.0
FIRST_S = 1.5
"""The first look waits so long for all sources."""


@dataclass(frozen=True)
class Frame:
    """What is sent. `figures`: code of a language → an event of its stream; `series`: one that changes seldom, with the
    number of the frame in which it last did.
    """

    number: int
    figures: dict[str, bytes]
    series: bytes
    series_number: int


class LiveReader:
    """For one event loop. `look` begins it, `stop` ends it."""

    def __init__(self, watch: Watch, engine: Engine, scratch: AsyncScratchClient, flush_workers: int) -> None:
        self.history = History()
        self.facts = Facts()
        self.frame: Frame | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._watch = watch
        self._scratch = scratch
        self._queues = (*(flush_queue(number) for number in range(flush_workers)), BOOKS, CODES, TASKS)
        self._looked = float("-inf")
        self._series_at = float("-inf")
        self._round = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._ledger = LedgerReader(watch, engine, self.facts.ledger, lambda: self.looked_at)
        self._asked_memory = float("-inf")
        self._claims_since: float | None = None

    async def start(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._tasks = [
            asyncio.create_task(self._make_frames(), name="live frames"),
            asyncio.create_task(self._ask_scratch(), name="live scratch"),
        ]

    async def stop(self) -> None:
        self._ledger.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def looked_at(self) -> bool:
        return time.monotonic() - self._looked < LINGER_S

    def look(self) -> None:
        """Somebody looks, now. To be called in the event loop, at least every LINGER_S for as long as they do."""
        if not self.looked_at:
            for fact in (self.facts.ledger, self.facts.scratch, self.facts.memory):
                fact.ask_anew()
        self._looked = time.monotonic()
        self._ledger.look()

    async def newer(self, number: int) -> Frame:
        """The newest frame, once there is one after `number`."""
        while self.frame is None or self.frame.number <= number:
            await self._round.wait()
        return self.frame

    async def current(self) -> dict[str, Any]:
        """The figures of this moment, for a page; waits for sources that have never been asked, for FIRST_S at most."""
        self.look()
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_S):
                while not (self.facts.ledger.asked and self.facts.scratch.asked):  # noqa: ASYNC110 - a thread tells it
                    await asyncio.sleep(0.02)
        return figures(self._moment())

    def series(self) -> dict[str, Any]:
        """The series of this moment."""
        return series(self._moment())

    def _moment(self) -> Moment:
        snapshot = self._watch.current
        age = time.monotonic() - snapshot.read_at if snapshot.read_at else None
        return Moment(snapshot.reading, age, self._watch.problem, self.history, self.facts, self._queues)

    async def _make_frames(self) -> None:
        made = float("-inf")
        while True:
            await self._watch.renewed()
            reading = self._watch.current.reading
            if reading is not None and self._watch.problem is None:
                self.history.add(reading)
            now = time.monotonic()
            if not self.looked_at or now - made < SOONEST_S:
                continue
            made = now
            try:
                await self._ask_memory(now)
                self._publish(now)
            except Exception:
                log.exception("a frame of the live view cannot be made")  # the next one may be

    async def _ask_memory(self, now: float) -> None:
        if now - self._asked_memory < MEMORY_S or self._watch.problem is not None:
            return
        self._asked_memory = now
        try:
            self.facts.memory.found(await self._watch.memory())
        except (BoxAway, BoxRefused) as error:
            self.facts.memory.away(str(error))

    def _publish(self, now: float) -> None:
        last, document = self.frame, figures(self._moment())
        number = last.number + 1 if last else 1
        found = alarms(document)
        events = {
            language.code: _event("figures", document | {"alarms": [alarm.told(language) for alarm in found]}, number)
            for language in LANGUAGES
        }
        if last is None or now - self._series_at >= SERIES_S:
            self._series_at = now
            charts, series_number = _event("series", self.series(), number), number
        else:
            charts, series_number = last.series, last.series_number
        self.frame = Frame(number, events, charts, series_number)
        ended, self._round = self._round, asyncio.Event()
        ended.set()

    async def _ask_scratch(self) -> None:
        while True:
            if self.looked_at:
                try:
                    status, beats = await read_status(self._scratch), await read_beats(self._scratch)
                    wrong = await wrong_lately(self._scratch, time.time())
                    room = await read_room(self._scratch)
                    self.facts.scratch.found(ScratchFacts(status, beats, self._claims_for(status), wrong, room))
                except ScratchAway as error:
                    self.facts.scratch.away(str(error))
                except Exception as error:
                    log.exception("what scratch says cannot be read")
                    self.facts.scratch.away(type(error).__name__)
            await self._pause(SCRATCH_S, lambda: self.facts.scratch.asked)

    def _claims_for(self, status: dict[str, Any]) -> float:
        if not status.get("claims"):
            self._claims_since = None
            return 0.0
        if self._claims_since is None:
            self._claims_since = time.monotonic()
        return time.monotonic() - self._claims_since

    async def _pause(self, seconds: float, has_begun: Callable[[], bool]) -> None:
        """Waits; the first look is answered at once."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(0.05 if not has_begun() else min(seconds, 0.25))
            if self.looked_at and not has_begun():
                return


def _event(name: str, document: dict[str, Any], number: int) -> bytes:
    """One server-sent event."""
    return b"event: %b\nid: %d\ndata: %b\n\n" % (name.encode(), number, orjson.dumps(document))
