"""What the close-out must know of corrections: whether one is under way, and what the minutes say of them."""

from typing import Any

from sqlalchemy import Connection, select

from models.correction import corrections
from models.times import rfc3339_of

_UNDER_WAY = ("counting", "proposed", "approved", "running")


def corrections_under_way(connection: Connection, contest_id: int) -> list[int]:
    """Ids of corrections that are not decided or not done: once the result is final none can be."""
    query = select(corrections.c.id).where(corrections.c.contest_id == contest_id, corrections.c.state.in_(_UNDER_WAY))
    return list(connection.scalars(query.order_by(corrections.c.id)))


def corrections_made(connection: Connection, contest_id: int) -> list[dict[str, Any]]:
    """The corrections that changed votes, in their order: `{id, action (void or restore), reason, votes, at}`."""
    query = select(
        corrections.c.id, corrections.c.action, corrections.c.reason, corrections.c.result, corrections.c.ended_at
    ).where(corrections.c.contest_id == contest_id, corrections.c.state.in_(("done", "cancelled")))
    return [
        {"id": row.id, "action": row.action, "reason": row.reason, "votes": votes, "at": rfc3339_of(row.ended_at)}
        for row in connection.execute(query.order_by(corrections.c.id))
        if (votes := (row.result or {}).get("done", 0))
    ]
