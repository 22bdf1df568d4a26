"""The ledger's part of the live view: asked in a thread of its own while somebody looks. One that hangs keeps neither
the frames nor the end of the process waiting.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from api.operators.live_facts import Fact, LedgerFacts, read_ledger_facts
from api.snapshot import Watch
from models.database import Engine, LedgerAway, ledger_errors, snapshot
from models.times import from_ms

log = structlog.get_logger()

LEDGER_S = 5.0
HOURS_S = 15.0
NO_CONTEST = 0


class LedgerReader:
    """`fact` gets what was read. `looked_at`: whether somebody looks. `look` begins it, `stop` ends it."""

    def __init__(self, watch: Watch, engine: Engine, fact: Fact[LedgerFacts], looked_at: Callable[[], bool]) -> None:
        self._watch = watch
        self._engine = engine
        self._fact = fact
        self._looked_at = looked_at
        self._wanted = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Somebody looks, now."""
        self._wanted.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="live ledger", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._wanted.set()

    def _run(self) -> None:
        """Asks every LEDGER_S while somebody looks."""
        kept: LedgerFacts | None = None
        kept_at = float("-inf")
        while not self._ended.is_set():
            self._wanted.wait()
            if self._ended.is_set():
                return
            began = time.monotonic()
            reading = self._watch.current.reading
            contest_id, shards = (reading.contest_id, reading.shards) if reading else (NO_CONTEST, 0)
            now = from_ms(reading.box_ms) if reading else datetime.now(UTC)
            fresh = kept is not None and kept.contest_id == contest_id and began - kept_at < HOURS_S
            found = self._read(contest_id, shards, now, kept if fresh else None)
            if found and not fresh:
                kept, kept_at = found, began
            if not self._looked_at():
                self._wanted.clear()
            self._ended.wait(LEDGER_S)

    def _read(self, contest_id: int, shards: int, now: datetime, last: LedgerFacts | None) -> LedgerFacts | None:
        try:
            with ledger_errors(), self._engine.connect() as connection:
                connection.detach()  # closed when read: one given back after the end of its pool would stay open
                with snapshot(connection):
                    found = read_ledger_facts(connection, contest_id, shards, now, last)
        except LedgerAway as error:
            self._fact.away(str(error))
        except Exception as error:
            log.exception("the counts by minute cannot be read")
            self._fact.away(type(error).__name__)
        else:
            self._fact.found(found)
            return found
        return None
