"""Tasks: long work that an operator asked for, as a row in the ledger. RQ only nudges: a task that no worker has, or
whose worker has gone, is nudged again by the ticker, so what runs a task must bear being run again from its beginning.

    waiting ─▶ running ─▶ done | failed | cancelled
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Identity,
    Integer,
    Table,
    Text,
    func,
    insert,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from models.audit import Actor
from models.database import metadata

STATES = ("waiting", "running", "done", "failed", "cancelled")
STALE_S = 60
"""A running task that has not been heard of for so long has lost its worker."""

tasks = Table(
    "tasks",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("contest_id", Integer, comment="none: it concerns no one contest"),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False, server_default="{}"),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("total", BigInteger, comment="none: not known yet"),
    Column("result", JSONB),
    Column("problem", Text, nullable=False, server_default="", comment="why it failed, for people"),
    Column("cancel_asked", Boolean, nullable=False, server_default="false"),
    Column("operator_id", Integer),
    Column("operator", Text, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("heard_at", DateTime(timezone=True), comment="of the worker that has it"),
    Column("ended_at", DateTime(timezone=True)),
    Column("runs", Integer, nullable=False, server_default="0", comment="how often a worker took it"),
    CheckConstraint(f"state IN {STATES}", name="state"),
)


@dataclass(frozen=True)
class Task:
    """A task's row."""

    id: int
    contest_id: int | None
    kind: str
    payload: dict[str, Any]
    state: str
    done: int
    total: int | None
    result: dict[str, Any] | None
    problem: str
    cancel_asked: bool
    operator_id: int | None
    operator: str
    asked_at: datetime
    ended_at: datetime | None
    runs: int

    @property
    def ended(self) -> bool:
        return self.state in {"done", "failed", "cancelled"}

    @property
    def actor(self) -> Actor:
        """Who asked for it."""
        return Actor(self.operator, self.operator_id)


_COLUMNS = [tasks.c[name] for name in Task.__dataclass_fields__]


def _task(row: Any) -> Task:
    return Task(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def ask(
    connection: Connection, kind: str, payload: dict[str, Any], actor: Actor, *, contest_id: int | None = None
) -> int:
    """Writes down a task. Returns its id; nudge a worker after the commit (`models/jobs.py`: RUN_TASK)."""
    values = {
        "kind": kind,
        "payload": payload,
        "operator_id": actor.operator_id,
        "operator": actor.name,
        "contest_id": contest_id,
    }
    task_id: int = connection.execute(insert(tasks).values(values).returning(tasks.c.id)).scalar_one()
    return task_id


def rising_number(connection: Connection) -> int:
    """A number greater than every one given before, whatever becomes of the transaction. Tasks' ids are of them too."""
    return int(connection.scalar(text("SELECT nextval(pg_get_serial_sequence('tasks', 'id'))")) or 0)


def find_task(connection: Connection, task_id: int) -> Task | None:
    row = connection.execute(select(*_COLUMNS).where(tasks.c.id == task_id)).first()
    return _task(row) if row else None


def tasks_of(
    connection: Connection, kind: str, contest_id: int | None = None, *, limit: int = 20, results: bool = True
) -> list[Task]:
    """The latest tasks of a kind, newest first. For a list without `results`: one may have megabytes."""
    columns = [column if results or column is not tasks.c.result else null().label("result") for column in _COLUMNS]
    query = select(*columns).where(tasks.c.kind == kind).order_by(tasks.c.id.desc()).limit(limit)
    rows = connection.execute(query if contest_id is None else query.where(tasks.c.contest_id == contest_id))
    return [_task(row) for row in rows]


def due(connection: Connection) -> list[int]:
    """Ids of the tasks that a worker should take, oldest first: waiting ones, and those whose worker has gone."""
    stale = text(f"state = 'running' AND heard_at < now() - interval '{STALE_S} s'")
    query = select(tasks.c.id).where((tasks.c.state == "waiting") | stale).order_by(tasks.c.id)
    return list(connection.scalars(query))


def take(connection: Connection, task_id: int) -> Task | None:
    """Takes a due task for this worker; None for one that is not due or that another takes at this moment."""
    due_row = text(
        f"id = :id AND (state = 'waiting' OR state = 'running' AND heard_at < now() - interval '{STALE_S} s')"
    ).bindparams(id=task_id)
    query = select(tasks.c.id).where(due_row).with_for_update(skip_locked=True)
    if connection.execute(query).first() is None:
        return None
    row = connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id)
        .values(state="running", heard_at=func.now(), runs=tasks.c.runs + 1, done=0, total=None)
        .returning(*_COLUMNS)
    ).one()
    return _task(row)


def heard(connection: Connection, task_id: int, runs: int, done: int, total: int | None) -> bool:
    """Notes how far the worker of the run `runs` is. Returns whether it should go on: not cancelled, not taken over."""
    row = connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id, tasks.c.runs == runs, tasks.c.state == "running")
        .values(heard_at=func.now(), done=done, total=total)
        .returning(tasks.c.cancel_asked)
    ).first()
    return row is not None and not row.cancel_asked


def end(
    connection: Connection,
    task_id: int,
    runs: int,
    state: str,
    *,
    result: dict[str, Any] | None = None,
    problem: str = "",
) -> None:
    """The run `runs` of a task has ended: `done`, `failed` or `cancelled`. Says nothing where another run has it."""
    connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id, tasks.c.runs == runs, tasks.c.state == "running")
        .values(state=state, result=result, problem=problem, ended_at=func.now())
    )


def put_back(connection: Connection, task_id: int, runs: int) -> None:
    """The run `runs` could not go on: the task waits for the next nudge."""
    connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id, tasks.c.runs == runs, tasks.c.state == "running")
        .values(state="waiting", heard_at=None)
    )


def cancel(connection: Connection, task_id: int) -> bool:
    """Asks a task to stop; one that no worker has yet ends at once. Returns False for one that has ended."""
    result = connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id, tasks.c.state.in_(("waiting", "running")))
        .values(
            cancel_asked=True,
            state=text("CASE WHEN state = 'waiting' THEN 'cancelled' ELSE state END"),
            ended_at=text("CASE WHEN state = 'waiting' THEN now() END"),
        )
    )
    return result.rowcount == 1


def ask_to_stop(connection: Connection, task_id: int) -> bool:
    """As `cancel`, but for a task that must put its work in order before it ends: a waiting one too is run once more,
    and meets Cancelled at its first look.
    """
    result = connection.execute(
        update(tasks).where(tasks.c.id == task_id, tasks.c.state.in_(("waiting", "running"))).values(cancel_asked=True)
    )
    return result.rowcount == 1
