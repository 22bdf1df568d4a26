"""Entries as operators work on them: draft → published → withdrawn (→ published again); each change is a version.

Every change takes the contest's row first and the entry's after it, writes its line of the audit log in the same
transaction, and raises the contest's version where voters can see it. The table is in `models/contest.py`.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from models import audit
from models.audit import Actor
from models.contest import categories, contest_by_id, entries, raise_version
from models.contest_file import MAX_ENTRIES
from models.entry_fields import LONGEST_SLUG, EntryFields
from models.tally import contest_tallies

FIELDS = tuple(EntryFields.model_fields)
WHAT_IS_VOTED_FOR = ("title", "author", "category")
"""Once an entry has votes these tell what they were given for: changing them is an admin's alone, on its own page."""


class UnknownEntryError(Exception):
    """No such entry in the ledger."""


class EntryChangedError(Exception):
    """Somebody else changed the entry since this editor saw it; `entry` is how it stands now."""

    def __init__(self, entry: "Entry") -> None:
        super().__init__(f"entry {entry.id} has version {entry.version}")
        self.entry = entry


class EntryRefusedError(Exception):
    """The change may not be made. `code`: `slug_taken`, `slug_fixed` (it has been published), `unknown_category`,
    `too_many` entries, `final` (the results stand), `state` (no way from this state to that one), `voted_for` (it has
    votes, and says by this field what they are for: an admin's to change).
    """

    def __init__(self, code: str, field: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.field = field


@dataclass(frozen=True)
class Entry:
    """An entry's row. `category`: the slug of its category; `pictures`, `attachments`: as in the published document."""

    id: int
    contest_id: int
    slug: str
    title: str
    category: str
    author: str
    unit: str
    summary: str
    text: str
    title_en: str
    summary_en: str
    text_en: str
    video: str
    pictures: list[dict[str, Any]]
    attachments: list[dict[str, Any]]
    state: str
    version: int
    position: int

    @property
    def fields(self) -> dict[str, str]:
        """What an editor sees: the values of `EntryFields`."""
        return {name: getattr(self, name) for name in FIELDS}


_ROWS = select(
    *(entries.c[name] for name in Entry.__dataclass_fields__ if name != "category"),
    categories.c.slug.label("category"),
).join(categories, categories.c.id == entries.c.category_id)


def _entry(row: Any) -> Entry:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Entry(**(values | {name: json.loads(values[name]) for name in ("pictures", "attachments")}))


def entries_of(connection: Connection, contest_id: int) -> list[Entry]:
    """All of them, in the organisers' order."""
    query = _ROWS.where(entries.c.contest_id == contest_id).order_by(entries.c.position, entries.c.id)
    return [_entry(row) for row in connection.execute(query)]


def find_entry(connection: Connection, entry_id: int, *, lock: bool = False) -> Entry:
    """Errors: UnknownEntryError."""
    query = _ROWS.where(entries.c.id == entry_id)
    row = connection.execute(query.with_for_update(of=entries) if lock else query).first()
    if row is None:
        raise UnknownEntryError(f"no entry with id {entry_id}")
    return _entry(row)


def create_entry(
    connection: Connection, contest_id: int, fields: EntryFields, actor: Actor, *, state: str = "draft"
) -> int:
    """A new entry, the last in order: a draft, or published at once. Returns its id.

    Errors: EntryRefusedError, UnknownContestError.
    """
    contest = contest_by_id(connection, contest_id, lock=True)
    number, last = connection.execute(
        select(func.count(), func.coalesce(func.max(entries.c.position), -1)).where(entries.c.contest_id == contest_id)
    ).one()
    if number >= MAX_ENTRIES:
        raise EntryRefusedError("too_many")
    if contest.state == "final":
        raise EntryRefusedError("final")
    values = _values(connection, contest_id, fields)
    _refuse_taken_slug(connection, contest_id, fields.slug, None)
    row = values | {"contest_id": contest_id, "slug": fields.slug, "state": state, "position": last + 1}
    entry_id: int = connection.execute(insert(entries).values(row).returning(entries.c.id)).scalar_one()
    if state == "published":
        raise_version(connection, contest_id)
    after = fields.model_dump() | {"state": state}
    audit.record(connection, actor, "entry.create", f"entry:{entry_id}", contest_id=contest_id, after=after)
    return entry_id


def change_entry(
    connection: Connection,
    entry_id: int,
    seen_version: int,
    fields: EntryFields,
    actor: Actor,
    *,
    by_admin: bool = False,
    why: str = "",
) -> Entry:
    """Writes what an editor made of the entry that they saw as `seen_version`. Returns it as it then stands.

    `by_admin`: may also change what votes were given for.
    Errors: UnknownEntryError, EntryChangedError, EntryRefusedError.
    """
    entry = lock_entry(connection, entry_id, seen_version)
    contest = contest_by_id(connection, entry.contest_id)
    if fields.slug != entry.slug:
        if entry.state != "draft":
            raise EntryRefusedError("slug_fixed", "slug")
        _refuse_taken_slug(connection, entry.contest_id, fields.slug, entry.id)
    if fields.category != entry.category and contest.state == "final":
        raise EntryRefusedError("final", "category")
    changed = [name for name in WHAT_IS_VOTED_FOR if getattr(fields, name) != getattr(entry, name)]
    if changed and not by_admin and contest_tallies(connection, entry.contest_id).get(entry.id):
        raise EntryRefusedError("voted_for", changed[0])
    values = _values(connection, entry.contest_id, fields) | {"slug": fields.slug}
    return alter_entry(connection, entry, values, actor, "entry.change", why=why)


def change_entry_state(
    connection: Connection, entry_id: int, seen_version: int, state: str, actor: Actor, *, why: str = ""
) -> Entry:
    """Publishes an entry, or withdraws a published one; its votes stay in any case.

    Errors: UnknownEntryError, EntryChangedError, EntryRefusedError.
    """
    entry = lock_entry(connection, entry_id, seen_version)
    if (entry.state, state) not in {("draft", "published"), ("published", "withdrawn"), ("withdrawn", "published")}:
        raise EntryRefusedError("state")
    if contest_by_id(connection, entry.contest_id).state == "final":
        raise EntryRefusedError("final")
    action = "entry.publish" if state == "published" else "entry.withdraw"
    return alter_entry(connection, entry, {"state": state}, actor, action, why=why)


def lock_entry(connection: Connection, entry_id: int, seen_version: int) -> Entry:
    """The entry, its row and its contest's locked for a change. Errors: UnknownEntryError, EntryChangedError."""
    contest_by_id(connection, find_entry(connection, entry_id).contest_id, lock=True)
    entry = find_entry(connection, entry_id, lock=True)
    if entry.version != seen_version:
        raise EntryChangedError(entry)
    return entry


def alter_entry(
    connection: Connection, entry: Entry, values: dict[str, Any], actor: Actor, action: str, *, why: str = ""
) -> Entry:
    """Writes columns of an entry that `lock_entry` gave, with its line of the audit log (`action`); both versions rise.
    Values that are there already are no change. Lists (`pictures`, `attachments`) are written as JSON.
    """
    columns = {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
        for name, value in values.items()
    }
    before = connection.execute(select(*(entries.c[name] for name in columns)).where(entries.c.id == entry.id)).one()
    if tuple(before) == tuple(columns.values()):
        return entry
    connection.execute(update(entries).where(entries.c.id == entry.id).values(columns | {"version": entry.version + 1}))
    now = find_entry(connection, entry.id)
    if "published" in {entry.state, now.state}:
        raise_version(connection, entry.contest_id)
    before_after = audit.difference(asdict(replace(entry, version=now.version)), asdict(now))
    audit.record(
        connection,
        actor,
        action,
        f"entry:{entry.id}",
        contest_id=entry.contest_id,
        before=before_after[0],
        after=before_after[1],
        why=why,
    )
    return now


def move_entry(connection: Connection, entry_id: int, place: int, actor: Actor) -> None:
    """Moves an entry to `place` (from 1) in the organisers' order; the others close up. No version of an entry rises:
    who edits one at this moment is not disturbed.

    Errors: UnknownEntryError.
    """
    contest_id = find_entry(connection, entry_id).contest_id
    contest_by_id(connection, contest_id, lock=True)
    query = select(entries.c.id, entries.c.position).where(entries.c.contest_id == contest_id)
    before = dict(connection.execute(query.order_by(entries.c.position, entries.c.id)).all())
    order = list(before)
    was = order.index(entry_id) + 1
    order.remove(entry_id)
    order.insert(max(0, place - 1), entry_id)
    now = order.index(entry_id) + 1
    if now == was:
        return
    for position, one in enumerate(order):
        if before[one] != position:
            connection.execute(update(entries).where(entries.c.id == one).values(position=position))
    raise_version(connection, contest_id)
    audit.record(
        connection,
        actor,
        "entry.move",
        f"entry:{entry_id}",
        contest_id=contest_id,
        before={"place": was},
        after={"place": now},
    )


def free_slug(connection: Connection, contest_id: int, wanted: str) -> str:
    """`wanted`, or with the first number behind it that no entry of the contest has: `bai-2`."""
    taken = set(connection.scalars(select(entries.c.slug).where(entries.c.contest_id == contest_id)))
    if wanted not in taken:
        return wanted
    for number in range(2, MAX_ENTRIES + 2):
        ending = f"-{number}"
        slug = wanted[: LONGEST_SLUG - len(ending)].strip("-") + ending
        if slug not in taken:
            return slug
    raise EntryRefusedError("too_many")


def _values(connection: Connection, contest_id: int, fields: EntryFields) -> dict[str, Any]:
    """The columns of `fields`, but for the slug. Errors: EntryRefusedError."""
    query = select(categories.c.id).where(
        and_(categories.c.contest_id == contest_id, categories.c.slug == fields.category)
    )
    category_id = connection.execute(query).scalar()
    if category_id is None:
        raise EntryRefusedError("unknown_category", "category")
    return fields.model_dump(exclude={"slug", "category"}) | {"category_id": category_id}


def _refuse_taken_slug(connection: Connection, contest_id: int, slug: str, own: int | None) -> None:
    query = select(entries.c.id).where(entries.c.contest_id == contest_id, entries.c.slug == slug)
    if connection.execute(query).scalar() not in {None, own}:
        raise EntryRefusedError("slug_taken", "slug")
