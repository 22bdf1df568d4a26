"""Looking for signals: each 10 minutes while voting is open, and when an operator asks for it.

| what happens                      | then                                                                      |
|-----------------------------------|---------------------------------------------------------------------------|
| dies, or is killed, half-way      | nothing of the run stays; what the last whole run found is shown          |
| dies after the commit             | the run stands; the console's count of new clusters is old until the next |
| another run has the contest       | it leaves: a nudge without a word, a task says so                         |
| the ledger goes away              | as if it had died                                                         |
| the worker has to stop, or cancel | it ends between two of its steps, as if it had died                       |
| scratch is away                   | the run stands; count and domains are written by the next                 |
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from models import signal_lists
from models.database import Engine, transaction
from models.scratch.connection import ScratchAway, ScratchClient
from models.scratch.domain_list import publish_domains
from models.scratch.status import write_status
from models.signals.search import STEPS, Searched, is_due, search
from workers.beat import beating
from workers.work import Interrupted, TaskFailedError, Work

log = structlog.get_logger()

EVERY = timedelta(minutes=9, seconds=30)  # the ticker nudges each 10 minutes
REST = 9
"""A run is followed by at least so many times its length without one: at most a tenth of the ledger's time."""
BUSY = "Một lần tìm dấu hiệu khác đang chạy. Hãy đợi lần đó xong rồi xem lại trang này."


def find_signals(
    engine: Engine, scratch: ScratchClient, contest_id: int, now: datetime, stopping: Callable[[], bool]
) -> Searched | None:
    """A regular run, where it is time for one. Errors: LedgerAway, ScratchAway."""
    if not is_due(engine, contest_id, now, every=EVERY, rest=REST):
        return None

    def step(_done: int) -> None:
        if stopping():
            raise Interrupted

    try:
        found = search(engine, contest_id, now, step=step)
    except Interrupted:
        log.info("the search for signals was stopped", contest=contest_id)
        return None
    if found:
        _tell(engine, scratch, contest_id, found)
    return found


def find_signals_task(work: Work) -> dict[str, Any]:
    """A run that an operator asked for; `payload["whole"]`: over all votes. Result: the numbers of `Searched`."""
    contest_id = work.task.contest_id
    if contest_id is None:
        raise TaskFailedError("Không rõ cuộc thi nào.")
    whole = bool(work.task.payload.get("whole"))
    with beating(work, STEPS) as beat:
        beat.at(1)
        found = search(work.engine, contest_id, datetime.now(UTC), whole=whole, step=lambda done: beat.at(done + 1))
    if found is None:
        raise TaskFailedError(BUSY)
    try:
        _tell(work.engine, work.scratch, contest_id, found)
    except ScratchAway as error:
        log.warning("scratch is away: the count of clusters is old", problem=str(error))
    return vars(found)


def _tell(engine: Engine, scratch: ScratchClient, contest_id: int, found: Searched) -> None:
    """The count for the console, and the list for the login. Errors: LedgerAway, ScratchAway."""
    log.info("signals", contest=contest_id, **vars(found))
    write_status(scratch, {"signals": found.new})
    with transaction(engine) as connection:
        domains = [item.name for item in signal_lists.domains(connection)]
    publish_domains(scratch, domains)
