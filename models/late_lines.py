"""Bringing the audit log what operators did while the ledger was away. Each line has a name, and is written once.

| dies …                                 | then                                                      |
|----------------------------------------|-----------------------------------------------------------|
| before the commit                      | the line waits in scratch, and the next round writes it   |
| after the commit, before it is dropped | the next round finds it in the ledger, and only drops it  |
| two tickers at once                    | a lock makes them take turns; the second finds the first's |
| scratch loses it                       | the log still has the box's own stop (`box.stop`)         |
"""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from models import audit
from models.audit import Actor
from models.database import Engine, transaction
from models.scratch.connection import ScratchClient
from models.scratch.late_lines import drop_line, keep_line, oldest_line
from models.times import milliseconds

_LOCK = 7270


def late_line(
    client: ScratchClient,
    actor: Actor,
    action: str,
    contest_id: int,
    *,
    after: dict[str, Any],
    why: str,
    now: datetime,
) -> None:
    """Keeps a line until the ledger is back; `now` goes with it. Errors: ScratchAway."""
    line = {
        "id": secrets.token_hex(8),
        "at": milliseconds(now),
        "operator_id": actor.operator_id,
        "operator": actor.name,
        "address": actor.address,
        "contest_id": contest_id,
        "action": action,
        "after": after,
        "why": why,
    }
    keep_line(client, line)


def write_late_lines(engine: Engine, client: ScratchClient) -> None:
    """Writes what waits. Errors: LedgerAway, ScratchAway."""
    while found := oldest_line(client):
        kept, line = found
        with transaction(engine) as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            itself = audit.audit.c.after["late"].astext == line["id"]
            if connection.execute(select(audit.audit.c.id).where(itself).limit(1)).first() is None:
                audit.record(
                    connection,
                    Actor(line["operator"], line["operator_id"], line["address"]),
                    line["action"],
                    f"contest:{line['contest_id']}",
                    contest_id=line["contest_id"],
                    after=line["after"] | {"late": line["id"], "decided_at": line["at"]},
                    why=line["why"],
                )
        drop_line(client, kept)
