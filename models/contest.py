"""Contests, categories, entries and blocked accounts in the ledger."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
    text,
    update,
)

from models import audit
from models.audit import SYSTEM
from models.contest_switches import Switches
from models.database import metadata

STATES = ("open", "paused", "closed", "final")
RESULT_POLICIES = ("live", "hidden", "published")

contests = Table(
    "contests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("texts", Text, nullable=False, comment="JSON: the other texts that pages show"),
    Column("opens_at", DateTime(timezone=True), nullable=False),
    Column("closes_at", DateTime(timezone=True), nullable=False, comment="the first moment that is too late"),
    Column("state", Text, nullable=False, server_default="open"),
    Column("result_policy", Text, nullable=False, server_default="live"),
    Column("minted_sessions", Boolean, nullable=False, server_default="false"),
    Column("version", BigInteger, nullable=False, server_default="1", comment="rises with every decision"),
    Column("stops_seen", BigInteger, nullable=False, server_default="0", comment="stops on the box alone, taken over"),
    Column("shards", SmallInteger, nullable=False, server_default="1"),
    Column("epoch", BigInteger, nullable=False, server_default="0", comment="0: never opened"),
    Column("key_fingerprint", Text, nullable=False),
    Column("sessions_from", DateTime(timezone=True), nullable=False, server_default="epoch"),
    Column("draft", Boolean, nullable=False, server_default="false", comment="being prepared: not in the box"),
    Column("switches", Text, nullable=False, server_default="{}", comment="JSON: models.contest_switches.Switches"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint(f"state IN {STATES}", name="state"),
    CheckConstraint(f"result_policy IN {RESULT_POLICIES}", name="result_policy"),
    CheckConstraint("opens_at < closes_at", name="window"),
    CheckConstraint("shards BETWEEN 1 AND 64", name="shards"),
)

categories = Table(
    "categories",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("contest_id", Integer, ForeignKey("contests.id"), nullable=False),
    Column("slug", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("title_en", Text, nullable=False, server_default=""),
    Column("position", Integer, nullable=False),
    UniqueConstraint("contest_id", "slug"),
)

entries = Table(
    "entries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("contest_id", Integer, ForeignKey("contests.id"), nullable=False),
    Column("slug", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("category_id", Integer, ForeignKey("categories.id"), nullable=False),
    Column("author", Text, nullable=False, server_default=""),
    Column("unit", Text, nullable=False, server_default=""),
    Column("summary", Text, nullable=False, server_default=""),
    Column("text", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False, server_default="published"),
    Column("version", Integer, nullable=False, server_default="1", comment="rises with every change of the entry"),
    Column("position", Integer, nullable=False),
    Column("title_en", Text, nullable=False, server_default=""),
    Column("summary_en", Text, nullable=False, server_default=""),
    Column("text_en", Text, nullable=False, server_default=""),
    Column("video", Text, nullable=False, server_default=""),
    Column(
        "pictures",
        Text,
        nullable=False,
        server_default="[]",
        comment="JSON: [{alt, alt_en, sizes: [{width, height, address}]}]",
    ),
    Column(
        "attachments",
        Text,
        nullable=False,
        server_default="[]",
        comment="JSON: [{title, title_en, address, bytes}]",
    ),
    UniqueConstraint("contest_id", "slug"),
    CheckConstraint("state IN ('draft', 'published', 'withdrawn')", name="state"),
)

blocked_accounts = Table(
    "blocked_accounts",
    metadata,
    Column("contest_id", Integer, ForeignKey("contests.id"), primary_key=True),
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("blocked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)


class UnknownContestError(Exception):
    """No such contest in the ledger."""


@dataclass(frozen=True)
class Contest:
    """A contest's row. Times are datetimes in UTC."""

    id: int
    slug: str
    title: str
    texts: dict[str, str]
    opens_at: datetime
    closes_at: datetime
    state: str
    result_policy: str
    minted_sessions: bool
    version: int
    stops_seen: int
    shards: int
    epoch: int
    key_fingerprint: str
    sessions_from: datetime
    draft: bool = False
    switches: Switches = field(default_factory=Switches)

    @property
    def is_over(self) -> bool:
        """Whether voting has ended, which nothing takes back."""
        return self.state in {"closed", "final"}


