"""What throwing each switch does: it acts at once, for a reason, and says which sentence of `DONE` is true.

Pausing and the SMS act without the ledger too; what the audit log must tell then waits in scratch
(`models/late_lines.py`).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog

from api.operators.access import Acting
from api.operators.console import Console
from api.operators.effect import chosen_contest
from api.operators.switch_words import BANNERS, NOT_OPEN, NOT_PAUSED, PROOFS, PUBLISHED, VOTING_STATES
from models import audit
from models.contest import Contest
from models.contest_switching import SMS, SwitchRefusedError, change_switches, end_sessions, show_counts
from models.database import Connection, LedgerAway
from models.decisions import PAUSING, note_pause, pause_box, states_in_box
from models.decisions import resume as take_up
from models.late_lines import late_line
from models.scratch.connection import ScratchAway
from models.scratch.switches import stands_on, throw

log = structlog.get_logger()

Act = Callable[[Console, Acting, str], str]
"""Throws a switch to where the form's field `to` says, for a reason. Errors: RefusedThrowError, ValidationError, and
those of the stores.
"""


class RefusedThrowError(Exception):
    """The switch cannot be thrown now; the text is a sentence for the operator, marked by N_."""


def pause(console: Console, acting: Acting, why: str) -> str:
    """The box first, and at once; the ledger is told after, whenever it answers."""
    reading = console.watch.current.reading
    if reading is None:
        raise RefusedThrowError(VOTING_STATES[""])
    if states_in_box(console.box, reading.contest_id, reading.shards) == {"paused"}:
        return "switched"
    if pause_box(console.box, reading.contest_id, reading.shards) != {"paused"}:
        raise RefusedThrowError(NOT_OPEN)
    try:
        with console.ledger() as connection:
            contest = console.contest(connection, reading.contest_id)
            note_pause(connection, contest, acting.actor, why)
    except LedgerAway:
        _tell_later(console, acting, PAUSING, {"state": "paused"}, why)
        return "late"
    console.in_effect(contest)
    return "switched"


def resume(console: Console, acting: Acting, why: str) -> str:
    with console.ledger() as connection:
        contest = chosen_contest(console, connection)
    if not take_up(console.engine, console.box, contest, acting.actor, why):
        raise RefusedThrowError(NOT_PAUSED)
    return "switched"


def counts(console: Console, acting: Acting, why: str) -> str:
    shown = acting.text("to") == "live"
    try:
        return _decided(console, lambda connection, contest: show_counts(connection, contest, shown, acting.actor, why))
    except SwitchRefusedError:
        raise RefusedThrowError(PUBLISHED) from None


def banner(console: Console, acting: Acting, why: str) -> str:
    return _switched(console, acting, "switch.banner", {name: acting.text(name) for name in BANNERS}, why)


def login(console: Console, acting: Acting, why: str) -> str:
    return _switched(console, acting, "switch.login", {"login_closed": acting.text("to") == "closed"}, why)


def proof(console: Console, acting: Acting, why: str) -> str:
    return _switched(console, acting, "switch.proof", {"proof_floor": int(acting.text("to"))}, why)


def sessions(console: Console, acting: Acting, why: str) -> str:
    """Logs every voter out, by the box's clock: that is the one by which sessions are issued."""
    now_ms = console.watch.current.now_ms()
    if not now_ms:
        raise RefusedThrowError(VOTING_STATES[""])
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    _decided(console, lambda connection, contest: end_sessions(connection, contest, at, acting.actor, why))
    return "ended"


def _switched(console: Console, acting: Acting, action: str, changes: dict[str, Any], why: str) -> str:
    return _decided(
        console, lambda connection, contest: change_switches(connection, contest, action, changes, acting.actor, why)
    )


def _decided(console: Console, decide: Callable[[Connection, int], Contest]) -> str:
    with console.ledger() as connection:
        contest = decide(connection, chosen_contest(console, connection).id)
    console.in_effect(contest)
    return "switched"


def sms(console: Console, acting: Acting, why: str) -> str:
    """In scratch, where the sending of codes looks before each message."""
    on = acting.text("to") == "on"
    before, after = {"sms": "on" if stands_on(console.scratch, "sms") else "off"}, {"sms": acting.text("to")}
    throw(console.scratch, "sms", on=on)
    try:
        with console.ledger() as connection:
            contest = chosen_contest(console, connection)
            subject = f"contest:{contest.id}"
            audit.record(
                connection, acting.actor, SMS, subject, contest_id=contest.id, before=before, after=after, why=why
            )
    except LedgerAway:
        _tell_later(console, acting, SMS, after, why)
    return "switched"


def _tell_later(console: Console, acting: Acting, action: str, after: dict[str, Any], why: str) -> None:
    reading = console.watch.current.reading
    contest_id = reading.contest_id if reading else 0
    try:
        late_line(console.scratch, acting.actor, action, contest_id, after=after, why=why, now=datetime.now(UTC))
    except ScratchAway:
        log.exception("the audit log will not tell who did it", action=action, operator=acting.actor.name)


ACTS: dict[str, dict[str, Act]] = {
    "voting": {"paused": pause, "open": resume},
    "counts": {"live": counts, "hidden": counts},
    "banner": {"": banner},
    "login": {"closed": login, "open": login},
    "sms": {"off": sms, "on": sms},
    "sessions": {"ended": sessions},
    "proof": {str(number): proof for number in range(len(PROOFS))},
}
"""Switch → where it may be thrown to → what does it."""
