"""Lines for the audit log that wait while the ledger is away: what was done meanwhile stays told, with who and why.

| key          | type | what                                                                           |
|--------------|------|--------------------------------------------------------------------------------|
| `audit:late` | list | JSON, oldest first: `{id, at (ms), operator_id, operator, address, contest_id, |
|              |      | action, subject, before, after, why}`                                          |

It has no end: a line stays until the ledger has it (`models/late_lines.py`). At most MOST of them are kept.
"""

import json
from typing import Any

from models.scratch.connection import ScratchClient, scratch_errors

LATE = "audit:late"
MOST = 1_000


def keep_line(client: ScratchClient, line: dict[str, Any]) -> None:
    """Errors: ScratchAway."""
    with scratch_errors():
        client.rpush(LATE, json.dumps(line, ensure_ascii=False))
        client.ltrim(LATE, -MOST, -1)


def oldest_line(client: ScratchClient) -> tuple[bytes, dict[str, Any]] | None:
    """The line that has waited longest, as it is kept and read. Errors: ScratchAway."""
    with scratch_errors():
        kept: Any = client.lindex(LATE, 0)
    return (kept, json.loads(kept)) if kept else None


def drop_line(client: ScratchClient, kept: bytes) -> None:
    """Errors: ScratchAway."""
    with scratch_errors():
        client.lrem(LATE, 1, kept)  # type: ignore[arg-type]  # redis-py takes bytes
