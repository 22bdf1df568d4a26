"""Importing a contest file into the ledger: create or change, never touching a vote."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import Any

from sqlalchemy import Connection, Table, insert, select, text, update

from models import audit
from models.audit import Actor
from models.contest import (
    Contest,
    UnknownContestError,
    categories,
    contest_by_id,
    contests,
    entries,
    find_contest,
    raise_version,
)
from models.contest_file import ContestFile, FileContest, FileEntry
from models.contest_media import Media
from models.contest_texts import TEXTS

IMPORTER = Actor("binhchon import-contest")


class ImportRefusedError(Exception):
    """The file says something that may not change any more. The text says what, for people."""


@dataclass
class ImportReport:
    """What an import did. `changed` is false where the ledger said all that already."""

    contest_id: int
    slug: str
    created: bool = False
    added: int = 0
    altered: int = 0
    withdrawn: int = 0
    changed: bool = False


def import_contest(
    connection: Connection, file: ContestFile, fingerprint: str, media: Media | None = None
) -> ImportReport:
    """Writes the file's contest, categories and entries; importing the same again changes nothing.

    Entries are known by their slug. One that the file does not name any more, or has as unpublished, is withdrawn and
    keeps its votes. `fingerprint` is that of the installation's identity key. `media`: what `take_media` kept of the
    pictures and attachments that the file names. Errors: ImportRefusedError.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(7269)"))  # two imports at once take turns
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    try:
        contest = find_contest(connection, file.contest.slug)
    except UnknownContestError:
        values = _contest_values(file.contest) | {"slug": file.contest.slug, "key_fingerprint": fingerprint}
        contest_id = connection.execute(insert(contests).values(values).returning(contests.c.id)).scalar_one()
        report = ImportReport(contest_id, file.contest.slug, created=True, changed=True)
    else:
        if contest.key_fingerprint != fingerprint:
            raise ImportRefusedError("this installation's identity key is not the one that the contest was made with")
        contest = contest_by_id(connection, contest.id, lock=True)
        _refuse_forbidden(connection, contest.id, file.contest)
        report = ImportReport(contest.id, contest.slug)
        report.changed = _alter(connection, contests, contest.id, _contest_values(file.contest))
        if not contest.draft:
            before, after = audit.difference(_window(contest), _window(file.contest))
    _import_entries(connection, file, media or {}, report)
    if report.changed:
        if not report.created:
            raise_version(connection, report.contest_id)
        audit.record(
            connection,
            IMPORTER,
            "contest.import",
            f"contest:{report.contest_id}",
            contest_id=report.contest_id,
            before=before or None,
            after=asdict(report) | after,
        )
    return report


def _contest_values(contest: FileContest) -> dict[str, Any]:
    return {
        "title": contest.title,
        "texts": json.dumps({name: getattr(contest, name) for name in TEXTS}, ensure_ascii=False, sort_keys=True),
        "opens_at": contest.opens_at,
        "closes_at": contest.closes_at,
        "result_policy": contest.result_policy,
        "minted_sessions": contest.minted_sessions,
        "shards": contest.shards,
    }


def _window(contest: Contest | FileContest) -> dict[str, str]:
    """The voting time, as the audit log writes it: a live contest's minutes tell when it moved."""
    return {name: getattr(contest, name).astimezone(UTC).isoformat() for name in ("opens_at", "closes_at")}


def _refuse_forbidden(connection: Connection, contest_id: int, wanted: FileContest) -> None:
    row = connection.execute(select(contests).where(contests.c.id == contest_id)).one()
    if row.state == "final":  # its ranking is signed, and perhaps published: the file knows nothing of that
        raise ImportRefusedError("the results are final: words of the contest change in the console")
    if row.shards != wanted.shards:
        raise ImportRefusedError(f"shards cannot change: the contest has {row.shards}, the file says {wanted.shards}")
    if row.minted_sessions != wanted.minted_sessions:
        raise ImportRefusedError("minted_sessions cannot change: make a contest of its own for a rehearsal")
    if row.state == "closed" and (row.opens_at, row.closes_at) != (wanted.opens_at, wanted.closes_at):
        raise ImportRefusedError("voting is over: opens_at and closes_at cannot change")


def _import_entries(connection: Connection, file: ContestFile, media: Media, report: ImportReport) -> None:
    contest_id = report.contest_id
    category_ids = _import_categories(connection, file, report)
    known = {row.slug: row for row in connection.execute(select(entries).where(entries.c.contest_id == contest_id))}
    for position, entry in enumerate(file.entries):
        before = known.pop(entry.slug, None)
        values = _entry_values(entry, position, category_ids[entry.category], before.state if before else None)
        values |= _contents(entry, media)
        if before is None:
            connection.execute(insert(entries).values(values | {"contest_id": contest_id, "slug": entry.slug}))
            report.added += 1
        elif _alter(connection, entries, before.id, values):
            report.altered += 1
    for gone in known.values():
        if gone.state != "withdrawn" and _alter(connection, entries, gone.id, {"state": "withdrawn"}):
            report.withdrawn += 1
    report.changed = report.changed or bool(report.added or report.altered or report.withdrawn)


def _import_categories(connection: Connection, file: ContestFile, report: ImportReport) -> dict[str, int]:
    """Slug → id of all categories. One that the file does not name any more stays: entries may stand in it."""
    query = select(categories.c.slug, categories.c.id).where(categories.c.contest_id == report.contest_id)
    ids = dict(connection.execute(query).all())
    for position, category in enumerate(file.categories):
        values = {"title": category.title, "title_en": category.title_en, "position": position}
        if category.slug in ids:
            report.changed |= _alter(connection, categories, ids[category.slug], values)
        else:
            row = values | {"contest_id": report.contest_id, "slug": category.slug}
            ids[category.slug] = connection.execute(
                insert(categories).values(row).returning(categories.c.id)
            ).scalar_one()
            report.changed = True
    return ids


def _entry_values(entry: FileEntry, position: int, category_id: int, state: str | None) -> dict[str, Any]:
    unpublished = "draft" if state in {None, "draft"} else "withdrawn"
    return {
        "title": entry.title,
        "category_id": category_id,
        "author": entry.author,
        "unit": entry.unit,
        "summary": entry.summary,
        "text": entry.text,
        "title_en": entry.title_en,
        "summary_en": entry.summary_en,
        "text_en": entry.text_en,
        "video": entry.video,
        "position": position,
        "state": "published" if entry.published else unpublished,
    }


def _contents(entry: FileEntry, media: Media) -> dict[str, str]:
    pictures = [{"alt": one.alt, "alt_en": one.alt_en, "sizes": media["pictures", one.file]} for one in entry.pictures]
    attachments = [
        {"title": one.title, "title_en": one.title_en} | media["attachments", one.file] for one in entry.attachments
    ]
    return {
        "pictures": json.dumps(pictures, ensure_ascii=False),
        "attachments": json.dumps(attachments, ensure_ascii=False),
    }


def _alter(connection: Connection, table: Table, row_id: int, values: dict[str, Any]) -> bool:
    """Writes the values if one of them differs; an entry's version rises then. Returns whether one did."""
    before = connection.execute(select(*(table.c[name] for name in values)).where(table.c.id == row_id)).one()
    if tuple(before) == tuple(values.values()):
        return False
    rising = {"version": entries.c.version + 1} if table is entries else {}
    connection.execute(update(table).where(table.c.id == row_id).values(values | rising))
    return True
