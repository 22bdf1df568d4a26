"""What an API process says of itself each second, for the console: how many votes it answered with what, how fast,
whether it can serve. One write to scratch a second; nothing of it is on a vote's way.
"""

import asyncio
import time
from collections import Counter, deque
from typing import Any, NamedTuple

import structlog

from api.metrics import Metrics
from api.protocol import traffic
from api.snapshot import Watch
from models.ballot_box.intake import Intake
from models.scratch.beats import EVERY_S, beat_of, write_beat_soon
from models.scratch.connection import ScratchAway, async_scratch
from models.settings import Settings

log = structlog.get_logger()

WINDOW_S = 10
"""Seconds that outcomes and times are of."""


class _Counts(NamedTuple):
    at: float
    """time.monotonic()"""
    answered: Counter[str]
    times: tuple[int, ...]
    requests: int


class Beating:
    """The beat of one process. `about` of its beats: `unready` (why it takes no votes; None: it does), `window_s`,
    `answers` (outcome → answers to votes in that time), `times` (of these: api/latency.py), `requests` (of all kinds
    in that time), `waiting` (votes not yet sent), `connections`, `late_ms` (how late its event loop was the last time).
    """

    def __init__(self, settings: Settings, metrics: Metrics, watch: Watch, intake: Intake) -> None:
        self._data_dir = settings.data_dir
        self._scratch = async_scratch(settings.scratch())
        self._metrics = metrics
        self._watch = watch
        self._intake = intake
        self._past: deque[_Counts] = deque(maxlen=WINDOW_S + 1)

    async def stop(self) -> None:
        await self._scratch.aclose()

    async def run(self) -> None:
        """Until it is cancelled. Scratch that is away is the others' to tell."""
        silent = False
        while True:
            began = time.monotonic()
            await asyncio.sleep(EVERY_S)
            late = time.monotonic() - began - EVERY_S
            try:
                await write_beat_soon(self._scratch, beat_of("api", "", self._data_dir, self.about(late)))
            except ScratchAway as error:
                if not silent:
                    log.warning("the beat waits for scratch", problem=str(error))
                silent = True
            else:
                silent = False

    def about(self, late_s: float = 0.0) -> dict[str, Any]:
        """See above; moves the window on."""
        connections, requests = traffic()
        counts = _Counts(time.monotonic(), self._metrics.answered.copy(), tuple(self._metrics.times.counts), requests)
        self._past.append(counts)
        first = self._past[0]
        return {
            "unready": self._watch.unready() or self._intake.fault,
            "window_s": round(counts.at - first.at, 3),
            "answers": dict(counts.answered - first.answered),
            "times": [later - earlier for later, earlier in zip(counts.times, first.times, strict=True)],
            "requests": counts.requests - first.requests,
            "waiting": self._intake.waiting,
            "connections": connections,
            "late_ms": round(late_s * 1000),
        }
