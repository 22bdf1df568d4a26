"""One entry: the form, its conflict when two edit at once, publishing and withdrawing.

Nothing that was typed is lost: whatever is against saving, the form comes back with it and says why. When somebody else
has saved meanwhile, both texts stand side by side, and the second editor decides whether theirs takes over.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import ValidationError

from api.operators.access import MAX_FORM, MODERATOR, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.effect import chosen_contest, effect_of
from api.operators.entries import LIST, STATES, known_entry
from api.operators.fault_words import invalid, sentences
from api.operators.language import N_
from api.voters.responses import see_other
from models.audit import AuditLine, AuditSearch, audit_lines
from models.category import categories_of
from models.contest import Contest, contest_by_id
from models.database import Connection
from models.entry import (
    FIELDS,
    Entry,
    EntryChangedError,
    EntryRefusedError,
    change_entry,
    change_entry_state,
    create_entry,
    free_slug,
)
from models.entry_fields import EntryFields, Fault, slug_of
from models.tally import contest_tallies

LABELS = {
    "title": N_("Tên bài dự thi"),
    "slug": N_("Địa chỉ trang"),
    "category": N_("Lĩnh vực"),
    "author": N_("Tác giả"),
    "unit": N_("Đơn vị"),
    "summary": N_("Tóm tắt"),
    "text": N_("Nội dung"),
    "video": N_("Liên kết video"),
    "title_en": N_("Tên bài dự thi (tiếng Anh)"),
    "summary_en": N_("Tóm tắt (tiếng Anh)"),
    "text_en": N_("Nội dung (tiếng Anh)"),
}
DONE = {
    "created": N_("Đã lưu bản nháp. Người bình chọn chưa thấy bài này cho đến khi bạn công bố."),
    "saved": N_("Đã lưu."),
    "published": N_("Đã công bố bài dự thi."),
    "withdrawn": N_("Đã rút bài dự thi. Các phiếu của bài được giữ nguyên."),
}


@dataclass(frozen=True)
class Conflict:
    """Somebody else saved first: how the entry stands now, and for each field that differs what both wrote."""

    entry: Entry
    last: AuditLine | None
    """Who, and when."""
    differing: list[tuple[str, str, str]] = field(default_factory=list)
    """(field, mine, theirs)."""


def entry_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(LIST + "/new")
    def new(acting: Annotated[Acting, MODERATOR], contest: str = "", category: str = "") -> Response:
        with console.ledger() as connection:
            chosen = chosen_contest(console, connection, contest)
            return entry_page(
                console, connection, acting, chosen, None, dict.fromkeys(FIELDS, "") | {"category": category}
            )

    @router.post(LIST + "/new")
    def create(acting: Annotated[Acting, MODERATOR]) -> Response:
        return _create(console, acting)

    @router.get(LIST + "/{entry_id:int}")
    def show(acting: Annotated[Acting, MODERATOR], entry_id: int, done: str = "") -> Response:
        with console.ledger() as connection:
            entry = known_entry(connection, entry_id)
            contest = contest_by_id(connection, entry.contest_id)
            return entry_page(console, connection, acting, contest, entry, entry.fields, done=done)

    @router.post(LIST + "/{entry_id:int}")
    def save(acting: Annotated[Acting, MODERATOR], entry_id: int) -> Response:
        return _save(console, acting, entry_id)

    @router.get(LIST + "/{entry_id:int}/withdraw")
    def ask(acting: Annotated[Acting, MODERATOR], entry_id: int) -> Response:
        return _withdrawal(console, acting, entry_id)

    @router.post(LIST + "/{entry_id:int}/withdraw")
    def withdraw(acting: Annotated[Acting, MODERATOR], entry_id: int) -> Response:
        if not acting.text("why"):
            return _withdrawal(console, acting, entry_id, {"why": acting.say(N_("Lý do: chưa nhập."))})
        return _turn(console, acting, entry_id, "withdrawn")

    @router.post(LIST + "/{entry_id:int}/publish")
    def publish(acting: Annotated[Acting, MODERATOR], entry_id: int) -> Response:
        return _turn(console, acting, entry_id, "published")

    return router


def typed_fields(acting: Acting) -> dict[str, str]:
    """What stands in the form."""
    return {name: acting.text(name, limit=MAX_FORM) for name in FIELDS}


def seen_version(acting: Acting) -> int:
    """The version that the form was made of; 0, which no entry has, for anything else."""
    return acting.number("version") or 0


def _create(console: Console, acting: Acting) -> Response:
    typed = typed_fields(acting)
    with console.ledger() as connection:
        contest = chosen_contest(console, connection, acting.text("contest"))
        faults: dict[str, str] = {}
        try:
            slug = typed["slug"] or free_slug(connection, contest.id, slug_of(typed["title"]))
            fields = EntryFields.model_validate(typed | {"slug": slug})
            entry_id = create_entry(connection, contest.id, fields, acting.actor)
        except ValidationError as error:
            faults = invalid(error, LABELS, acting)
        except EntryRefusedError as error:
            faults = _refused(error, acting)
        if faults:
            return entry_page(console, connection, acting, contest, None, typed, faults=faults)
    return see_other(f"{LIST}/{entry_id}?done=created")


def _save(console: Console, acting: Acting, entry_id: int) -> Response:
    typed = typed_fields(acting)
    with console.ledger() as connection:
        entry = known_entry(connection, entry_id)
        contest = contest_by_id(connection, entry.contest_id)
        faults: dict[str, str] = {}
        conflict = None
        try:
            fields = EntryFields.model_validate(typed | {"slug": _slug(connection, entry, typed)})
            change_entry(connection, entry_id, seen_version(acting), fields, acting.actor)
        except ValidationError as error:
            faults = invalid(error, LABELS, acting)
        except EntryRefusedError as error:
            faults = _refused(error, acting)
        except EntryChangedError as error:
            conflict = _conflict(connection, error.entry, typed)
            entry = error.entry
        if faults or conflict:
            if faults and entry.version != seen_version(acting):  # told at once, not only when all else is right
                conflict = _conflict(connection, entry, typed)
            return entry_page(console, connection, acting, contest, entry, typed, faults=faults, conflict=conflict)
        contest = contest_by_id(connection, entry.contest_id)
    console.in_effect(contest)
    return see_other(f"{LIST}/{entry_id}?done=saved")


def _slug(connection: Connection, entry: Entry, typed: dict[str, str]) -> str:
    """A draft's address may be typed or made anew of its title; that of a published one stays."""
    if entry.state != "draft":
        return typed["slug"] or entry.slug
    if typed["slug"]:
        return typed["slug"]
    made = slug_of(typed["title"])
    return made if made == entry.slug else free_slug(connection, entry.contest_id, made)


