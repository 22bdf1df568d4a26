"""Contests as admins make and change them: a draft first, which nobody sees, then by one deliberate act the box.

Every change takes the contest's row, writes its line of the audit log in the same transaction, and raises the version
where voters can see it. The voting time of a contest that is live moves by `models/contest_window.py` alone.
"""

import hashlib
import json
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, func, insert, select, update

from models import audit
from models.audit import Actor
from models.contest import Contest, categories, contest_by_id, contests, entries, raise_version
from models.contest_fields import Line
from models.contest_file import FileContest
from models.contest_texts import TEXTS, ContestTexts

Missing = Literal["categories", "entries", "window", "organiser", "privacy_contact", "rules", "key"]
"""What a draft lacks before it can be put into the box; `key`: the installation has another identity key now."""


class ContestWords(ContestTexts):
    """What may be changed of a contest that is live, beside its voting time and its switches."""

    title: Line


class ContestChangedError(Exception):
    """Somebody else changed the contest since this editor saw it; `contest` is how it stands now."""

    def __init__(self, contest: Contest) -> None:
        super().__init__(f"contest {contest.slug} has changed")
        self.contest = contest


class ContestRefusedError(Exception):
    """The change may not be made. `code`: `taken` (the slug), `live` (it is no draft), `missing` (see `missing`)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def editable(contest: Contest) -> dict[str, Any]:
    """What an editor of the contest sees: the texts, and of a draft the voting time and the result policy."""
    words = {"title": contest.title} | {name: contest.texts.get(name, "") for name in TEXTS}
    if not contest.draft:
        return words
    return words | {
        "opens_at": contest.opens_at,
        "closes_at": contest.closes_at,
        "result_policy": contest.result_policy,
    }


def seen_of(contest: Contest) -> str:
    """Names what an editor saw. Not the version: that rises with every entry, and disturbs nobody here."""
    return hashlib.blake2b(repr(sorted(editable(contest).items())).encode(), digest_size=8).hexdigest()


def create_contest(connection: Connection, fields: FileContest, fingerprint: str, actor: Actor) -> int:
    """A draft. `fingerprint`: of the installation's identity key. Returns its id. Errors: ContestRefusedError."""
    if connection.execute(select(contests.c.id).where(contests.c.slug == fields.slug)).first() is not None:
        raise ContestRefusedError("taken")
    row = _columns(fields) | {
        "slug": fields.slug,
        "opens_at": fields.opens_at,
        "closes_at": fields.closes_at,
        "result_policy": fields.result_policy,
        "minted_sessions": fields.minted_sessions,
        "shards": fields.shards,
        "key_fingerprint": fingerprint,
        "draft": True,
    }
    contest_id: int = connection.execute(insert(contests).values(row).returning(contests.c.id)).scalar_one()
    after = fields.model_dump(mode="json")
    audit.record(connection, actor, "contest.create", f"contest:{contest_id}", contest_id=contest_id, after=after)
    return contest_id


def change_contest(
    connection: Connection, contest_id: int, seen: str, fields: ContestWords | FileContest, actor: Actor
) -> Contest:
    """Writes what an editor made of the contest that they saw as `seen`: of a draft all of `FileContest` but what stays
    for ever (slug, shards, minted sessions), else the words alone. Returns it as it then stands.

    Errors: ContestChangedError, ContestRefusedError, UnknownContestError.
    """
    contest = contest_by_id(connection, contest_id, lock=True)
    if seen_of(contest) != seen:
        raise ContestChangedError(contest)
    values = _columns(fields)
    if isinstance(fields, FileContest):
        if not contest.draft:
            raise ContestRefusedError("live")
        values |= {name: getattr(fields, name) for name in ("opens_at", "closes_at", "result_policy")}
    connection.execute(update(contests).where(contests.c.id == contest_id).values(values))
    now = contest_by_id(connection, contest_id)
    before, after = audit.difference(_plain(contest), _plain(now))
    if not after:
        return now
    if not contest.draft:
        raise_version(connection, contest_id)
    subject = f"contest:{contest_id}"
    audit.record(connection, actor, "contest.change", subject, contest_id=contest_id, before=before, after=after)
    return contest_by_id(connection, contest_id)


def missing(connection: Connection, contest: Contest, fingerprint: str, now: datetime) -> list[Missing]:
    """What stands against putting a draft into the box; nothing when it may go."""
    known = connection.execute(select(func.count()).where(categories.c.contest_id == contest.id)).scalar_one()
    published = select(func.count()).where(entries.c.contest_id == contest.id, entries.c.state == "published")
    found: list[tuple[Missing, bool]] = [
        ("categories", not known),
        ("entries", not connection.execute(published).scalar_one()),
        ("window", contest.closes_at <= now),
        ("organiser", not contest.texts.get("organiser")),
        ("privacy_contact", not contest.texts.get("privacy_contact")),
        ("rules", not contest.texts.get("rules")),
        ("key", contest.key_fingerprint != fingerprint),
    ]
    return [name for name, lacks in found if lacks]


def put_into_box(connection: Connection, contest_id: int, fingerprint: str, actor: Actor, now: datetime) -> Contest:
    """A draft becomes live: the ticker has a worker open it in the box. Nothing makes it a draft again.

    Errors: ContestRefusedError, UnknownContestError.
    """
    contest = contest_by_id(connection, contest_id, lock=True)
    if not contest.draft:
        raise ContestRefusedError("live")
    if missing(connection, contest, fingerprint, now):
        raise ContestRefusedError("missing")
    connection.execute(update(contests).where(contests.c.id == contest_id).values(draft=False))
    raise_version(connection, contest_id)
    before, after = {"draft": True}, {"draft": False}
    subject = f"contest:{contest_id}"
    audit.record(connection, actor, "contest.publish", subject, contest_id=contest_id, before=before, after=after)
    return contest_by_id(connection, contest_id)


def _columns(fields: ContestWords | FileContest) -> dict[str, Any]:
    texts = {name: getattr(fields, name) for name in TEXTS}
    return {"title": fields.title, "texts": json.dumps(texts, ensure_ascii=False, sort_keys=True)}


def _plain(contest: Contest) -> dict[str, Any]:
    """The editable values as JSON takes them."""
    values = editable(contest)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
