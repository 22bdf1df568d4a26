"""Drafts that are taken away for good: entries that were never published, contests that were never in the box.

Nobody but operators has seen them and no vote names them; what they said stays in the audit log. Ids are not given
again: both come from sequences.
"""

from typing import Literal

from sqlalchemy import Connection, Table, delete, func, select

from models import audit
from models.audit import Actor
from models.contest import blocked_accounts, categories, contest_by_id, contests, entries
from models.contest_editing import editable
from models.entry import Entry, EntryChangedError, find_entry
from models.retention import retention_rules
from models.tally import tallies
from models.task import tasks

Refusal = Literal["published", "busy"]
"""Why a draft stays: voters have seen it, or a task works on it."""


class DeletionRefusedError(Exception):
    """The draft stays. `code`: see `Refusal`."""

    def __init__(self, code: Refusal) -> None:
        super().__init__(code)
        self.code = code


def delete_entry(connection: Connection, entry_id: int, seen_version: int, actor: Actor) -> Entry:
    """Takes away the draft that an editor saw as `seen_version`; returns it. Its pictures stay in the media folder,
    where others may have the same.

    Errors: UnknownEntryError, EntryChangedError, DeletionRefusedError.
    """
    contest_by_id(connection, find_entry(connection, entry_id).contest_id, lock=True)
    entry = find_entry(connection, entry_id, lock=True)
    own = (tallies.c.contest_id == entry.contest_id, tallies.c.entry_id == entry_id)
    if entry.state != "draft" or connection.execute(select(tallies.c.votes).where(*own)).first():
        raise DeletionRefusedError("published")
    if entry.version != seen_version:
        raise EntryChangedError(entry)
    connection.execute(delete(entries).where(entries.c.id == entry_id))
    subject = f"entry:{entry_id}"
    audit.record(connection, actor, "entry.delete", subject, contest_id=entry.contest_id, before=entry.fields)
    return entry


def delete_contest(connection: Connection, contest_id: int, actor: Actor) -> None:
    """Takes away a draft with its categories and entries. Errors: UnknownContestError, DeletionRefusedError."""
    contest = contest_by_id(connection, contest_id, lock=True)
    if not contest.draft or contest.epoch or _number(connection, tallies, contest_id):
        raise DeletionRefusedError("published")
    busy = select(func.count()).where(tasks.c.contest_id == contest_id, tasks.c.state.in_(("waiting", "running")))
    if connection.scalar(busy):
        raise DeletionRefusedError("busy")
    before = {name: str(value) for name, value in editable(contest).items() if value}
    before |= {"slug": contest.slug}
    before |= {table.name: str(_number(connection, table, contest_id)) for table in (categories, entries)}
    for table in (entries, categories, blocked_accounts, retention_rules):
        connection.execute(delete(table).where(table.c.contest_id == contest_id))
    connection.execute(delete(contests).where(contests.c.id == contest_id))
    audit.record(connection, actor, "contest.delete", f"contest:{contest_id}", contest_id=contest_id, before=before)


def _number(connection: Connection, table: Table, contest_id: int) -> int:
    query = select(func.count()).select_from(table).where(table.c.contest_id == contest_id)
    return int(connection.scalar(query) or 0)
