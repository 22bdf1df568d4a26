"""The API's picture of the box: contest, entries and tallies in memory, so that no read costs a round trip.

Read twice a second. While the box is away the last good picture stays and its age can be seen (`at` in the tallies, a
line on the page, readiness). The API's only clock for decisions is the box's: its TIME at the last reading, carried on
by this machine's monotonic clock.
"""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import orjson
import structlog

from api.answers import HTML, JSON
from api.cached import Cached, Pages, cached, untagged
from api.documents import contest_document, corrections_document, entries_document, tallies_document, visible_tallies
from api.outcomes import Code, refuse
from api.voters.assets import ASSETS
from api.voters.page import PATHS, away_answer, no_contest_page, page_of
from api.voters.site_files import ICON, site_file
from api.voters.view import View, view_of
from models.ballot_box.connection import BoxAway, BoxRefused, async_box
from models.ballot_box.reading import Memory, Reading, read_ballot, read_box, read_memory
from models.minutes import public_key
from models.receipt import Receipts
from models.secrets import KeyRing

log = structlog.get_logger()

PERIOD_S = 0.5
SOONEST_S = 0.1  # between two readings, however many votes ask for one
STALE_S = 5.0  # a reading older than this: the process does not count as ready


@dataclass(frozen=True)
class Snapshot:
    """One reading and what follows from it. Immutable: replaced as a whole."""

    reading: Reading | None
    """None: the box was asked and has no contest, or (`read_at` 0) was never asked."""
    read_at: float
    """time.monotonic() of the reading."""
    pages: Pages
    view: View | None = None
    """What the voters' pages show; None without a reading."""
    receipts: Receipts | None = None
    minted_sessions: bool = False

    def now_ms(self) -> int:
        """The box's clock, ms since 1970; 0 without a reading."""
        if self.reading is None:
            return 0
        return self.reading.box_ms + int((time.monotonic() - self.read_at) * 1000)


