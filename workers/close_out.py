"""Close-out: from the end of voting to signed minutes. A contest that it does not bring to its end stays `closed`.

    1 closed    every shard is closed, by the box's clock or by an explicit end before the time
    2 settled   no correction is under way; nothing pending; nothing parked; drift 0
    3 proven    rows and ballots agree, vote by vote
    4 final     decided in the ledger, brought to every shard: from then on the box refuses every event
    5 frozen    what the log had taken by then is in the ledger; the books once more; proven again where anything came
    6 counted   from the rows; the digest of the export
    7 kept      minutes, signature and PDF, in one transaction

| dies …                     | then                                                                                  |
|----------------------------|---------------------------------------------------------------------------------------|
| in 1 to 3                  | nothing is decided but perhaps that voting is over; run again, it begins at 1         |
| in 4, box not told         | the ledger says `final`; the ticker brings it to the box, so does the next run, at 4  |
| in 4, some shards told     | the same: what is final stays so, the others follow                                   |
| in 5 or 6                  | nothing more is taken; run again, it goes on at 4 and proves anew                     |
| in 7, before COMMIT        | the same; nothing was kept                                                            |
| after 7                    | the minutes stand: run again, it gives the same ones                                  |
| box or ledger away         | the task waits for the next nudge; a command ends and may be run again                |
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.audit import Actor, record
from models.ballot_box.connection import BoxClient
from models.ballot_box.drain import read_books
from models.ballot_box.keys import shard_keys
from models.contest import Contest, contest_by_id, decide_state
from models.database import Connection, Engine, transaction
from models.decisions import bring, states_in_box
from models.event import LogId
from models.export_votes import digest_votes
from models.minutes import Asked, sha256
from models.result import Result, find_result
from models.result_corrections import corrections_under_way
from models.secrets import KeyRing
from models.voting_changes import ENDED_EARLY
from workers.beat import beating
from workers.books import compare, prove
from workers.close_out_minutes import keep_minutes
from workers.close_out_refusals import CloseOutRefusedError, Refusal
from workers.flush import LogFaultError, NotReadyError, drain
from workers.work import TaskFailedError, Work

STEPS = 7
DRAIN_S = 600.0
"""How long the flush may take to bring what is pending into the ledger."""

Step = Callable[[int], object]


@dataclass(frozen=True)
class Stores:
    """What a close-out works with."""

    engine: Engine
    box: BoxClient
    keys: KeyRing


def close_out_task(work: Work) -> dict[str, Any]:
    """The task `close_out`; payload: `number`, `place`, `early` (texts), `persons` (list of texts)."""
    payload = work.task.payload
    asked = Asked(payload["number"], payload["place"], tuple(payload["persons"]))
    stores = Stores(work.engine, work.box, work.settings.keys())
    with beating(work, STEPS) as beat:
        try:
            result = close_out(
                stores, work.task.contest_id or 0, asked, work.task.actor, early=payload["early"], step=beat.at
            )
        except CloseOutRefusedError as error:
            raise TaskFailedError(error.sentence) from None
    return {"sha256": sha256(result.minutes)}


def close_out(
    stores: Stores,
    contest_id: int,
    asked: Asked,
    actor: Actor,
    *,
    early: str = "",
    step: Step = lambda _number: None,
) -> Result:
    """Closes the contest out, or goes on where an earlier run ended. Returns its result.

    `early`: why voting is ended before its time; empty: it must be over. `step` is called with what begins, 1 to STEPS.
    Errors: CloseOutRefusedError, BoxAway, BoxFull, BoxRefused, LedgerAway.
    """
    with transaction(stores.engine) as connection:
        contest = contest_by_id(connection, contest_id)
        known = find_result(connection, contest_id)
    if known is not None:
        return known
    if contest.key_fingerprint != stores.keys.fingerprint():
        raise CloseOutRefusedError(Refusal.OTHER_KEY)
    proven = [] if contest.state == "final" else _until_final(stores, contest, actor, early, step)
    _freeze(stores, contest_id)
    step(5)
    _settle(stores, contest, frozen=True)
    if _ends(stores.box, contest) != proven:
        _prove(stores, contest)
    step(6)
    export = digest_votes(stores.engine, stores.keys, contest_id)
    step(7)
    return keep_minutes(stores.engine, stores.keys, contest_id, asked, actor, export)


def _until_final(stores: Stores, contest: Contest, actor: Actor, early: str, step: Step) -> list[LogId]:
    """Steps 1 to 4. Returns where the logs ended before rows and ballots were laid beside each other.

    Errors: CloseOutRefusedError.
    """
    step(1)
    _end_voting(stores, contest, actor, early)
    step(2)
    _refuse_corrections(stores.engine, contest.id)
    _settle(stores, contest)
    step(3)
    proven = _prove(stores, contest)
    step(4)
    _decide_final(stores.engine, contest.id, actor)
    return proven


def _end_voting(stores: Stores, contest: Contest, actor: Actor, early: str) -> None:
    """Every shard is closed after it, and the ledger knows. Errors: CloseOutRefusedError."""
    _bring(stores, contest)
    if early and states_in_box(stores.box, contest.id, contest.shards) != {"closed"}:
        with transaction(stores.engine) as connection:
            now = contest_by_id(connection, contest.id, lock=True)
            if now.state in {"open", "paused"}:
                decide_state(connection, contest.id, "closed")
                record(
                    connection,
                    actor,
                    ENDED_EARLY,
                    f"contest:{contest.id}",
                    contest_id=contest.id,
                    before={"state": now.state},
                    after={"state": "closed"},
                    why=early,
                )
    if states_in_box(stores.box, contest.id, contest.shards) != {"closed"} and not early:
        raise CloseOutRefusedError(Refusal.NOT_OVER)
    _bring(stores, contest)  # what the box decided by its clock is in the ledger too, and the other way round
    if states_in_box(stores.box, contest.id, contest.shards) != {"closed"}:
        raise CloseOutRefusedError(Refusal.NOT_READY)


def _bring(stores: Stores, contest: Contest) -> None:
    """Errors: CloseOutRefusedError where the box does not have the contest in the ledger's epoch."""
    with transaction(stores.engine) as connection:
        now = contest_by_id(connection, contest.id)
    if now.draft or not bring(stores.engine, stores.box, now):
        raise CloseOutRefusedError(Refusal.NOT_READY)