def _turn(console: Console, acting: Acting, entry_id: int, state: str) -> Response:
    with console.ledger() as connection:
        entry = known_entry(connection, entry_id)
        conflict, faults = None, {}
        try:
            change_entry_state(connection, entry_id, seen_version(acting), state, acting.actor, why=acting.text("why"))
        except EntryChangedError as error:
            conflict = _conflict(connection, error.entry, error.entry.fields)
        except EntryRefusedError as error:
            faults = _refused(error, acting)
        contest = contest_by_id(connection, entry.contest_id)
        if conflict or faults:
            entry = known_entry(connection, entry_id)
            return entry_page(
                console, connection, acting, contest, entry, entry.fields, faults=faults, conflict=conflict
            )
    console.in_effect(contest)
    return see_other(f"{LIST}/{entry_id}?done={state}")


def _withdrawal(console: Console, acting: Acting, entry_id: int, faults: dict[str, str] | None = None) -> Response:
    """Says what withdrawing does, and asks for the reason."""
    with console.ledger() as connection:
        entry = known_entry(connection, entry_id)
        votes = contest_tallies(connection, entry.contest_id).get(entry_id, 0)
    if entry.state != "published":
        raise ConsoleProblem(409, N_("Chỉ rút được bài đang công bố."))
    return console.page(
        acting,
        "entry_withdraw.html",
        422 if faults else 200,
        entry=entry,
        votes=votes,
        version=seen_version(acting) or entry.version,
        faults=faults or {},
    )


def _refused(error: EntryRefusedError, acting: Acting) -> dict[str, str]:
    return sentences([Fault(error.field, error.code, {})], LABELS, acting)


def _conflict(connection: Connection, entry: Entry, typed: dict[str, str]) -> Conflict:
    lines = audit_lines(connection, AuditSearch(subject=f"entry:{entry.id}"), limit=1)
    theirs = entry.fields
    differing = [(name, typed[name], theirs[name]) for name in LABELS if typed[name] != theirs[name]]
    return Conflict(entry, lines[0] if lines else None, differing)


def entry_page(
    console: Console,
    connection: Connection,
    acting: Acting,
    contest: Contest,
    entry: Entry | None,
    typed: dict[str, str],
    *,
    faults: dict[str, str] | None = None,
    conflict: Conflict | None = None,
    done: str = "",
) -> Response:
    """The form with what was typed; 422 where it could not be saved."""
    categories = categories_of(connection, contest.id)
    values: dict[str, Any] = {
        "contest": contest,
        "entry": entry,
        "typed": typed,
        "version": entry.version if entry else 0,
        "faults": faults or {},
        "conflict": conflict,
        "categories": categories,
        "options": [(category.slug, category.title) for category in categories],
        "votes": contest_tallies(connection, contest.id).get(entry.id, 0) if entry else 0,
        "labels": LABELS,
        "states": STATES,
        "done": DONE.get(done, ""),
        "effect": effect_of(console, contest) if entry and entry.state != "draft" else "",
    }
    return console.page(acting, "entry_form.html", 422 if faults or conflict else 200, **values)
