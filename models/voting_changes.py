"""What was decided about the voting time once voting had begun, as the minutes tell it: read from the audit log."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select

from models.audit import audit
from models.contest import Contest
from models.decisions import PAUSING
from models.times import from_ms, rfc3339_of

ENDED_EARLY = "contest.end_early"
"""In the audit log: voting was closed before its time, and why."""
_BY_THE_BOX = "box.stop"
_ACTIONS = ("contest.window", "contest.import", ENDED_EARLY, PAUSING, _BY_THE_BOX)
_WINDOW = ("opens_at", "closes_at")


@dataclass(frozen=True)
class _Change:
    at: datetime
    by: str
    action: str
    what: Literal["window", "paused", "resumed", "ended"]
    before: dict[str, datetime]
    after: dict[str, datetime]
    """Of a window the moments that moved."""
    why: str


def voting_changes(connection: Connection, contest: Contest) -> list[dict[str, Any]]:
    """In their order: `{at, by, what (window, paused, resumed, ended), from, to, why}`.

    `from` and `to` have those of `opens_at` and `closes_at` that moved. An end by the close-out itself always stands.
    """
    changes = sorted(_found(connection, contest.id), key=lambda change: change.at)
    return [
        {
            "at": rfc3339_of(one.at),
            "by": one.by,
            "what": one.what,
            "from": {name: rfc3339_of(moment) for name, moment in one.before.items()},
            "to": {name: rfc3339_of(moment) for name, moment in one.after.items()},
            "why": one.why,
        }
        for one in _told_once(_since_voting_began(changes, contest))
    ]


def early_end(changes: list[dict[str, Any]]) -> str:
    """Why voting ended before the time that stood when it began; empty where it did not, or where nobody said why."""
    if ends := [one["why"] for one in changes if one["what"] == "ended"]:
        return str(ends[-1])
    moves = [one for one in changes if "closes_at" in one["to"]]
    if not moves or moves[-1]["to"]["closes_at"] >= moves[0]["from"]["closes_at"]:
        return ""
    return str([one["why"] for one in moves if one["to"]["closes_at"] < one["from"]["closes_at"]][-1])


def _found(connection: Connection, contest_id: int) -> list[_Change]:
    query = select(audit).where(audit.c.contest_id == contest_id, audit.c.action.in_(_ACTIONS)).order_by(audit.c.id)
    found = []
    for row in connection.execute(query):
        before, after = row.before or {}, row.after or {}
        what = _what(row.action, after)
        if what is None:
            continue
        at = from_ms(after["decided_at"]) if "decided_at" in after else row.at  # written down later
        found.append(_Change(at, row.operator, row.action, what, _moments(before), _moments(after), row.why))
    return found


def _what(action: str, after: dict[str, Any]) -> Literal["window", "paused", "resumed", "ended"] | None:
    if action == ENDED_EARLY:
        return "ended"
    if any(name in after for name in _WINDOW):
        return "window"
    states: dict[Any, Literal["paused", "resumed"]] = {"paused": "paused", "open": "resumed"}
    return states.get(after.get("state"))


def _moments(values: dict[str, Any]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(values[name]) for name in _WINDOW if name in values}


def _since_voting_began(changes: list[_Change], contest: Contest) -> list[_Change]:
    """A change that lets voting begin at once counts too."""
    opens_at = next((one.before["opens_at"] for one in changes if "opens_at" in one.before), contest.opens_at)
    begun, found = False, []
    for one in changes:
        moved = one.after.get("opens_at", opens_at)
        begun = begun or one.at >= min(opens_at, moved)
        if begun or one.what == "ended":
            found.append(one)
        opens_at = moved
    return found


def _told_once(changes: list[_Change]) -> list[_Change]:
    """A pause is in the log by who decided it and again by the box; what the box alone tells stays."""
    pause, pauses, named = 0, [], set()
    for one in changes:
        pauses.append(pause)
        if one.what == "paused" and one.action != _BY_THE_BOX:
            named.add(pause)
        pause += one.what == "resumed"
    return [
        one for one, number in zip(changes, pauses, strict=True) if one.action != _BY_THE_BOX or number not in named
    ]
