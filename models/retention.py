"""How long personal data is kept: the rules of each contest, when they fall due, and what was erased when.

Nothing of a contest falls due before its results are final, unless an admin has said so with a reason. The contact in a
claim does: it falls due some days after the answer, as voters are promised.
"""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKey,
    Integer,
    Table,
    Text,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from models.audit import Actor, record
from models.contest import Contest
from models.database import metadata

LONGEST_DAYS = 3650

retention_rules = Table(
    "retention_rules",
    metadata,
    Column("contest_id", Integer, ForeignKey("contests.id"), primary_key=True, autoincrement=False),
    Column("evidence_days", Integer, nullable=False, comment="network evidence, after the end of voting"),
    Column("personal_days", Integer, nullable=False, comment="everything else that is personal, after the same"),
    Column("contact_days", Integer, nullable=False, comment="contact in a claim, after the answer"),
    Column("early_reason", Text, nullable=False, server_default="", comment="why not to wait for final results"),
    Column("version", Integer, nullable=False, server_default="1", comment="rises with every change"),
    CheckConstraint(
        f"evidence_days BETWEEN 1 AND {LONGEST_DAYS} AND personal_days BETWEEN 1 AND {LONGEST_DAYS}"
        f" AND contact_days BETWEEN 0 AND {LONGEST_DAYS}",
        name="days",
    ),
)

erasures = Table(
    "erasures",
    metadata,
    Column("day", Date, primary_key=True, comment="by the clock of Viet Nam"),
    Column("contest_id", Integer, primary_key=True, autoincrement=False, comment="0: of no contest"),
    Column("what", Text, primary_key=True),
    Column("rows", BigInteger, nullable=False, comment="that were erased, by batches that were committed"),
    Column("told", BigInteger, nullable=False, server_default="0", comment="of these, those in the audit log"),
)


@dataclass(frozen=True)
class Rules:
    """Days; `early_reason` is not empty where erasing need not wait for final results. `version` 0: nobody set any."""

    evidence_days: int = 90
    personal_days: int = 180
    contact_days: int = 7
    early_reason: str = ""
    version: int = 0


class Dues(NamedTuple):
    """When a contest's data falls due by the calendar, and whether it may be erased then."""

    evidence_at: datetime
    personal_at: datetime
    allowed: bool

    def evidence(self, now: datetime) -> bool:
        return self.allowed and now >= self.evidence_at

    def personal(self, now: datetime) -> bool:
        return self.allowed and now >= self.personal_at


def read_rules(connection: Connection, contest_id: int) -> Rules:
    """The contest's rules, or those that hold until somebody sets any."""
    columns = [retention_rules.c[name] for name in Rules.__dataclass_fields__]
    row = connection.execute(select(*columns).where(retention_rules.c.contest_id == contest_id)).first()
    return Rules(*row) if row else Rules()


def write_rules(connection: Connection, contest_id: int, rules: Rules) -> bool:
    """Sets the rules, if `rules.version` is the one that stands. Returns whether it was."""
    values = asdict(rules) | {"contest_id": contest_id, "version": rules.version + 1}
    query = insert(retention_rules).values(values)
    changed = query.on_conflict_do_update(
        index_elements=["contest_id"], set_=values, where=retention_rules.c.version == rules.version
    )
    return connection.execute(changed.returning(retention_rules.c.contest_id)).first() is not None


def dues(contest: Contest, rules: Rules) -> Dues:
    """Counted from the end of voting."""
    return Dues(
        contest.closes_at + timedelta(days=rules.evidence_days),
        contest.closes_at + timedelta(days=rules.personal_days),
        contest.state == "final" or bool(rules.early_reason),
    )


@dataclass(frozen=True)
class Erasure:
    """What was erased of one kind on one day."""

    day: date
    contest_id: int
    what: str
    rows: int


def note_erasure(connection: Connection, day: date, contest_id: int, what: str, rows: int) -> None:
    """Counts rows in the transaction that erases them."""
    if not rows:
        return
    query = insert(erasures).values(day=day, contest_id=contest_id, what=what, rows=rows)
    more = {"rows": erasures.c.rows + rows}
    connection.execute(query.on_conflict_do_update(index_elements=["day", "contest_id", "what"], set_=more))


def tell_erasures(connection: Connection, actor: Actor, contest_id: int, why: str = "") -> dict[str, int]:
    """Writes what was erased and not told yet into the audit log, what a dead run left too. Returns what → rows."""
    rows = connection.execute(
        text(
            "WITH untold AS (SELECT day, contest_id, what, rows - told AS rows FROM erasures"
            " WHERE contest_id = :contest_id AND told < rows FOR UPDATE)"
            " UPDATE erasures e SET told = told + untold.rows FROM untold"
            " WHERE (e.day, e.contest_id, e.what) = (untold.day, untold.contest_id, untold.what)"
            " RETURNING e.what, untold.rows"
        ),
        {"contest_id": contest_id},
    ).all()
    found: dict[str, int] = {}
    for what, number in rows:
        found[what] = found.get(what, 0) + number
    if found:
        subject = f"contest:{contest_id}" if contest_id else ""
        record(connection, actor, "retention.erase", subject, contest_id=contest_id or None, after=found, why=why)
    return found


def read_erasures(connection: Connection, contest_id: int, *, limit: int = 100) -> list[Erasure]:
    """Latest first; those of no contest too."""
    query = (
        select(erasures.c.day, erasures.c.contest_id, erasures.c.what, erasures.c.rows)
        .where(erasures.c.contest_id.in_((0, contest_id)))
        .order_by(erasures.c.day.desc(), erasures.c.contest_id, erasures.c.what)
    )
    return [Erasure(*row) for row in connection.execute(query.limit(limit))]
