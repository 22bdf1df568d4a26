"""The switches: each acts at once, says what it does, asks why, and shows who threw it last. What throwing one does is
`switch_acts.py`.
"""

from typing import Annotated

import structlog
from fastapi import APIRouter, Response
from pydantic import ValidationError

from api.operators.access import ADMIN, MODERATOR, Acting
from api.operators.console import AWAY, Console
from api.operators.effect import chosen_contest, effect_of
from api.operators.fault_words import invalid
from api.operators.switch_acts import ACTS, RefusedThrowError
from api.operators.switch_words import BANNERS, COUNTS_STATES, DONE, NO_REASON, NOT_CHOSEN, PROOFS, VOTING_STATES
from api.voters.responses import see_other
from models.ballot_box.connection import BoxAway, BoxFull, BoxRefused
from models.contest_switching import latest_switchings
from models.database import LedgerAway
from models.decisions import states_in_box
from models.scratch.connection import ScratchAway
from models.scratch.switches import stands_on

log = structlog.get_logger()

PATH = "/operator/switches"
_LEAST_OPEN = ("", "final", "closed", "paused", "open")


def switches_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def show(acting: Annotated[Acting, MODERATOR], done: str = "") -> Response:
        return _page(console, acting, done=DONE.get(done, ""))

    @router.post(PATH + "/voting")
    def voting(acting: Annotated[Acting, MODERATOR]) -> Response:
        return _thrown(console, acting, "voting")

    @router.post(PATH + "/counts")
    def counts(acting: Annotated[Acting, ADMIN]) -> Response:
        return _thrown(console, acting, "counts")

    @router.post(PATH + "/banner")
    def banner(acting: Annotated[Acting, MODERATOR]) -> Response:
        return _thrown(console, acting, "banner")

    @router.post(PATH + "/login")
    def login(acting: Annotated[Acting, MODERATOR]) -> Response:
        return _thrown(console, acting, "login")

    @router.post(PATH + "/sessions")
    def sessions(acting: Annotated[Acting, ADMIN]) -> Response:
        return _thrown(console, acting, "sessions")

    @router.post(PATH + "/sms")
    def sms(acting: Annotated[Acting, MODERATOR]) -> Response:
        return _thrown(console, acting, "sms")

    @router.post(PATH + "/proof")
    def proof(acting: Annotated[Acting, MODERATOR]) -> Response:
        return _thrown(console, acting, "proof")

    return router


def _thrown(console: Console, acting: Acting, which: str) -> Response:
    """Throws the switch to where the form says, or shows the form again with why not."""
    why, act = acting.text("why"), ACTS[which].get(acting.text("to"))
    if act is None or not why:
        fault = acting.say(NOT_CHOSEN if act is None else NO_REASON)
        return _page(console, acting, which=which, faults={f"why-{which}": fault})
    try:
        done = act(console, acting, why)
    except RefusedThrowError as refused:
        return _page(console, acting, which=which, faults={"": acting.say(str(refused))})
    except ValidationError as error:
        return _page(console, acting, which=which, faults=invalid(error, BANNERS, acting))
    except tuple(AWAY) as away:
        return _page(console, acting, which=which, faults={"": acting.say(AWAY[type(away)])})
    return see_other(f"{PATH}?done={done}")


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
        typed={name: acting.text(name) for name in ("to", "why", *BANNERS)},
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