def _refuse_corrections(engine: Engine, contest_id: int) -> None:
    with transaction(engine) as connection:
        _none_under_way(connection, contest_id)


def _none_under_way(connection: Connection, contest_id: int) -> None:
    under_way = corrections_under_way(connection, contest_id)
    if under_way:
        raise CloseOutRefusedError(Refusal.CORRECTIONS, numbers=", ".join(map(str, under_way)))


def _settle(stores: Stores, contest: Contest, *, frozen: bool = False) -> None:
    """What the log has is in the ledger, and the books agree. `frozen`: nothing can come after that.

    Errors: CloseOutRefusedError.
    """
    until = time.monotonic() + DRAIN_S
    for shard in range(contest.shards):
        try:
            left = max(0.1, until - time.monotonic())
            drained = drain(stores.engine, stores.box, contest.id, shard, seconds=left)
        except (LogFaultError, NotReadyError):
            raise CloseOutRefusedError(Refusal.NOT_READY) from None
        if not drained:
            raise CloseOutRefusedError(Refusal.PENDING)
    books = compare(stores.engine, stores.box, contest)
    if books.parked:
        raise CloseOutRefusedError(Refusal.PARKED, number=books.parked)
    if books.drift is None:
        raise CloseOutRefusedError(Refusal.NOT_READY)
    if books.drift:
        raise CloseOutRefusedError(Refusal.DRIFT, number=books.drift)
    if frozen and books.pending:
        raise CloseOutRefusedError(Refusal.PENDING)


def _ends(box: BoxClient, contest: Contest) -> list[LogId]:
    """Each shard's last log id."""
    return [read_books(box, shard_keys(contest.id, shard)).last for shard in range(contest.shards)]


def _prove(stores: Stores, contest: Contest) -> list[LogId]:
    """Lays rows and ballots beside each other. Returns where the logs ended before. Errors: CloseOutRefusedError."""
    ends = _ends(stores.box, contest)
    for proof in prove(stores.engine, stores.box, contest):
        if not proof.holds:
            raise CloseOutRefusedError(
                Refusal.PROOF,
                shard=proof.shard,
                ledger="?" if proof.missing_in_ledger is None else proof.missing_in_ledger,
                box=proof.missing_in_box,
                tallies=len(proof.tally_off),
                misfits=len(proof.misfits),
            )
    return ends


def _decide_final(engine: Engine, contest_id: int, actor: Actor) -> None:
    """The decision from which there is no way back, in the ledger."""
    with transaction(engine) as connection:
        contest = contest_by_id(connection, contest_id, lock=True)
        if contest.state == "final":
            return
        if contest.state != "closed":
            raise CloseOutRefusedError(Refusal.NOT_OVER)
        _none_under_way(connection, contest_id)
        decide_state(connection, contest_id, "final")
        record(
            connection,
            actor,
            "contest.finalise",
            f"contest:{contest_id}",
            contest_id=contest_id,
            before={"state": "closed"},
            after={"state": "final"},
        )


def _freeze(stores: Stores, contest_id: int) -> None:
    """Every shard is final after it. Errors: CloseOutRefusedError, BoxAway."""
    with transaction(stores.engine) as connection:
        contest = contest_by_id(connection, contest_id)
    _bring(stores, contest)
    if states_in_box(stores.box, contest.id, contest.shards) != {"final"}:
        raise CloseOutRefusedError(Refusal.NOT_READY)
