"""Corrections: votes taken out of the count, or put back, as an object that one operator proposes and another approves.

    counting ─▶ proposed ─▶ approved ─▶ running ─▶ done | cancelled
             ├▶ refused  └▶ rejected
             └▶ rejected

While it is counted, the votes that it means are written down one by one (`models/correction_votes.py`): a correction is
about exactly these votes, and a vote that is cast later is not in it.

Proposing, approving and beginning take the contest's row, as the decision `final` does, which asks under it whether a
correction is under way (workers/close_out.py): so that none comes between that question and the freeze.
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
    Index,
    Integer,
    Table,
    Text,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from models.audit import Actor
from models.contest import contest_by_id
from models.database import metadata
from models.operator import Role

ACTIONS = ("void", "restore")
STATES = ("counting", "refused", "proposed", "rejected", "approved", "running", "done", "cancelled")
REASON_LENGTH = 200
"""Characters of a public reason: each vote's event in the log carries it."""

corrections = Table(
    "corrections",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("contest_id", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("criteria", JSONB, nullable=False, comment="models.correction_criteria.Criteria"),
    Column("undoes", BigInteger, comment="the correction whose votes, those that it changed, this one turns back"),
    Column("reason", Text, nullable=False, comment="public, Vietnamese; what receipts and the public log say"),
    Column("reason_en", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default="", comment="for operators only"),
    Column("state", Text, nullable=False, server_default="counting"),
    Column("numbers", JSONB, comment="of the dry run: models.correction_votes.Numbers"),
    Column("large", Boolean, nullable=False, server_default="false", comment="so many that it must be typed"),
    Column("problem", Text, nullable=False, server_default="", comment="why it was refused, for people"),
    Column("proposed_by", Integer, comment="operator"),
    Column("proposed_name", Text, nullable=False),
    Column("proposed_role", Text, nullable=False),
    Column("proposed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("decided_by", Integer, comment="operator"),
    Column("decided_name", Text, nullable=False, server_default=""),
    Column("decided_role", Text, nullable=False, server_default=""),
    Column("decided_at", DateTime(timezone=True)),
    Column("decision_note", Text, nullable=False, server_default=""),
    Column("task_id", BigInteger, comment="the latest: counts it, or does it"),
    Column("settled_at", DateTime(timezone=True), comment="when it was written down what had been so before"),
    Column("result", JSONB, comment="models.correction_votes.Result"),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint(f"action IN {ACTIONS}", name="action"),
    CheckConstraint(f"state IN {STATES}", name="state"),
    Index(None, "contest_id"),
)


class ContestFinalError(Exception):
    """The contest's result is final: nothing about its votes can be changed any more."""


@dataclass(frozen=True)
class Correction:
    """A correction's row."""

    id: int
    contest_id: int
    action: str
    criteria: dict[str, Any]
    undoes: int | None
    reason: str
    reason_en: str
    note: str
    state: str
    numbers: dict[str, Any] | None
    large: bool
    problem: str
    proposed_by: int | None
    proposed_name: str
    proposed_role: str
    proposed_at: datetime
    decided_by: int | None
    decided_name: str
    decided_role: str
    decided_at: datetime | None
    decision_note: str
    task_id: int | None
    settled_at: datetime | None
    result: dict[str, Any] | None
    ended_at: datetime | None

    @property
    def voids(self) -> bool:
        return self.action == "void"

    @property
    def ended(self) -> bool:
        return self.state in {"refused", "rejected", "done", "cancelled"}

    @property
    def undoable(self) -> bool:
        """Whether it changed votes that can be turned back."""
        return self.state in {"done", "cancelled"} and bool((self.result or {}).get("done"))


_COLUMNS = [corrections.c[name] for name in Correction.__dataclass_fields__]


def _correction(row: Any) -> Correction:
    return Correction(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


@dataclass(frozen=True)
class Proposal:
    """What a correction is made of."""

    action: str
    criteria: dict[str, Any]
    reason: str
    reason_en: str = ""
    note: str = ""
    undoes: int | None = None


def of_clusters(connection: Connection, contest_id: int) -> dict[int, str]:
    """Cluster → where the latest void that names it stands: `handed`, `dropped` (refused, rejected, or stopped before
    it changed a vote), `voided`, or `restored` where that void's votes were put back.
    """
    undo = corrections.alias()
    restored = exists().where(undo.c.undoes == corrections.c.id, undo.c.action == "restore", undo.c.state == "done")
    query = (
        select(*_COLUMNS, restored.label("restored"))
        .where(corrections.c.contest_id == contest_id, corrections.c.action == "void")
        .where(corrections.c.criteria.has_key("cluster"))
        .order_by(corrections.c.id)
    )
    found = {}
    for row in connection.execute(query):
        correction = Correction(**{name: getattr(row, name) for name in Correction.__dataclass_fields__})
        state = "voided" if correction.undoable else "dropped" if correction.ended else "handed"
        found[int(correction.criteria["cluster"])] = "restored" if row.restored else state
    return found


def propose(connection: Connection, contest_id: int, proposal: Proposal, actor: Actor, role: Role) -> int:
    """Writes a correction down, to be counted. Returns its id. Errors: ContestFinalError."""
    _hold_open(connection, contest_id)
    values = vars(proposal) | {
        "contest_id": contest_id,
        "proposed_by": actor.operator_id,
        "proposed_name": actor.name,
        "proposed_role": role.value,
    }
    made: int = connection.execute(insert(corrections).values(values).returning(corrections.c.id)).scalar_one()
    return made


def _hold_open(connection: Connection, contest_id: int) -> None:
    """Nobody makes the contest final before the transaction ends. Errors: ContestFinalError."""
    if contest_by_id(connection, contest_id, lock=True).state == "final":
        raise ContestFinalError


def find_correction(connection: Connection, correction_id: int, *, lock: bool = False) -> Correction | None:
    query = select(*_COLUMNS).where(corrections.c.id == correction_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return _correction(row) if row else None


def corrections_of(connection: Connection, contest_id: int, *, limit: int = 200) -> list[Correction]:
    """The latest corrections of a contest, newest first."""
    query = select(*_COLUMNS).where(corrections.c.contest_id == contest_id)
    return [_correction(row) for row in connection.execute(query.order_by(corrections.c.id.desc()).limit(limit))]


def undone_by(connection: Connection, correction_id: int) -> list[Correction]:
    """The corrections that turn this one back, oldest first."""
    query = select(*_COLUMNS).where(corrections.c.undoes == correction_id).order_by(corrections.c.id)
    return [_correction(row) for row in connection.execute(query)]


def move(connection: Connection, correction_id: int, before: str, after: str, **values: Any) -> bool:
    """Takes a correction from the state `before` to `after`, with `values`. False where it is not in `before`."""
    result = connection.execute(
        update(corrections)
        .where(corrections.c.id == correction_id, corrections.c.state == before)
        .values(state=after, **values)
    )
    return result.rowcount == 1


def begin(connection: Connection, correction: Correction) -> bool:
    """It works from now on, and what its votes were before is settled. Errors: ContestFinalError."""
    _hold_open(connection, correction.contest_id)
    return move(connection, correction.id, "approved", "running", settled_at=func.now())


def end(connection: Connection, correction: Correction, state: str, result: dict[str, Any], problem: str) -> bool:
    """It has ended as `done` or `cancelled`. False where it had ended before."""
    values = {"result": result, "problem": problem, "ended_at": func.now()}
    return not correction.ended and move(connection, correction.id, correction.state, state, **values)


def approve(connection: Connection, correction: Correction, actor: Actor, role: Role, *, note: str = "") -> bool:
    """What a second operator decided about a proposal. False where it is none any more. Errors: ContestFinalError."""
    _hold_open(connection, correction.contest_id)
    return _decide(connection, correction.id, "approved", actor, role, note)


def reject(connection: Connection, correction_id: int, actor: Actor, role: Role, *, note: str = "") -> bool:
    """One that is still counted too, whose dry run may have broken: it would bar the close-out for ever. False where it
    was decided before.
    """
    befores = ("proposed", "counting")
    return any(_decide(connection, correction_id, "rejected", actor, role, note, before=one) for one in befores)


def _decide(
    connection: Connection,
    correction_id: int,
    state: str,
    actor: Actor,
    role: Role,
    note: str,
    *,
    before: str = "proposed",
) -> bool:
    values = {
        "decided_by": actor.operator_id,
        "decided_name": actor.name,
        "decided_role": role.value,
        "decided_at": func.now(),
        "decision_note": note,
    }
    return move(connection, correction_id, before, state, **values)


def give_task(connection: Connection, correction_id: int, task_id: int) -> None:
    """Notes the task that counts the correction, or does it."""
    connection.execute(update(corrections).where(corrections.c.id == correction_id).values(task_id=task_id))


def whose_turn(connection: Connection, contest_id: int) -> int | None:
    """Which of the contest's approved corrections may work: one at a time, so that what a vote was before is known.
    One that has begun goes on; else the oldest.
    """
    query = (
        select(corrections.c.id)
        .where(corrections.c.contest_id == contest_id, corrections.c.state.in_(("approved", "running")))
        .order_by(corrections.c.settled_at.is_(None), corrections.c.id)
        .limit(1)
    )
    return connection.scalar(query)
