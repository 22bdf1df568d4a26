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
from models.entry import WHAT_IS_VOTED_FOR, Entry, entries_of
from models.entry_bulk import add_entries, change_entries
from models.entry_sheet import Category, EntrySheet, Line, RowFault, read_entries
from models.sheet import Sheet
from models.tally import contest_tallies

CHUNK = 200
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
    votes = contest_tallies(connection, contest_id)
    for line in found.lines:
        fault = _refused(line, there.get(line.fields.slug), votes, final=final)
        if fault:
            found.faults.append(fault)
    added = sum(line.fields.slug not in there for line in found.lines)
    if len(there) + added > MAX_ENTRIES:
        found.faults.append(RowFault(0, "", "too_many_entries", {"most": MAX_ENTRIES}))
    return found


def _refused(line: Line, entry: Entry | None, votes: dict[int, int], *, final: bool) -> RowFault | None:
    if line.state == "draft" and entry is not None and entry.state != "draft":
        return RowFault(line.row, "state", "no_draft_again")
    if final and (entry is None or _state(line, entry) != entry.state or line.fields.category != entry.category):
        return RowFault(line.row, "", "final_contest")
    if entry is not None and votes.get(entry.id):
        changed = _values(line, entry)
        return next((RowFault(line.row, name, "voted_for") for name in WHAT_IS_VOTED_FOR if name in changed), None)
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
    `told(done)` is called now and then. Returns how many are new, changed, unchanged. They are lines that `read_for`
    found no fault with in this transaction.

    Errors: ImportChangedError (nothing may be committed then).
    """
    contest_by_id(connection, contest_id, lock=True)
    there = {entry.slug: entry for entry in entries_of(connection, contest_id)}
    versions = {slug: entry.version for slug, entry in there.items()}
    others = [line.fields.title for line in lines if versions.get(line.fields.slug, 0) != seen.get(line.fields.slug)]
    if others:
        raise ImportChangedError(others)
    counts = dict.fromkeys(("new", "changed", "unchanged"), 0)
    ids = {one.slug: one.id for one in categories_of(connection, contest_id)}
    for begin in range(0, len(lines), CHUNK):
        told(begin)
        chunk = lines[begin : begin + CHUNK]
        known = [(there[line.fields.slug], line) for line in chunk if line.fields.slug in there]
        changed = [(entry, values) for entry, line in known if (values := _values(line, entry))]
        added = [(line.fields, line.state or "draft") for line in chunk if line.fields.slug not in there]
        add_entries(connection, contest_id, added, ids, actor, why)
        change_entries(connection, contest_id, changed, ids, actor, why)
        counts["new"] += len(added)
        counts["changed"] += len(changed)
        counts["unchanged"] += len(known) - len(changed)
    return counts
