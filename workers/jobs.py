"""The jobs that RQ may run: an adapter of a few lines each. The closed list itself is models/jobs.py: JOBS."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from models.ballot_box.connection import BoxAway, BoxClient, BoxFull, BoxRefused, box_client
from models.ballot_box.steer import RepairTakenOverError
from models.contest import Contest, contest_by_id
from models.database import Engine, LedgerAway, transaction, worker_engine
from models.scratch.connection import ScratchAway, scratch_client
from models.scratch.status import write_status
from models.settings import settings
from workers import answers, books, claims, signals, tasks
from workers.codes import send_slice
from workers.flush import LogFaultError, NotReadyError, flush_slice
from workers.repair import RepairRefusedError, RepairRunningError
from workers.repair import repair as run_repair
from workers.retention import erase_all
from workers.stopping import stopping
from workers.work import Interrupted

log = structlog.get_logger()

Found = TypeVar("Found")


def flush(contest_id: int, shard: int, seconds: float) -> None:
    """A slice of flushing. A log that does not fit the ledger is repaired at once, by the worker that found it."""
    stack = settings().require_stack()
    engine = worker_engine(stack.database())
    with closing(box_client(stack.box())) as client:
        try:
            flush_slice(
                engine, client, contest_id, shard, seconds=seconds, stopping=stopping.is_set, wait=stopping.wait
            )
        except NotReadyError:
            log.info("the contest is not in the box", contest=contest_id, shard=shard)
        except (BoxAway, BoxRefused, LedgerAway) as error:
            log.warning("the flush waits", contest=contest_id, shard=shard, problem=str(error))
            stopping.wait(1.0)
        except LogFaultError as fault:
            log.error(
                "ALARM: log and ledger do not fit: repairing", contest=contest_id, shard=shard, problem=str(fault)
            )
            _repair(engine, client, contest_id, str(fault))


def repair(contest_id: int) -> None:
    """Opens the contest in a box that lacks it. The ticker asks for it as long as it does, while it is repaired too:
    were the last nudge of these a reason to repair again, a repair of more than a second would never be the last.
    """
    stack = settings().require_stack()
    with closing(box_client(stack.box())) as client:
        engine = worker_engine(stack.database())
        _repair(engine, client, contest_id, "the contest is not in the box", unless_open=True)


def _repair(engine: Engine, client: BoxClient, contest_id: int, fault: str, *, unless_open: bool = False) -> None:
    try:
        run_repair(engine, client, contest_id, settings().keys(), unless_open=unless_open)
    except RepairRunningError as error:
        log.info("the repair is left to the other one", contest=contest_id, problem=str(error))
    except (RepairRefusedError, RepairTakenOverError) as error:
        log.error("the repair does not go on", contest=contest_id, problem=str(error))
        _note({"fault": f"{fault}; {error}"})
    except (BoxAway, BoxFull, BoxRefused, LedgerAway) as error:
        log.warning("the repair waits", contest=contest_id, problem=str(error))
        _note({"fault": fault})
    else:
        _note({"fault": None})


def reconcile(contest_id: int) -> None:
    """Compares box and ledger and writes down what it found; alarms when they differ."""
    asked = _ask(contest_id, books.compare)
    if asked is None:
        return
    contest, found = asked
    if found.drift or found.parked:
        log.error("ALARM: the books do not agree", contest=contest.slug, drift=found.drift, parked=found.parked)
    _note(books.as_status(found))


def prove(contest_id: int) -> None:
    """The nightly proof from rows and ballots."""
    asked = _ask(contest_id, books.prove)
    if asked is None:
        return
    contest, proofs = asked
    failed = [proof for proof in proofs if not proof.holds]
    for proof in failed:
        log.error("ALARM: rows and ballots do not agree", contest=contest.slug, **vars(proof))
    _note({"proof": "failed" if failed else "holds"})


def send_codes(seconds: float) -> None:
    """A slice of sending login codes."""
    stack = settings().require_stack()
    try:
        asyncio.run(
            send_slice(
                stack.scratch(),
                stack.keys(),
                stack.channels(),
                connections=stack.code_connections,
                seconds=seconds,
                stopping=stopping.is_set,
            )
        )
    except ScratchAway as error:
        log.warning("the codes wait", problem=str(error))
        stopping.wait(1.0)


def store_claims() -> None:
    """Brings claims of lost votes from scratch into the ledger."""
    stack = settings().require_stack()
    try:
        with closing(scratch_client(stack.scratch())) as client:
            claims.store_claims(worker_engine(stack.database()), client, stopping=stopping.is_set)
    except (LedgerAway, ScratchAway) as error:
        log.warning("the claims wait", problem=str(error))
        stopping.wait(1.0)


def send_answers() -> None:
    """Sends the answers to claims that are due."""
    stack = settings().require_stack()
    try:
        answers.send_answers(
            worker_engine(stack.database()), stack.scratch(), stack.channels(), stopping=stopping.is_set
        )
    except LedgerAway as error:
        log.warning("the answers wait", problem=str(error))
        stopping.wait(1.0)


def erase() -> None:
    """The nightly erasing of what was kept long enough."""
    stack = settings().require_stack()

    def go_on(_done: int, _total: int) -> None:
        if stopping.is_set():
            raise Interrupted

    try:
        with closing(box_client(stack.box())) as box:
            erase_all(worker_engine(stack.database()), box, datetime.now(UTC), go_on)
    except (Interrupted, LedgerAway) as error:
        log.warning("the erasing waits for the next night", problem=str(error) or type(error).__name__)


def run_task(task_id: int) -> None:
    """An operator's task (models/task.py)."""
    stack = settings().require_stack()
    with closing(box_client(stack.box())) as box, closing(scratch_client(stack.scratch())) as scratch:
        try:
            tasks.run_task(worker_engine(stack.database()), box, scratch, stack, task_id)
        except LedgerAway as error:
            log.warning("a task waits", task=task_id, problem=str(error))
            stopping.wait(1.0)


def find_signals(contest_id: int) -> None:
    """A regular search for signals."""
    stack = settings().require_stack()
    try:
        with closing(scratch_client(stack.scratch())) as client:
            signals.find_signals(
                worker_engine(stack.database()), client, contest_id, datetime.now(UTC), stopping.is_set
            )
    except (LedgerAway, ScratchAway) as error:
        log.warning("the signals wait", contest=contest_id, problem=str(error))
        stopping.wait(1.0)


def _ask(contest_id: int, question: Callable[[Engine, BoxClient, Contest], Found]) -> tuple[Contest, Found] | None:
    """The contest, and what comes of asking box and ledger about it; None while one of them is away."""
    stack = settings().require_stack()
    engine = worker_engine(stack.database())
    with closing(box_client(stack.box())) as client:
        try:
            with transaction(engine) as connection:
                contest = contest_by_id(connection, contest_id)
            return contest, question(engine, client, contest)
        except (BoxAway, BoxRefused, LedgerAway) as error:
            log.warning("the books wait", contest=contest_id, problem=str(error))
            return None


def _note(values: dict[str, float | int | str | None]) -> None:
    try:
        with closing(scratch_client(settings().require_stack().scratch())) as client:
            write_status(client, values)
    except ScratchAway as error:
        log.warning("scratch is away: the books are not shown", problem=str(error))
