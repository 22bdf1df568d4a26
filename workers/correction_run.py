"""Doing what a correction says, through the box, so that log, tally and ledger stay equal.

    settle what the votes were ─▶ page by page: the box, then the marks ─▶ lay the marks beside the ledger ─▶ done

One correction of a contest works at a time, so that what a vote was before is known. Running it twice changes nothing:
the box voids or restores a vote once, and says of a repeat that it was the same before.

| what happens                                  | then                                                                |
|-----------------------------------------------|---------------------------------------------------------------------|
| dies after the box answered, before the marks | the repeat is told “the same as before”, and marks those votes      |
| the box is away, or the ledger, in the middle | the task waits, and goes on with the votes that have no mark        |
| a repair meanwhile, with a new epoch          | the box answers “not ready”: the epoch is read anew, and sent again |
| the box loses what was not in the ledger yet  | the ledger shows it at the end: those votes are sent again          |
| cancelled                                     | what was changed stays, and is marked and counted exactly           |
| two workers at once                           | both send the same votes; each is changed and counted once          |
| sleeps while another run ends it              | the box refuses what it still sends: its turn is over               |
| another correction of the contest is at work  | this one waits for its turn                                         |
| many vote, or the flush is behind             | it goes slowly, or waits (workers/correction_pace.py)               |
| the box has no room for so many events        | the task fails and says so; it may go on where it stood             |
| the contest has become final                  | it ends as cancelled: nothing more is changed                       |
| dies after its end, before clusters count     | the index is old until the next run of the signals                  |
"""

import time
from typing import Any

from models import task as tasks
from models.audit import record
from models.cluster import count_votes
from models.contest import contest_by_id, raise_version
from models.correction import ContestFinalError, Correction, begin, end, find_correction, whose_turn
from models.correction_votes import Result, count_waiting, match_ledger, result_of, settle
from models.database import Connection, transaction
from models.decisions import bring
from workers.correction_count import UNKNOWN
from workers.correction_sending import LOOK_S, Running, send, take_turn
from workers.flush import LogFaultError, NotReadyError, drain
from workers.work import Cancelled, Interrupted, TaskFailedError, Work

DRAIN_S = 5.0
ROUNDS = 5
FINAL = "Kết quả cuộc thi đã chốt: không loại và không khôi phục phiếu được nữa."
STUBBORN = "Còn %d phiếu chưa đổi được vì hòm phiếu và sổ phiếu chưa khớp. Hãy báo kỹ thuật viên, rồi bấm Chạy tiếp."


def run_correction(work: Work) -> dict[str, Any]:
    """The task `correction.run`, payload `{"correction": id}`."""
    with transaction(work.engine) as connection:
        correction = find_correction(connection, work.task.payload["correction"])
        if correction is None:
            raise TaskFailedError(UNKNOWN)
        waiting, total = count_waiting(connection, correction.id)
    if correction.state not in {"approved", "running"}:
        return correction.result or {}  # another run has ended it
    running = Running(work, correction, total - waiting, total)
    try:
        return _run(running)
    except Cancelled:
        _cancelled(running)
        raise
    except ContestFinalError:
        _end(running, "cancelled", FINAL)
        raise TaskFailedError(FINAL) from None


def _run(running: Running) -> dict[str, Any]:
    running.look()
    _wait_for_turn(running)
    if not take_turn(running):
        raise _left_for_a_while()
    _settle(running)
    for _ in range(ROUNDS):
        send(running)
        waiting = _lay_beside_the_ledger(running)
        if not waiting:
            return _end(running, "done").stored()
    raise TaskFailedError(STUBBORN % waiting)


def _wait_for_turn(running: Running) -> None:
    """Errors: Interrupted while another one is at work: the next nudge asks again."""
    with transaction(running.work.engine) as connection:
        if whose_turn(connection, running.correction.contest_id) != running.correction.id:
            raise Interrupted


def _settle(running: Running) -> None:
    """Writes down what the votes were before, when the ledger has all that earlier corrections did."""
    if running.correction.settled_at is not None:
        return
    _drain(running)
    with transaction(running.work.engine) as connection:
        correction = _locked(connection, running)
        if correction.ended:
            raise Cancelled
        if correction.state == "approved":  # else another run has settled it meanwhile
            settle(connection, correction)
            begin(connection, correction)


def _drain(running: Running, *, patient: bool = True) -> None:
    """Until the ledger has all that the log has now. Errors: Interrupted while box and ledger are being repaired.

    `patient`: looks whether it should go on between tries.
    """
    contest, work = running.contest(), running.work
    try:
        for shard in range(contest.shards):
            while not drain(work.engine, work.box, contest.id, shard, seconds=DRAIN_S):
                if patient:
                    running.look()
    except (NotReadyError, LogFaultError):
        raise _left_for_a_while() from None


def _left_for_a_while() -> Interrupted:
    """The box is not ready: the ticker or the flush has found the same, and repairs. The next nudge tries again."""
    time.sleep(LOOK_S)
    return Interrupted()


def _locked(connection: Connection, running: Running) -> Correction:
    """Errors: TaskFailedError."""
    found = find_correction(connection, running.correction.id, lock=True)
    if found is None:
        raise TaskFailedError(UNKNOWN)
    return found


def _lay_beside_the_ledger(running: Running) -> int:
    """Returns how many votes wait: those that the box has lost before they were in the ledger.

    Errors: Cancelled where another run has ended it; what the ledger says since may be a later correction's doing.
    """
    _drain(running)
    with transaction(running.work.engine) as connection:
        if _locked(connection, running).ended:
            raise Cancelled
        match_ledger(connection, running.correction)
        waiting, running.total = count_waiting(connection, running.correction.id)
    running.done = running.total - waiting
    return waiting


def _cancelled(running: Running) -> None:
    """Ends what an operator asked to end; says nothing where another run has it."""
    work = running.work
    with transaction(work.engine) as connection:
        task = tasks.find_task(connection, work.task.id)
    if task is None or task.runs != work.task.runs or not task.cancel_asked:
        return
    _end(running, "cancelled")


def _end(running: Running, state: str, problem: str = "") -> Result:
    """Counts what became of the votes, marks that were lost too, and publishes it."""
    work = running.work
    if state == "cancelled":
        if not take_turn(running, last=True):  # else a run that sleeps changes votes that were never counted
            raise _left_for_a_while()
        _drain(running, patient=False)
    with transaction(work.engine) as connection:
        correction = _locked(connection, running)
        if correction.state == "running" and state == "cancelled":
            match_ledger(connection, correction)
        result = result_of(connection, correction.id)
        if end(connection, correction, state, result.stored(), problem):
            record(
                connection,
                work.task.actor,
                f"correction.{state}",
                f"correction:{correction.id}",
                contest_id=correction.contest_id,
                after=result.stored(),
                why=problem or correction.reason,
            )
            raise_version(connection, correction.contest_id)  # the voters' log of corrections has one more
        contest = contest_by_id(connection, correction.contest_id)
    bring(work.engine, work.box, contest)
    with transaction(work.engine) as connection:
        count_votes(connection, contest.id, result.by_entry)
    return result
