"""What a sheet of entries would change in a contest, and changing it: everything or nothing, in one transaction.

Entries are known by the last part of their address (the slug). None is ever withdrawn by a sheet, and one that it does
not name stays as it is.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection

from models.audit import Actor
from models.category import categories_of
from models.contest import contest_by_id
from models.contest_file import MAX_ENTRIES
from models.entry import Entry, EntryRefusedError, alter_entry, create_entry, entries_of
from models.entry_sheet import Category, EntrySheet, Line, RowFault, read_entries
from models.sheet import Sheet

SHOWN = 120  # characters of a value, before and after


@dataclass
class Planned:
    """What a row would do: `new`, `changed` or `unchanged`. `version`: of the entry as it was found, 0 for a new one.
    `changes`: field → [before, after], shortened.
    """

    row: int
    slug: str
    title: str
    action: str
    version: int
    state: str
    changes: dict[str, list[str]] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


class ImportChangedError(Exception):
    """The contest is not what it was when the sheet was checked. `titles`: of the entries that are others now."""

    def __init__(self, titles: list[str]) -> None:
        super().__init__(", ".join(titles))
        self.titles = titles


def read_for(connection: Connection, contest_id: int, sheet: Sheet) -> EntrySheet:
    """The entries of a sheet, with what is wrong with them for this contest."""
    known = [Category(one.slug, one.title) for one in categories_of(connection, contest_id)]
    found = read_entries(sheet, known)
    there = {entry.slug: entry for entry in entries_of(connection, contest_id)}
    final = contest_by_id(connection, contest_id).state == "final"
    for line in found.lines:
        fault = _refused(line, there.get(line.fields.slug), final=final)
        if fault:
            found.faults.append(fault)
    added = sum(line.fields.slug not in there for line in found.lines)
    if len(there) + added > MAX_ENTRIES:
        found.faults.append(RowFault(0, "", "too_many_entries", {"most": MAX_ENTRIES}))
    return found


def _refused(line: Line, entry: Entry | None, *, final: bool) -> RowFault | None:
    if line.state == "draft" and entry is not None and entry.state != "draft":
        return RowFault(line.row, "state", "no_draft_again")
    if final and (entry is None or _state(line, entry) != entry.state or line.fields.category != entry.category):
        return RowFault(line.row, "", "final_contest")
    return None


def plan(connection: Connection, contest_id: int, lines: list[Line]) -> list[Planned]:
    """What each row would do, without doing it."""
    there = {entry.slug: entry for entry in entries_of(connection, contest_id)}
    return [_planned(line, there.get(line.fields.slug)) for line in lines]


def _planned(line: Line, entry: Entry | None) -> Planned:
    row, slug, title = line.row, line.fields.slug, line.fields.title
    if entry is None:
        return Planned(row, slug, title, "new", 0, line.state or "draft")
    changes = {
        name: [_short(str(getattr(entry, name))), _short(str(value))] for name, value in _values(line, entry).items()
    }
    return Planned(row, slug, title, "changed" if changes else "unchanged", entry.version, _state(line, entry), changes)


def _values(line: Line, entry: Entry) -> dict[str, str]:
    """The fields of an entry that the row changes, and their new values."""
    wanted = {name: value for name, value in line.fields.model_dump().items() if name in line.columns}
    wanted["state"] = _state(line, entry)
    return {name: value for name, value in wanted.items() if name != "slug" and getattr(entry, name) != value}


def _state(line: Line, entry: Entry) -> str:
    return "published" if line.state == "published" else entry.state


def _short(value: str) -> str:
    return value if len(value) <= SHOWN else value[: SHOWN - 1] + "…"


def import_lines(
    connection: Connection,
    contest_id: int,
    lines: list[Line],
    seen: dict[str, int],
    actor: Actor,
    *,
    why: str,
    told: Callable[[int], None],
) -> dict[str, int]:
    """Writes every row, in the transaction of `connection`. `seen`: slug → version, as the check found them.
    `told(done)` is called for each row. Returns how many are new, changed, unchanged.

    Errors: ImportChangedError and EntryRefusedError (nothing may be committed then).
    """
    contest_by_id(connection, contest_id, lock=True)
    there = {entry.slug: entry for entry in entries_of(connection, contest_id)}
    versions = {slug: entry.version for slug, entry in there.items()}
    others = [line.fields.title for line in lines if versions.get(line.fields.slug, 0) != seen.get(line.fields.slug)]
    if others:
        raise ImportChangedError(others)
    counts = dict.fromkeys(("new", "changed", "unchanged"), 0)
    ids = {one.slug: one.id for one in categories_of(connection, contest_id)}
    for done, line in enumerate(lines):
        told(done)
        counts[_import(connection, contest_id, line, there.get(line.fields.slug), ids, actor, why)] += 1
    return counts


def _import(
    connection: Connection,
    contest_id: int,
    line: Line,
    entry: Entry | None,
    ids: dict[str, int],
    actor: Actor,
    why: str,
) -> str:
    """Returns what was done. Errors: EntryRefusedError."""
    if entry is None:
        create_entry(connection, contest_id, line.fields, actor, state=line.state or "draft")
        return "new"
    values: dict[str, Any] = _values(line, entry)
    if not values:
        return "unchanged"
    if "category" in values:
        slug = values.pop("category")
        if slug not in ids:
            raise EntryRefusedError("unknown_category", "category")
        values["category_id"] = ids[slug]
    alter_entry(connection, entry, values, actor, "entry.import", why=why)
    return "changed"
