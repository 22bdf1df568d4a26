"""The public log of corrections: what everybody may know of them, as part of the published document."""

from typing import Any

from sqlalchemy import Connection, select

from models.correction import corrections
from models.times import milliseconds

MOST = 200
"""The newest; the ledger keeps all."""
_NAMES = (
    "id",
    "action",
    "undoes",
    "reason",
    "reason_en",
    "state",
    "proposed_role",
    "decided_role",
    "result",
    "ended_at",
)


def published_corrections(connection: Connection, contest_id: int) -> list[dict[str, Any]]:
    """The corrections that changed votes, newest first: `[{id, at (ms), action, votes, by_entry: {entry: votes}, whole,
    undoes, reason, reason_en, proposed_by, approved_by}]`; the last two are roles. `whole`: it was not stopped midway.
    """
    query = (
        select(*(corrections.c[name] for name in _NAMES))
        .where(corrections.c.contest_id == contest_id, corrections.c.state.in_(("done", "cancelled")))
        .order_by(corrections.c.ended_at.desc(), corrections.c.id.desc())
    )
    changed = query.where(corrections.c.result["done"].as_integer() > 0).limit(MOST)
    return [_line(row) for row in connection.execute(changed)]


def _line(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": milliseconds(row.ended_at),
        "action": row.action,
        "votes": row.result["done"],
        "by_entry": row.result["by_entry"],
        "whole": row.state == "done",
        "undoes": row.undoes,
        "reason": row.reason,
        "reason_en": row.reason_en,
        "proposed_by": row.proposed_role,
        "approved_by": row.decided_role,
    }
