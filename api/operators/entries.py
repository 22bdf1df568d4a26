"""The list of entries: search, filter, order. One entry is `entry_form.py`, `entry_state.py`, `entry_files.py`."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from api.numbers import whole
from api.operators.access import MODERATOR, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.effect import chosen_contest, effect_of
from api.operators.language import N_
from api.voters.responses import see_other
from api.voters.search import Words, searchable
from models.category import categories_of
from models.contest import all_contests, contest_by_id
from models.database import Connection
from models.entry import Entry, UnknownEntryError, entries_of, find_entry, move_entry
from models.tally import contest_tallies

LIST = "/operator/entries"
PAGE_SIZE = 50
STATES = {"draft": N_("Bản nháp"), "published": N_("Đã công bố"), "withdrawn": N_("Đã rút")}
NO_ENTRY = N_("Không có bài dự thi này.")


@dataclass(frozen=True)
class Asked:
    """What the list was asked for, as the address has it."""

    contest: str = ""
    q: str = ""
    state: str = ""
    category: str = ""
    page: str = ""

    @property
    def filters(self) -> bool:
        return bool(self.q.strip() or self.state or self.category)

    def query(self, **changed: object) -> str:
        fields = vars(self) | changed
        return "?" + urlencode({name: value for name, value in fields.items() if value})

    def takes(self, entry: Entry) -> bool:
        """Whether the entry is one of those asked for."""
        if (self.state and entry.state != self.state) or (self.category and entry.category != self.category):
            return False
        titles = f"{entry.title} {entry.title_en}"
        others = f"{entry.author} {entry.unit} {entry.slug} {entry.id}"
        return not self.q.strip() or Words(self.q.strip()).rank(searchable(titles, others)) is not None


def entries_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(LIST)
    def show(
        acting: Annotated[Acting, MODERATOR],
        contest: str = "",
        q: str = "",
        state: str = "",
        category: str = "",
        page: str = "",
        done: str = "",
    ) -> Response:
        return _list(console, acting, Asked(contest, q[:200], state, category, page), done=done == "deleted")

    @router.post(LIST + "/{entry_id:int}/move")
    def move(acting: Annotated[Acting, MODERATOR], entry_id: int) -> Response:
        """To the place that was typed, or one up or down."""
        with console.ledger() as connection:
            entry = known_entry(connection, entry_id)
            order = [one.id for one in entries_of(connection, entry.contest_id)]
            wanted = _wanted_place(acting, order.index(entry_id) + 1)
            if wanted is not None:
                move_entry(connection, entry_id, wanted, acting.actor)
            contest = contest_by_id(connection, entry.contest_id)
        console.in_effect(contest)
        place = min(max(wanted or order.index(entry_id) + 1, 1), len(order))
        page = (place - 1) // PAGE_SIZE + 1
        return see_other(f"{LIST}{Asked(str(contest.id)).query(page=page if page > 1 else '')}#bai-{entry_id}")

    return router


def known_entry(connection: Connection, entry_id: int) -> Entry:
    """Errors: ConsoleProblem (404)."""
    try:
        return find_entry(connection, entry_id)
    except UnknownEntryError:
        raise ConsoleProblem(404, NO_ENTRY) from None


def _wanted_place(acting: Acting, now: int) -> int | None:
    step = {"up": -1, "down": 1}.get(acting.text("step"))
    if step is not None:
        return max(1, now + step)
    return acting.number("place")


def _list(console: Console, acting: Acting, asked: Asked, *, done: bool) -> Response:
    """`done`: an entry has just been deleted."""
    with console.ledger() as connection:
        contest = chosen_contest(console, connection, asked.contest)
        entries = entries_of(connection, contest.id)
        votes = contest_tallies(connection, contest.id)
        known = all_contests(connection)
        categories = categories_of(connection, contest.id)
    places = {entry.id: place for place, entry in enumerate(entries, start=1)}
    found = [entry for entry in entries if asked.takes(entry)]
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(max(whole(asked.page) or 1, 1), pages)
    return console.page(
        acting,
        "entries.html",
        contest=contest,
        contests=known,
        asked=asked,
        done=done,
        entries=found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        found=len(found),
        numbers={state: sum(entry.state == state for entry in entries) for state in STATES},
        last=len(entries),
        places=places,
        votes=votes,
        categories=categories,
        titles={category.slug: category.title for category in categories},
        states=STATES,
        number_of_page=page,
        pages=pages,
        effect=effect_of(console, contest),
    )
