"""Many entries at once, in few statements: an import of 2,000 may not keep the contest's row from a decision for long.

Same rules and same lines of the audit log as in `models/entry.py`. The caller has locked the contest's row, and has
seen to it that slugs are free and categories exist.
"""

from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from models.audit import Actor, Change, record_each
from models.contest import entries, raise_version
from models.entry import FIELDS, Entry
from models.entry_fields import EntryFields

_COLUMNS = (*(name for name in FIELDS if name not in {"slug", "category"}), "category_id", "state")


def add_entries(
    connection: Connection,
    contest_id: int,
    added: list[tuple[EntryFields, str]],
    category_ids: dict[str, int],
    actor: Actor,
    why: str,
) -> None:
    """New entries (fields, state), the last in order. `category_ids`: slug → id."""
    if not added:
        return
    query = select(func.coalesce(func.max(entries.c.position), -1)).where(entries.c.contest_id == contest_id)
    first = connection.execute(query).scalar_one() + 1
    rows = [
        fields.model_dump(exclude={"category"})
        | {"contest_id": contest_id, "category_id": category_ids[fields.category], "state": state, "position": position}
        for position, (fields, state) in enumerate(added, start=first)
    ]
    returning = insert(entries).returning(entries.c.id, sort_by_parameter_order=True)
    ids = list(connection.scalars(returning, rows))
    changes = [
        Change(f"entry:{entry_id}", None, fields.model_dump() | {"state": state})
        for entry_id, (fields, state) in zip(ids, added, strict=True)
    ]
    record_each(connection, actor, "entry.create", changes, contest_id, why)
    if any(state == "published" for _, state in added):
        raise_version(connection, contest_id)


def change_entries(
    connection: Connection,
    contest_id: int,
    changed: list[tuple[Entry, dict[str, str]]],
    category_ids: dict[str, int],
    actor: Actor,
    why: str,
) -> None:
    """Entries, each with the fields that become others and their new values (`category`: a slug; `state`)."""
    if not changed:
        return
    rows = []
    for entry, change in changed:
        wanted = entry.fields | {"state": entry.state} | change
        row: dict[str, Any] = {**wanted, "category_id": category_ids[wanted["category"]]}
        rows.append({"known_id": entry.id, **{name: row[name] for name in _COLUMNS}})
    values: dict[str, Any] = {name: bindparam(name) for name in _COLUMNS} | {"version": entries.c.version + 1}
    connection.execute(update(entries).where(entries.c.id == bindparam("known_id")).values(values), rows)
    changes = [
        Change(
            f"entry:{entry.id}",
            {name: getattr(entry, name) for name in change},
            change | {"version": entry.version + 1},
        )
        for entry, change in changed
    ]
    record_each(connection, actor, "entry.import", changes, contest_id, why)
    if any("published" in {entry.state, change.get("state")} for entry, change in changed):
        raise_version(connection, contest_id)
