"""Two operators edited the same at once: what the second is shown (`templates/conflict.html`); nothing is lost."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.audit import AuditLine, AuditSearch, audit_lines
from models.database import Connection


@dataclass(frozen=True)
class Conflict:
    """`last`: who was first, and when. `differing`: (field, mine, theirs) for each field in which the two differ."""

    last: AuditLine | None
    differing: list[tuple[str, str, str]]


def conflict_over(
    connection: Connection, subject: str, mine: Mapping[str, str], theirs: Mapping[str, str], action: str = ""
) -> Conflict:
    """`mine`: what the second editor typed; `theirs`: what stands now, in the order in which it is shown; `action`: the
    beginning of the actions that change it.
    """
    lines = audit_lines(connection, AuditSearch(subject=subject, action=action), limit=1)
    differing = [(name, mine[name], text) for name, text in theirs.items() if mine[name] != text]
    return Conflict(lines[0] if lines else None, differing)
