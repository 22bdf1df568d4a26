"""Two operators edited the same at once: what the second is shown (`templates/conflict.html`); nothing is lost.

A form carries marks of the values that it was made of. They tell which fields the second editor touched and which the
first one changed: what only one of them did stands in the form that comes back, and what both did is theirs to decide.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from models.audit import AuditLine, AuditSearch, audit_lines
from models.database import Connection


class Resolved(NamedTuple):
    """`form`: what the form shows now. `taken`: names of the fields that took the newer value, which the second editor
    had not touched. `differing`: (field, mine, theirs) for each field that both changed.
    """

    form: dict[str, str]
    taken: list[str]
    differing: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Conflict:
    """`last`: who was first, and when; the others as in `Resolved`."""

    last: AuditLine | None
    form: dict[str, str] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    differing: list[tuple[str, str, str]] = field(default_factory=list)


def _mark(text: str) -> str:
    return hashlib.blake2b(text.strip().encode(), digest_size=8).hexdigest()


def marks_of(shown: Mapping[str, str]) -> str:
    """What a form that shows these fields carries: `title:0f3a… text:77b1…`."""
    return " ".join(f"{name}:{_mark(text)}" for name, text in shown.items())


def resolved(mine: Mapping[str, str], theirs: Mapping[str, str], marks: str) -> Resolved:
    """`mine`: what the second editor sent, with the `marks` of their form; `theirs`: what stands now, in the order in
    which it is shown. A field without a mark counts as changed by both.
    """
    seen = dict(one.rpartition(":")[::2] for one in marks.split())
    found = Resolved(dict(mine), [], [])
    for name, text in theirs.items():
        if mine[name] == text:
            continue
        if seen.get(name) == _mark(mine[name]):
            found.form[name] = text
            found.taken.append(name)
        elif seen.get(name) != _mark(text):
            found.differing.append((name, mine[name], text))
    return found


def conflict_over(
    connection: Connection,
    subject: str,
    mine: Mapping[str, str],
    theirs: Mapping[str, str],
    marks: str,
    action: str = "",
) -> Conflict:
    """`mine`, `theirs`, `marks`: as for `resolved`; `action`: the beginning of the actions that change it."""
    lines = audit_lines(connection, AuditSearch(subject=subject, action=action), limit=1)
    return Conflict(lines[0] if lines else None, *resolved(mine, theirs, marks))
