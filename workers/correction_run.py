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
| another correction of the contest is at work  | this one waits for its turn                                         |
| the contest has become final                  | it ends as cancelled: nothing more is changed                       |
"""

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from models import task as tasks
from models.audit import record
from models.ballot_box import steer
from models.ballot_box.keys import shard_keys
from models.contest import Contest, contest_by_id, raise_version
from models.correction import Correction, begin, end, find_correction, whose_turn
from models.correction_votes import (
    FIRST,
    Result,
    Vote,
    count_waiting,
    mark_done,
    match_ledger,
    result_of,
    settle,
    waiting_votes,
)
from models.database import Connection, transaction
from models.decisions import bring
from workers.correction_count import UNKNOWN
from workers.flush import LogFaultError, NotReadyError, drain
from workers.work import Cancelled, Interrupted, TaskFailedError, Work

CALL = 500
"""Votes in one call of the box: some milliseconds in which it decides nothing else."""
PAGE = 5_000
"""Votes whose marks are written together."""
VOTES_PER_S = 10_000
"""At most so many: most of the time of box and flush stays with those who vote."""
PATIENCE_S = 20.0
"""With a box that is not ready, until the worker is left to other tasks for a while."""
LOOK_S = 0.2
DRAIN_S = 5.0
ROUNDS = 5
FINAL = "Kết quả cuộc thi đã chốt: không loại và không khôi phục phiếu được nữa."
STUBBORN = "Còn %d phiếu chưa đổi được vì hòm phiếu và sổ phiếu chưa khớp. Hãy báo kỹ thuật viên, rồi bấm Chạy tiếp."


class ContestFinalError(Exception):
    """Nothing about the contest's votes can be changed any more."""


@dataclass
class Running:
    """A correction at work. `done` of `total` votes are as they shall be, as far as is known."""

    work: Work
    correction: Correction
    done: int = 0
    total: int = 0

    def look(self) -> None:
        """Errors: Cancelled, Interrupted, LedgerAway."""
        self.work.progress(self.done, self.total)

    def contest(self) -> Contest:
        """As it stands now. Errors: ContestFinalError."""
        contest = self.contest_even_final()
        if contest.state == "final":
            raise ContestFinalError
        return contest

    def contest_even_final(self) -> Contest:
        with transaction(self.work.engine) as connection:
            return contest_by_id(connection, self.correction.contest_id)

    def locked(self, connection: Connection) -> Correction:
        """Errors: TaskFailedError."""
        found = find_correction(connection, self.correction.id, lock=True)
        if found is None:
            raise TaskFailedError(UNKNOWN)
        return found


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
    running.contest()
    _wait_for_turn(running)
    _settle(running)
    for _ in range(ROUNDS):
        _send(running)
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
        correction = running.locked(connection)
        if correction.state == "approved":  # else another run has settled it meanwhile
            settle(connection, correction)
            begin(connection, correction.id)


def _send(running: Running) -> None:
    """Every vote that waits, through the box."""
    correction, engine = running.correction, running.work.engine
    after, waiting = FIRST, 1
    while waiting:
        began = time.monotonic()
        with transaction(engine) as connection:
            votes = waiting_votes(connection, correction.id, after, PAGE)
        waiting = len(votes)
        if votes:
            _through_the_box(running, votes)
            with transaction(engine) as connection:
                mark_done(connection, correction.id, votes)
            running.done += len(votes)
            after = votes[-1]
        running.look()
        time.sleep(max(0.0, len(votes) / VOTES_PER_S - (time.monotonic() - began)))


def _through_the_box(running: Running, votes: list[Vote]) -> None:
    """Voids or restores each of `votes`; those for which the box is not ready are sent again until it is.

    Errors: ContestFinalError, BoxAway, Cancelled; Interrupted after PATIENCE_S.
    """
    until = time.monotonic() + PATIENCE_S
    while votes:
        votes = _call_each_shard(running, running.contest(), votes)
        if votes:
            if time.monotonic() > until:
                raise Interrupted
            running.look()
            time.sleep(LOOK_S)


def _call_each_shard(running: Running, contest: Contest, votes: list[Vote]) -> list[Vote]:
    """Returns the votes for which the box was not ready. Errors: BoxAway."""
    correction = running.correction
    decide = steer.void if correction.voids else steer.restore
    by_shard: dict[int, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_shard[vote[0] % contest.shards].append(vote)
    refused: list[Vote] = []
    for shard, members in by_shard.items():
        keys = shard_keys(contest.id, shard)
        for at in range(0, len(members), CALL):
            part = members[at : at + CALL]
            letters = decide(running.work.box, keys, contest.epoch, part, correction.reason)
            refused += [vote for vote, letter in zip(part, letters, strict=True) if letter == "r"]
    return refused


def _drain(running: Running, *, patient: bool = True) -> None:
    """Until the ledger has all that the log has now. Errors: Interrupted while box and ledger are being repaired.

    `patient`: looks whether it should go on between tries.
    """
    contest, work = running.contest_even_final(), running.work
    try:
        for shard in range(contest.shards):
            while not drain(work.engine, work.box, contest.id, shard, seconds=DRAIN_S):
                if patient:
                    running.look()
    except (NotReadyError, LogFaultError):
        time.sleep(LOOK_S)  # the flush has found the same, and repairs
        raise Interrupted from None


def _lay_beside_the_ledger(running: Running) -> int:
    """Returns how many votes wait: those that the box has lost before they were in the ledger."""
    _drain(running)
    with transaction(running.work.engine) as connection:
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
        _drain(running, patient=False)
    with transaction(work.engine) as connection:
        correction = running.locked(connection)
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
    return result
