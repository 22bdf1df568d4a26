"""Who may be the second person of a decision: somebody whose way into the console was there before it was proposed.

An admin makes accounts and resets those of others: one that was made, raised, let in again or reset to approve what its
maker has proposed would be no second person. The log tells when that happened; commands of a technician do not count.
"""

from datetime import datetime

from sqlalchemy import Connection, select

from models.audit import audit

LETS_IN = ("operator.create", "operator.role", "operator.active", "operator.reset")


def let_in_since(connection: Connection, operator_id: int, since: datetime) -> bool:
    """Whether anybody at the console has given this operator a way in since then."""
    line = select(audit.c.id).where(
        audit.c.at >= since,
        audit.c.subject == f"operator:{operator_id}",
        audit.c.action.in_(LETS_IN),
        audit.c.operator_id.is_not(None),
    )
    return connection.execute(line.limit(1)).first() is not None
