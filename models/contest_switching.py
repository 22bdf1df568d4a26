"""Throwing the switches that voters' pages show, and who threw each of them last."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from models import audit
from models.audit import Actor, AuditLine
from models.contest import Contest, contest_by_id, contests, raise_version
from models.contest_switches import Switches

COUNTS = "switch.counts"
SMS = "switch.sms"
SESSIONS = "switch.sessions"


class SwitchRefusedError(Exception):
    """The switch cannot be thrown any more: the results have been published."""


def change_switches(
    connection: Connection, contest_id: int, action: str, changes: dict[str, Any], actor: Actor, why: str
) -> Contest:
    """Writes some of the switches, with a rising version. `action`: `switch.<which>`. Returns the contest.

    Errors: pydantic.ValidationError for values that cannot be; UnknownContestError.
    """
    contest = contest_by_id(connection, contest_id, lock=True)
    before = contest.switches.model_dump()
    after = Switches.model_validate(before | changes).model_dump()
    return _write(connection, contest, {"switches": json.dumps(after)}, action, (before, after), actor, why)


def show_counts(connection: Connection, contest_id: int, shown: bool, actor: Actor, why: str) -> Contest:
    """Shows the counts to voters from now on, or hides them. Errors: SwitchRefusedError, UnknownContestError."""
    contest = contest_by_id(connection, contest_id, lock=True)
    if contest.result_policy == "published":
        raise SwitchRefusedError
    policy = "live" if shown else "hidden"
    values = {"result_policy": policy}
    return _write(connection, contest, values, COUNTS, ({"result_policy": contest.result_policy}, values), actor, why)


def end_sessions(connection: Connection, contest_id: int, at: datetime, actor: Actor, why: str) -> Contest:
    """Ends every voter's session that was issued before `at`. Errors: UnknownContestError."""
    contest = contest_by_id(connection, contest_id, lock=True)
    values = {"sessions_from": max(contest.sessions_from, at)}
    change = tuple({"sessions_from": moment.isoformat()} for moment in (contest.sessions_from, at))
    return _write(connection, contest, values, SESSIONS, (change[0], change[1]), actor, why)


def _write(
    connection: Connection,
    contest: Contest,
    values: dict[str, Any],
    action: str,
    change: tuple[dict[str, Any], dict[str, Any]],
    actor: Actor,
    why: str,
) -> Contest:
    before, after = audit.difference(*change)
    if not after:
        return contest
    connection.execute(update(contests).where(contests.c.id == contest.id).values(values))
    raise_version(connection, contest.id)
    subject = f"contest:{contest.id}"
    audit.record(connection, actor, action, subject, contest_id=contest.id, before=before, after=after, why=why)
    return contest_by_id(connection, contest.id)


def latest_switchings(connection: Connection, contest_id: int) -> dict[str, AuditLine]:
    """Action → the last line that tells of it, for every switch that was ever thrown."""
    lines = audit.audit
    of_switches = select(func.max(lines.c.id)).where(lines.c.contest_id == contest_id, lines.c.action.in_(ACTIONS))
    columns = (lines.c[name] for name in AuditLine.__dataclass_fields__)
    query = select(*columns).where(lines.c.id.in_(of_switches.group_by(lines.c.action)))
    return {row.action: AuditLine(**row._mapping) for row in connection.execute(query)}  # noqa: SLF001 - public name


ACTIONS = ("switch.voting", COUNTS, "switch.banner", "switch.login", SMS, "switch.proof", SESSIONS, "box.stop")
"""Every action of a switch."""