class Watch:
    """Keeps `current` fresh for one process, and tells `aim` which contest and epoch votes are for."""

    def __init__(
        self, url: str, *, slug: str | None, keys: KeyRing, origin: str, aim: Callable[[int, int, int], None]
    ) -> None:
        self.current = Snapshot(None, 0.0, _unread_pages())
        self.problem: str | None = "the box has not been read yet"
        self._slug = slug
        self._absent = False
        self._origin = origin
        self._keys = keys
        self._fingerprint = keys.fingerprint()
        self._aim = aim
        self._soon = asyncio.Event()
        self._round = asyncio.Event()
        self._box = async_box(url)
        self._asked = async_box(url)  # many voters' questions at once do not keep the snapshot from its connection
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="snapshot")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._box.aclose()
        await self._asked.aclose()

    def refresh_soon(self) -> None:
        """Asks for a reading before the next is due: the box spoke of an epoch that we do not know."""
        self._soon.set()

    def unready(self) -> str | None:
        """Why this process cannot serve votes, in words; None when it can. No contest is no failure."""
        if self.problem is None and time.monotonic() - self.current.read_at > STALE_S:
            return "the last reading of the box is too old"
        return self.problem

    @property
    def other_key(self) -> bool:
        """Whether the contest was opened with another identity key: accounts and receipts would be others."""
        reading = self.current.reading
        return reading is not None and bool(reading.key) and reading.key != self._fingerprint

    async def read(self) -> Reading | None:
        """A reading of this moment, for who must know. Errors: BoxAway, BoxRefused."""
        return await read_box(self._asked, self._slug, self.current.reading)

    async def memory(self) -> Memory:
        """The box's memory. Errors: BoxAway, BoxRefused."""
        return await read_memory(self._asked)

    async def renewed(self) -> None:
        """Returns after the next reading, or after the next try where the box is away."""
        await self._round.wait()

    async def ballot(self, account: int) -> list[int] | None:
        """The entries that the account has voted for; None where the box is not ready. Errors: BoxAway, BoxRefused."""
        reading = self.current.reading
        return None if reading is None else await read_ballot(self._asked, reading.contest_id, reading.shards, account)

    async def refresh(self) -> None:
        """One reading; a box that is away leaves the last good one."""
        try:
            asked_at = time.monotonic()
            reading = await read_box(self._box, self._slug, self.current.reading)
        except (BoxAway, BoxRefused) as error:
            self._note(f"the box does not answer: {error}" if isinstance(error, BoxAway) else str(error))
            last = self.current
            if last.reading is not None:  # the same picture, a moment later: voting may have opened or closed meanwhile
                self.current = self._next(last.reading, last.read_at)
            return
        self.current = self._next(reading, asked_at)
        if reading is not None:
            self._aim(reading.contest_id, reading.shards, reading.epoch)
        self._note_absence(reading is None)
        self._note("the contest was opened with another identity key" if self.other_key else None)

    async def _run(self) -> None:
        while True:
            try:
                await self.refresh()
            except Exception:
                log.exception("the snapshot cannot be made")  # the next reading may be better; the last one stays
                self.problem = "the snapshot cannot be made"
            ended, self._round = self._round, asyncio.Event()
            ended.set()
            await asyncio.sleep(SOONEST_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(PERIOD_S * random.uniform(0.7, 1.1) - SOONEST_S):  # noqa: S311 - jitter
                    await self._soon.wait()
            self._soon.clear()

    def _next(self, reading: Reading | None, asked_at: float) -> Snapshot:
        last = self.current
        if reading is None:
            pages = last.pages if last.reading is None and last.read_at else _no_contest_pages()
            return Snapshot(None, asked_at, pages)
        same = last.reading is not None and last.reading.contest_id == reading.contest_id
        fresh = Snapshot(
            reading,
            asked_at,
            last.pages,
            receipts=last.receipts if same else Receipts(self._keys, reading.contest_id),
            minted_sessions=bool(reading.site["contest"]["minted_sessions"]),
        )
        view = view_of(reading, fresh.now_ms(), last.view, self._origin)
        key = public_key(self._keys, reading.contest_id)
        return replace(fresh, view=view, pages=_contest_pages(reading, view, last, key))

    def _note_absence(self, is_absent: bool) -> None:
        """Says once that CONTEST names a contest that the box does not have: not yet, or misspelled."""
        if is_absent and self._slug is not None and not self._absent:
            log.warning("the box has no contest as CONTEST names it: pages say that there is none", contest=self._slug)
        self._absent = is_absent

    def _note(self, problem: str | None) -> None:
        """Logs a change, once."""
        if problem != self.problem:
            if problem is None:
                log.info("the box is read")
            elif self.other_key:
                log.error("votes are refused", problem=problem)
            else:
                log.warning("the snapshot is not renewed", problem=problem)
        self.problem = problem


def _contest_pages(reading: Reading, view: View, last: Snapshot, minutes_key: str) -> Pages:
    """The cached reads. Tags are made of what is shown, not of when it was read, and are the same in every process.

    The entries may be megabytes: they are made anew only when the published document has changed. The voters' pages
    are made when they are first asked for, and kept for as long as their view is the same.
    """
    contest = orjson.dumps(contest_document(reading, minutes_key))
    if last.reading is not None and last.reading.site is reading.site:
        entries = last.pages["/api/entries"]
    else:
        body = orjson.dumps(entries_document(reading))
        entries = cached(JSON, body, body)
    tallies = visible_tallies(reading)
    counts = orjson.dumps(tallies_document(tallies, reading.box_ms))
    shown = orjson.dumps(sorted(tallies.items()) if tallies is not None else None)
    fixed = (
        ASSETS
        | ICON
        | {
            "/api/contest": cached(JSON, contest, contest),
            "/api/entries": entries,
            "/api/tallies": cached(JSON, counts, b"%d" % reading.contest_id + shown),
        }
    )
    return last.pages.beside(fixed) if view == last.view else Pages(fixed, partial(_page, view))


def _page(view: View, path: str) -> Cached | None:
    if path == "/api/corrections":
        log_of_corrections = orjson.dumps(corrections_document(view.corrections))
        return cached(JSON, log_of_corrections, log_of_corrections)
    file = site_file(view, path)
    if file is not None:
        return file
    body = page_of(view, path)
    return None if body is None else cached(HTML, body, body)


def _no_page(_path: str) -> None:
    return None


def _no_contest_pages() -> Pages:
    absent = untagged(refuse(Code.NOT_FOUND))
    entries = orjson.dumps({"entries": []})
    pages = {path: no_contest_page(language) for path, language in PATHS.items()}
    fixed = {"/api/contest": absent, "/api/entries": cached(JSON, entries, entries), "/api/tallies": absent}
    fixed["/api/corrections"] = absent
    return Pages(ASSETS | ICON | fixed | {path: cached(HTML, page, page) for path, page in pages.items()}, _no_page)


def _unread_pages() -> Pages:
    documents = dict.fromkeys(
        ("/api/contest", "/api/entries", "/api/tallies", "/api/corrections"), untagged(refuse(Code.NOT_READY))
    )
    return Pages(
        ASSETS | ICON | documents | {path: untagged(away_answer(language)) for path, language in PATHS.items()},
        _no_page,
    )
