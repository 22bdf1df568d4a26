"""What the voters' pages show: the published document, where the contest stands, and the counts that may be shown."""

import random
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any

from api.documents import public_corrections, visible_tallies
from api.voters.language import N_
from api.voters.search import Searchable, searchable
from models.ballot_box.reading import Reading

MINUTE_MS = 60_000
COUNTS_KEPT_MS = 5_000
"""Pages show the counts of a moment at most so long ago while votes come in: each change makes every page anew, and to
make a thousand pages takes longer than the half second until the next.
"""
ORDER_LIFE = 24 * 60  # minutes that the links of a list keep its order
Entry = dict[str, Any]


class Phase(Enum):
    """Where a contest stands, by the box's clock. Values are what voters read, to be translated."""

    NOT_READY = N_("Hòm phiếu chưa sẵn sàng")
    NOT_YET = N_("Chưa đến thời gian bình chọn")
    OPEN = N_("Đang nhận bình chọn")
    PAUSED = N_("Tạm dừng bình chọn")
    CLOSED = N_("Đã kết thúc bình chọn")
    FINAL = N_("Đã kiểm phiếu, chờ công bố kết quả")
    PUBLISHED = N_("Đã công bố kết quả")


_BY_STATE = {"open": Phase.OPEN, "paused": Phase.PAUSED, "closed": Phase.CLOSED, "final": Phase.FINAL}
_UNDECIDED = (Phase.NOT_YET, Phase.OPEN, Phase.PAUSED, Phase.NOT_READY)


def phase_of(reading: Reading, now_ms: int) -> Phase:
    """Where the contest stands at `now_ms`."""
    if reading.state in ("open", "paused"):
        if now_ms < reading.opens_at:
            return Phase.NOT_YET
        if now_ms >= reading.closes_at:
            return Phase.CLOSED
    if reading.state == "final" and reading.site["results"]:
        return Phase.PUBLISHED
    return _BY_STATE.get(reading.state, Phase.NOT_READY)


class Catalogue:
    """The published document, made ready once for as long as it does not change."""

    def __init__(self, site: dict[str, Any]) -> None:
        self.site = site
        self.contest: dict[str, Any] = site["contest"]
        self.categories: list[dict[str, Any]] = site["categories"]
        self.entries: list[Entry] = site["entries"]
        self.by_slug: dict[str, Entry] = {entry["slug"]: entry for entry in self.entries}
        self.by_id: dict[int, Entry] = {entry["id"]: entry for entry in self.entries}
        self.by_category: dict[str, dict[str, Any]] = {category["slug"]: category for category in self.categories}

    @cached_property
    def searchable(self) -> dict[int, Searchable]:
        """Entry id → the texts that a search looks through."""
        category_titles = {category["slug"]: category["title"] for category in self.categories}
        return {entry["id"]: _searchable(entry, category_titles.get(entry["category"], "")) for entry in self.entries}


def _searchable(entry: Entry, category: str) -> Searchable:
    titles = f"{entry['title']} {entry.get('title_en', '')}"
    others = " ".join(entry.get(name, "") for name in ("author", "unit", "summary", "summary_en"))
    return searchable(titles, f"{others} {category}")


@dataclass(frozen=True)
class View:
    """What a page may show at one moment. Two equal views make the same pages, to the byte.

    Times are ms since 1970. `tallies` is None where the contest's result policy hides them.
    """

    catalogue: Catalogue
    tallies: dict[int, int] | None
    phase: Phase
    opens_at: int
    closes_at: int
    minute: int
    """The box's clock in whole minutes: also the seed of the order of the entries."""
    origin: str
    """Scheme and host of the official addresses, without a slash at the end."""
    counted_at: int = field(default=0, compare=False)
    """When `tallies` were taken from the box."""

    @property
    def contest(self) -> dict[str, Any]:
        return self.catalogue.contest

    @property
    def results(self) -> dict[str, Any] | None:
        """What has been published of the final count (`models/result.py`); None before."""
        found: dict[str, Any] | None = self.catalogue.site["results"] if self.phase is Phase.PUBLISHED else None
        return found

    @property
    def at_ms(self) -> int:
        return self.minute * MINUTE_MS

    @property
    def total(self) -> int | None:
        return None if self.tallies is None else sum(self.tallies.values())

    @property
    def corrections(self) -> list[dict[str, Any]]:
        """The public log (`api/documents.py`)."""
        return public_corrections(self.catalogue.site, counts_shown=self.tallies is not None)

    @property
    def takes_votes(self) -> bool:
        """Whether pages have the button: also while the box is away for a moment, for a click that is tried again."""
        return self.phase is Phase.OPEN or (
            self.phase is Phase.NOT_READY and self.opens_at <= self.at_ms < self.closes_at
        )

    def counts_hold(self, tallies: dict[int, int] | None, now_ms: int) -> bool:
        """Whether the pages' counts may stay beside those of now."""
        return tallies == self.tallies or 0 <= now_ms - self.counted_at < COUNTS_KEPT_MS

    def order(self, asked: int | None = None) -> int | None:
        """The seed of the entries' order: the minute `asked` for if it is of the last day, else this one; None where
        they stand in the organisers' order.
        """
        if self.phase not in _UNDECIDED:
            return None
        return asked if asked is not None and self.minute - ORDER_LIFE <= asked <= self.minute else self.minute

    def entries(self, asked: int | None = None) -> list[Entry]:
        """The published entries. Until voting has ended their order is another each minute, and the same for everyone
        within it: nobody stays first. A page's links ask for the order that it has, so that no list jumps.
        """
        return list(_ordered(self.catalogue, self.order(asked)))


@lru_cache(maxsize=16)  # the page of each entry shows others in the order of the minute
def _ordered(catalogue: Catalogue, seed: int | None) -> tuple[Entry, ...]:
    entries = list(catalogue.entries)
    if seed is not None:
        random.Random(seed).shuffle(entries)  # noqa: S311 - an order, not a secret
    return tuple(entries)


def view_of(reading: Reading, now_ms: int, last: View | None, origin: str) -> View:
    """The view of a reading. `last` saves work on a document that has not changed, and keeps its counts for
    COUNTS_KEPT_MS while the contest stands where it stood; after a pause new counts are shown at once.
    """
    same = last if last is not None and last.catalogue.site is reading.site else None
    tallies, phase, counted_at = visible_tallies(reading), phase_of(reading, now_ms), now_ms
    if same is not None and same.phase is phase and same.counts_hold(tallies, now_ms):
        tallies, counted_at = same.tallies, same.counted_at
    return View(
        catalogue=same.catalogue if same is not None else Catalogue(reading.site),
        tallies=tallies,
        phase=phase,
        opens_at=reading.opens_at or reading.site["contest"]["opens_at"],
        closes_at=reading.closes_at or reading.site["contest"]["closes_at"],
        minute=now_ms // MINUTE_MS,
        origin=origin,
        counted_at=counted_at,
    )
