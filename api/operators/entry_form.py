"""One entry: made as a draft, looked at, changed."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import ValidationError

from api.operators.access import MAX_FORM, MODERATOR, Acting
from api.operators.console import Console
from api.operators.effect import chosen_contest
from api.operators.entries import LIST, known_entry
from api.operators.entry_page import LABELS, conflict_with, entry_page, refused, seen_version
from api.operators.fault_words import invalid
from api.voters.responses import see_other
from models.contest import contest_by_id
from models.database import Connection
from models.entry import (
    FIELDS,
    Entry,
    EntryChangedError,
    EntryRefusedError,
    change_entry,
    create_entry,
    free_slug,
)
from models.entry_fields import EntryFields, slug_of
from models.operator import Role


def entry_form_router(console: Console) -> APIRouter:
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

    return router


def typed_fields(acting: Acting) -> dict[str, str]:
    """What stands in the form."""
    return {name: acting.text(name, limit=MAX_FORM) for name in FIELDS}


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
            faults = refused(error, acting)
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
            by_admin = acting.operator.role is Role.ADMIN
            change_entry(connection, entry_id, seen_version(acting), fields, acting.actor, by_admin=by_admin)
        except ValidationError as error:
            faults = invalid(error, LABELS, acting)
        except EntryRefusedError as error:
            faults = refused(error, acting)
        except EntryChangedError as error:
            conflict = conflict_with(connection, acting, error.entry, typed)
            entry = error.entry
        if faults or conflict:
            if faults and entry.version != seen_version(acting):  # told at once, not only when all else is right
                conflict = conflict_with(connection, acting, entry, typed)
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