_COLUMNS = [contests.c[name] for name in Contest.__dataclass_fields__]


def _contest(row: Any) -> Contest:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    read = {"texts": json.loads(values["texts"]), "switches": Switches.model_validate_json(values["switches"])}
    return Contest(**(values | read))


def all_contests(connection: Connection) -> list[Contest]:
    """Every contest, newest first."""
    return [_contest(row) for row in connection.execute(select(*_COLUMNS).order_by(contests.c.id.desc()))]


def find_contest(connection: Connection, slug: str | None) -> Contest:
    """The contest `slug`, or the newest that is no draft. Errors: UnknownContestError."""
    query = select(*_COLUMNS).order_by(contests.c.id.desc()).limit(1)
    wanted = contests.c.slug == slug if slug else contests.c.draft.is_(False)
    row = connection.execute(query.where(wanted)).first()
    if row is None:
        raise UnknownContestError(f"no contest {slug!r} in the ledger" if slug else "no contest in the ledger")
    return _contest(row)


def contest_by_id(connection: Connection, contest_id: int, *, lock: bool = False) -> Contest:
    """Errors: UnknownContestError."""
    query = select(*_COLUMNS).where(contests.c.id == contest_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise UnknownContestError(f"no contest with id {contest_id} in the ledger")
    return _contest(row)


def decide_state(connection: Connection, contest_id: int, state: str) -> None:
    """Writes a state into the ledger with a rising version; the ticker brings it to the box."""
    values = {"state": state, "version": contests.c.version + 1}
    connection.execute(update(contests).where(contests.c.id == contest_id).values(values))


def raise_version(connection: Connection, contest_id: int) -> None:
    """Something was decided that the box or the voters' pages must learn: the ticker brings it, or who decided."""
    connection.execute(update(contests).where(contests.c.id == contest_id).values(version=contests.c.version + 1))


def take_over_stops(connection: Connection, contest_id: int, stops: int) -> Contest:
    """Writes down that voting was stopped on the box alone, if the ledger has seen fewer than `stops` of them. Who did
    it writes a line of their own into the audit log (`models/decisions.py: pause`), where they can.

    Returns the contest as it then stands, its row locked.
    """
    contest = contest_by_id(connection, contest_id, lock=True)
    if stops <= contest.stops_seen:
        return contest
    connection.execute(update(contests).where(contests.c.id == contest_id).values(stops_seen=stops))
    state = "paused" if contest.state == "open" else contest.state
    decide_state(connection, contest_id, state)
    before, after = {"state": contest.state}, {"state": state}
    audit.record(
        connection, SYSTEM, "box.stop", f"contest:{contest_id}", contest_id=contest_id, before=before, after=after
    )
    return contest_by_id(connection, contest_id)


def set_epoch(connection: Connection, contest_id: int, epoch: int) -> None:
    connection.execute(update(contests).where(contests.c.id == contest_id).values(epoch=epoch))


def votable_entries(connection: Connection, contest_id: int) -> list[int]:
    query = select(entries.c.id).where(entries.c.contest_id == contest_id, entries.c.state == "published")
    return list(connection.scalars(query.order_by(entries.c.id)))


def never_reuse_entry_ids(connection: Connection, greatest: int) -> None:
    """Moves the sequence past an id that a vote names: in a ledger restored from a backup it stands behind."""
    connection.execute(
        text("SELECT setval('entries_id_seq', :greatest) FROM entries_id_seq WHERE last_value < :greatest"),
        {"greatest": greatest},
    )


def blocked(connection: Connection, contest_id: int) -> list[int]:
    query = select(blocked_accounts.c.account_id).where(blocked_accounts.c.contest_id == contest_id)
    return list(connection.scalars(query))
