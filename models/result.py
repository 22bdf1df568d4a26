"""Results: what a close-out found, as the minutes say it, and whether it has been published. One row a contest, made
once: nothing of it changes afterwards but its publication.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, DateTime, ForeignKey, Integer, LargeBinary, Table, Text, func, select, text
from sqlalchemy.dialects.postgresql import insert

from models.contest import contests
from models.database import metadata
from models.times import milliseconds

results = Table(
    "results",
    metadata,
    Column("contest_id", Integer, ForeignKey("contests.id"), primary_key=True, autoincrement=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("minutes", Text, nullable=False, comment="canonical JSON: models/minutes.py"),
    Column("signature", LargeBinary, nullable=False, comment="Ed25519, of the minutes' bytes"),
    Column("pdf", LargeBinary, nullable=False),
    Column("published_at", DateTime(timezone=True)),
    Column("published_by", Text, nullable=False, server_default=""),
    Column("files", Text, nullable=False, server_default="{}", comment="JSON: where the published files lie"),
)


@dataclass(frozen=True)
class Result:
    """A contest's result. `document` is `minutes` read."""

    contest_id: int
    made_at: datetime
    minutes: str
    signature: bytes
    pdf: bytes
    published_at: datetime | None
    published_by: str
    files: dict[str, str]

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.minutes)
        return found


_COLUMNS = [results.c[name] for name in Result.__dataclass_fields__]


def find_result(connection: Connection, contest_id: int) -> Result | None:
    """The contest's result; None before its close-out."""
    row = connection.execute(select(*_COLUMNS).where(results.c.contest_id == contest_id)).first()
    if row is None:
        return None
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Result(**(values | {"files": json.loads(values["files"])}))


def keep_result(
    connection: Connection, contest_id: int, made_at: datetime, minutes: str, signature: bytes, pdf: bytes
) -> bool:
    """Keeps the result, unless there is one already. Returns whether it is this one."""
    values = {"contest_id": contest_id, "made_at": made_at, "minutes": minutes, "signature": signature, "pdf": pdf}
    kept = insert(results).values(values).on_conflict_do_nothing().returning(results.c.contest_id)
    return connection.execute(kept).first() is not None


def publish_result(connection: Connection, contest_id: int, by: str, files: dict[str, str]) -> bool:
    """Publishes the result: the site shows it from the contest's next version on, and the policy says `published`.

    `files`: `pdf`, `json` and `signature` → address. Returns False where it was published before, or there is none.
    """
    told = connection.execute(
        results.update()
        .where(results.c.contest_id == contest_id, results.c.published_at.is_(None))
        .values(published_at=func.now(), published_by=by, files=json.dumps(files))
    )
    if told.rowcount != 1:
        return False
    connection.execute(
        contests.update()
        .where(contests.c.id == contest_id)
        .values(result_policy="published", version=contests.c.version + 1)
    )
    return True


def published_result(connection: Connection, contest_id: int) -> dict[str, Any] | None:
    """What everybody sees of a result, for the site document; None before it is published, and while it is hidden.

    `{"published_at", "closed_at" (ms), "totals", "ranking", "categories", "files": {pdf, json, signature → address},
    "public_key"}`, the rest as in the minutes.
    """
    if connection.scalar(_PUBLISHED, {"contest_id": contest_id}) is None:
        return None
    result = find_result(connection, contest_id)
    if result is None or result.published_at is None:
        return None
    document = result.document
    return {name: document[name] for name in ("totals", "ranking", "categories", "public_key")} | {
        "published_at": milliseconds(result.published_at),
        "closed_at": milliseconds(result.made_at),
        "files": result.files,
    }


_PUBLISHED = text("SELECT 1 FROM contests WHERE id = :contest_id AND state = 'final' AND result_policy = 'published'")
