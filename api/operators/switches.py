"""The switches: each acts at once, says what it does, asks why, and shows who threw it last.

Pausing and the SMS act without the ledger too; what the audit log must tell then waits in scratch
(`models/late_lines.py`).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Response
from pydantic import ValidationError

from api.operators.access import ADMIN, MODERATOR, Acting
from api.operators.console import AWAY, Console
from api.operators.effect import chosen_contest, effect_of
from api.operators.fault_words import invalid
from api.operators.language import N_
from api.operators.switch_words import (
    COUNTS_STATES,
    DONE,
    NO_REASON,
    NOT_CHOSEN,
    NOT_OPEN,
    NOT_PAUSED,
    PROOFS,
    PUBLISHED,
    VOTING_STATES,
)
from api.voters.responses import see_other
from models import audit
from models.ballot_box.connection import BoxAway, BoxFull, BoxRefused
from models.contest import Contest
from models.contest_switching import SMS, SwitchRefusedError, change_switches, latest_switchings, show_counts
from models.database import Connection, LedgerAway
from models.decisions import PAUSING, note_pause, pause_box, resume, states_in_box
from models.late_lines import late_line
from models.scratch.connection import ScratchAway
from models.scratch.switches import stands_on, throw

log = structlog.get_logger()

PATH = "/operator/switches"
_LABELS = {"banner": N_("Thông báo"), "banner_en": N_("Thông báo (tiếng Anh)")}
_LEAST_OPEN = ("", "final", "closed", "paused", "open")


def switches_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def show(acting: Annotated[Acting, MODERATOR], done: str = "") -> Response:
        return _page(console, acting, done=DONE.get(done, ""))

    @router.post(PATH + "/voting")
    def voting(acting: Annotated[Acting, MODERATOR]) -> Response:
        ways = {"paused": _pause, "open": _resume}
        return _thrown(console, acting, "voting", ways.get(acting.text("to")))

    @router.post(PATH + "/counts")
    def counts(acting: Annotated[Acting, ADMIN]) -> Response:
        ways = {"live": True, "hidden": False}
        to = acting.text("to")
        return _thrown(console, acting, "counts", _counts if to in ways else None)

    @router.post(PATH + "/banner")
    def banner(acting: Annotated[Acting, MODERATOR]) -> Response:
        return _thrown(console, acting, "banner", _banner)

    @router.post(PATH + "/login")
    def login(acting: Annotated[Acting, MODERATOR]) -> Response:
        return _thrown(console, acting, "login", _login if acting.text("to") in {"closed", "open"} else None)

    @router.post(PATH + "/sms")
    def sms(acting: Annotated[Acting, MODERATOR]) -> Response:
        return _thrown(console, acting, "sms", _sms if acting.text("to") in {"off", "on"} else None)

    @router.post(PATH + "/proof")
    def proof(acting: Annotated[Acting, MODERATOR]) -> Response:
        steps = {str(number) for number in range(len(PROOFS))}
        return _thrown(console, acting, "proof", _proof if acting.text("to") in steps else None)

    return router


class _Refused(Exception):  # noqa: N818 - it carries a sentence to the operator, marked by N_
    pass


_Throw = Callable[[Console, Acting, str], str]
"""Throws a switch, for a reason; returns which sentence of DONE is true. Errors: _Refused, ValidationError, and those
of the stores.
"""


def _thrown(console: Console, acting: Acting, which: str, throw_it: _Throw | None) -> Response:
    why = acting.text("why")
    if throw_it is None:
        return _page(console, acting, which=which, faults={f"why-{which}": acting.say(NOT_CHOSEN)})
    if not why:
        return _page(console, acting, which=which, faults={f"why-{which}": acting.say(NO_REASON)})
    try:
        done = throw_it(console, acting, why)
    except _Refused as refused:
        return _page(console, acting, which=which, faults={"": acting.say(str(refused))})
    except ValidationError as error:
        return _page(console, acting, which=which, faults=invalid(error, _LABELS, acting))
    except tuple(AWAY) as away:
        return _page(console, acting, which=which, faults={"": acting.say(AWAY[type(away)])})
    return see_other(f"{PATH}?done={done}")


def _pause(console: Console, acting: Acting, why: str) -> str:
    """The box first, and at once; the ledger is told after, whenever it answers."""
    reading = console.watch.current.reading
    if reading is None:
        raise _Refused(VOTING_STATES[""])
    if states_in_box(console.box, reading.contest_id, reading.shards) == {"paused"}:
        return "switched"
    if pause_box(console.box, reading.contest_id, reading.shards) != {"paused"}:
        raise _Refused(NOT_OPEN)
    try:
        with console.ledger() as connection:
            contest = console.contest(connection, reading.contest_id)
            note_pause(connection, contest, acting.actor, why)
    except LedgerAway:
        _tell_later(console, acting, PAUSING, {"state": "paused"}, why)
        return "late"
    console.in_effect(contest)
    return "switched"


def _resume(console: Console, acting: Acting, why: str) -> str:
    with console.ledger() as connection:
        contest = chosen_contest(console, connection)
    if not resume(console.engine, console.box, contest, acting.actor, why):
        raise _Refused(NOT_PAUSED)
    return "switched"


def _counts(console: Console, acting: Acting, why: str) -> str:
    shown = acting.text("to") == "live"
    try:
        return _decided(console, lambda connection, contest: show_counts(connection, contest, shown, acting.actor, why))
    except SwitchRefusedError:
        raise _Refused(PUBLISHED) from None


def _banner(console: Console, acting: Acting, why: str) -> str:
    return _switched(console, acting, "switch.banner", {name: acting.text(name) for name in _LABELS}, why)


def _login(console: Console, acting: Acting, why: str) -> str:
    return _switched(console, acting, "switch.login", {"login_closed": acting.text("to") == "closed"}, why)


def _proof(console: Console, acting: Acting, why: str) -> str:
    return _switched(console, acting, "switch.proof", {"proof_floor": int(acting.text("to"))}, why)


def _switched(console: Console, acting: Acting, action: str, changes: dict[str, Any], why: str) -> str:
    return _decided(
        console, lambda connection, contest: change_switches(connection, contest, action, changes, acting.actor, why)
    )


def _decided(console: Console, decide: Callable[[Connection, int], Contest]) -> str:
    with console.ledger() as connection:
        contest = decide(connection, chosen_contest(console, connection).id)
    console.in_effect(contest)
    return "switched"


def _sms(console: Console, acting: Acting, why: str) -> str:
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


def _page(
    console: Console,
    acting: Acting,
    *,
    which: str = "",
    faults: dict[str, str] | None = None,
    done: str = "",
) -> Response:
    """How everything stands now. `which`: the switch whose form is shown as it was typed. Without the ledger what it
    knows is left out, and said to be.
    """
    contest, latest = None, {}
    try:
        with console.ledger() as connection:
            contest = chosen_contest(console, connection)
            latest = latest_switchings(connection, contest.id)
    except LedgerAway as error:
        log.warning("the switches are shown without the ledger", problem=str(error))
    return console.page(
        acting,
        "switches.html",
        422 if faults else 200,
        contest=contest,
        latest=latest,
        state=_state(console),
        sms_on=_sms_stands(console),
        has_sms=bool(console.settings.sms_gateway()),
        effect=effect_of(console, contest) if contest else "",
        voting_states=VOTING_STATES,
        counts_states=COUNTS_STATES,
        proofs=[(str(number), acting.say(words)) for number, words in enumerate(PROOFS)],
        which=which if faults else "",
        typed={name: acting.text(name) for name in ("to", "why", *_LABELS)},
        faults=faults or {},
        done=done,
    )


def _state(console: Console) -> str | None:
    """Of the box at this moment, the least open of its shards; None while it is away."""
    reading = console.watch.current.reading
    if reading is None:
        return ""
    try:
        states = states_in_box(console.box, reading.contest_id, reading.shards)
    except (BoxAway, BoxFull, BoxRefused):
        return None
    return next(state for state in _LEAST_OPEN if state in states)


def _sms_stands(console: Console) -> bool | None:
    try:
        return stands_on(console.scratch, "sms")
    except ScratchAway:
        return None
