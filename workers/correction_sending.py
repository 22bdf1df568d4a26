"""Sending a correction's votes through the box, under its turn.

A run takes a turn: a number of the ledger that only rises, noted in the box. The box does what the latest turn says
and refuses every earlier one: a worker that slept while another took its place, and the correction was ended or turned
back, changes nothing when it wakes. Epoch and number are read before the run looks whether it is still the one; whoever
takes its place afterwards has a greater number, and a repair meanwhile begins another epoch.
"""

import time
from collections import defaultdict
from dataclasses import dataclass

from models import task as tasks
from models.ballot_box import steer
from models.ballot_box.keys import shard_keys
from models.contest import Contest, contest_by_id
from models.correction import ContestFinalError, Correction
from models.correction_votes import FIRST, Vote, mark_done, waiting_votes
from models.database import transaction
from workers.correction_pace import Pace, no_room
from workers.work import Interrupted, TaskFailedError, Work

CALL = 500
"""Votes in one call of the box: some milliseconds in which it decides nothing else."""
PAGE = 5_000
"""Votes whose marks are written together, at most."""
PATIENCE_S = 20.0
"""With a box that is not ready, until the worker is left to other tasks for a while."""
LOOK_S = 0.2


@dataclass(frozen=True)
class Turn:
    """`contest`: as it stood when the turn was taken; its epoch belongs to the number."""

    contest: Contest
    number: int


@dataclass
class Running:
    """A correction at work. `done` of `total` votes are as they shall be, as far as is known."""

    work: Work
    correction: Correction
    done: int = 0
    total: int = 0
    turn: Turn | None = None

    def look(self) -> None:
        """Errors: Cancelled, Interrupted, LedgerAway."""
        self.work.progress(self.done, self.total)

    def contest(self) -> Contest:
        """As it stands now."""
        with transaction(self.work.engine) as connection:
            return contest_by_id(connection, self.correction.contest_id)

    def open_contest(self) -> Contest:
        """As it stands now. Errors: ContestFinalError."""
        contest = self.contest()
        if contest.state == "final":
            raise ContestFinalError
        return contest


def take_turn(running: Running, *, last: bool = False) -> bool:
    """From now on no earlier run changes a vote. `last`: nor does this one any more; that is for its end, when looking
    would only say that it was asked to stop. Returns False where the box is not ready.

    Errors: ContestFinalError, BoxAway, LedgerAway; those of `Running.look`.
    """
    work = running.work
    with transaction(work.engine) as connection:
        contest = contest_by_id(connection, running.correction.contest_id)
        number = tasks.rising_number(connection)
    if not last:
        if contest.state == "final":
            raise ContestFinalError
        running.look()
    shards = [shard_keys(contest.id, shard) for shard in range(contest.shards)]
    taken = all(steer.take_turn(work.box, keys, contest.epoch, number) for keys in shards)
    running.turn = Turn(contest, number) if taken and not last else None
    return taken


def send(running: Running) -> None:
    """Every vote that waits, through the box.

    Errors: as `_through_the_box`; TaskFailedError where the box has no room.
    """
    correction, work = running.correction, running.work
    pace = Pace(work.engine, work.box, running.open_contest())
    pace.after(0)
    after = FIRST
    _refuse_without_room(running, pace.contest, running.total - running.done)
    while True:
        began, per_s = time.monotonic(), pace.per_s
        running.open_contest()
        with transaction(work.engine) as connection:
            votes = waiting_votes(connection, correction.id, after, min(PAGE, per_s))
        if not votes:
            running.look()
            return
        _refuse_without_room(running, pace.contest, len(votes))
        _through_the_box(running, votes)
        with transaction(work.engine) as connection:
            mark_done(connection, correction.id, votes)
        running.done += len(votes)
        after = votes[-1]
        running.look()
        time.sleep(max(0.0, len(votes) / per_s - (time.monotonic() - began)))
        pace.after(len(votes))
        pace.wait_for_the_flush(running.look, LOOK_S)


def _refuse_without_room(running: Running, contest: Contest, votes: int) -> None:
    correction = running.correction
    if sentence := no_room(running.work.box, contest, votes, correction.reason, voids=correction.voids):
        raise TaskFailedError(sentence)


def _through_the_box(running: Running, votes: list[Vote]) -> None:
    """Voids or restores each of `votes`; those for which the box is not ready are sent again until it is.

    Errors: ContestFinalError, BoxAway, Cancelled; Interrupted after PATIENCE_S.
    """
    until = time.monotonic() + PATIENCE_S
    while votes:
        if running.turn is not None or take_turn(running):
            votes = _call_each_shard(running, votes)
        if votes:
            if time.monotonic() > until:
                raise Interrupted
            running.turn = None
            running.look()
            time.sleep(LOOK_S)


def _call_each_shard(running: Running, votes: list[Vote]) -> list[Vote]:
    """Returns the votes for which the box was not ready, or had another's turn. Errors: BoxAway."""
    correction, turn = running.correction, running.turn
    if turn is None:
        return votes
    contest, decide = turn.contest, steer.void if correction.voids else steer.restore
    by_shard: dict[int, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_shard[vote[0] % contest.shards].append(vote)
    refused: list[Vote] = []
    for shard, members in by_shard.items():
        keys = shard_keys(contest.id, shard)
        for at in range(0, len(members), CALL):
            part = members[at : at + CALL]
            letters = decide(running.work.box, keys, contest.epoch, part, correction.reason, turn.number)
            refused += [vote for vote, letter in zip(part, letters, strict=True) if letter == "r"]
    return refused
