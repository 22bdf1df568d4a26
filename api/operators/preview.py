"""What voters will see: the voters' own templates on what is in the ledger, or in a form that nobody has saved yet.
Only for operators, and never kept.
"""

import json
import time
from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.answers import HTML, answer
from api.operators.access import ADMIN, MODERATOR, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.effect import chosen_contest
from api.operators.entries import LIST, known_entry
from api.operators.entry_form import typed_fields
from api.operators.language import EN, N_
from api.voters.language import language_called
from api.voters.page import ENTRY, page_of
from api.voters.responses import respond
from api.voters.view import View, view_of
from models.ballot_box.reading import Reading
from models.contest import Contest
from models.contest_texts import completed
from models.database import Connection
from models.entry_fields import slug_of
from models.site_document import site_document
from models.tally import contest_tallies
from models.times import milliseconds

NOT_LIVE = N_("Bản xem trước dành cho người điều hành. Trang này chưa được công bố; các nút ở đây chưa dùng được.")
PAGES = {"home": "/", "rules": "/the-le", "list": "/binh-chon", "recognise": "/nhan-biet", "privacy": "/rieng-tu"}


def preview_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(LIST + "/{entry_id:int}/preview")
    def saved(_acting: Annotated[Acting, MODERATOR], entry_id: int, to: str = "") -> Response:
        with console.ledger() as connection:
            entry = known_entry(connection, entry_id)
            contest = chosen_contest(console, connection, str(entry.contest_id))
            shown = entry.fields | {"id": entry.id, "pictures": entry.pictures, "attachments": entry.attachments}
            view = _view(console, connection, contest, shown)
        return _page(view, ENTRY + entry.slug, to)

    @router.post(LIST + "/preview")
    def typed(acting: Annotated[Acting, MODERATOR]) -> Response:
        """What stands in the form; what is wrong with it is said when it is saved."""
        fields: dict[str, Any] = typed_fields(acting)
        fields["slug"] = slug_of(fields["title"])
        shown = fields | {"id": 0, "pictures": [], "attachments": []}
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, acting.text("contest"))
            number = acting.number("entry")
            if number is not None:
                entry = known_entry(connection, number)
                shown |= {"id": entry.id, "pictures": entry.pictures, "attachments": entry.attachments}
            view = _view(console, connection, contest, shown)
        return _page(view, ENTRY + fields["slug"], acting.text("to"))

    @router.get("/operator/contests/{contest_id:int}/preview/{page}")
    def of_contest(_acting: Annotated[Acting, ADMIN], contest_id: int, page: str, to: str = "") -> Response:
        if page not in PAGES:
            raise ConsoleProblem(404, N_("Không có trang này."))
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, str(contest_id))
            view = _view(console, connection, contest, None)
        return _page(view, PAGES[page], to)

    return router


def _view(console: Console, connection: Connection, contest: Contest, shown: dict[str, Any] | None) -> View:
    """As the site stands, but for the entry `shown`; a draft contest as it will be on its first day."""
    site = json.loads(site_document(connection, contest))
    if shown is not None:
        entries = site["entries"]
        at = next((at for at, one in enumerate(entries) if one["id"] == shown["id"]), len(entries))
        site["entries"] = [*entries[:at], shown, *entries[at + 1 :]]
    site["contest"]["switches"] |= {"banner": NOT_LIVE, "banner_en": EN.text(NOT_LIVE)}
    opens_at, closes_at = milliseconds(contest.opens_at), milliseconds(contest.closes_at)
    now = opens_at if contest.draft else round(time.time() * 1000)
    reading = Reading(
        contest_id=contest.id,
        site=completed(site),
        site_raw=b"",
        state=contest.state,
        opens_at=opens_at,
        closes_at=closes_at,
        version=contest.version,
        epoch=contest.epoch,
        shards=contest.shards,
        key=contest.key_fingerprint,
        sessions_from=0,
        tallies=contest_tallies(connection, contest.id),
        events_added={},
        box_ms=now,
    )
    return view_of(reading, now, None, console.settings.origin())


def _page(view: View, path: str, to: str) -> Response:
    body = page_of(view, language_called(to).path(path))
    if body is None:
        raise ConsoleProblem(404, N_("Không có trang này."))
    return respond(answer(200, HTML, body))
