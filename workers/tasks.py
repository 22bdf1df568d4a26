"""Running operators' tasks: a row of the ledger is taken, run, and told how it ended.

| what happens             | then                                                                                     |
|--------------------------|------------------------------------------------------------------------------------------|
| dies while it runs       | after a minute without a word the ticker nudges it, and it runs again from its beginning |
| stopped longer than that | another run has it: `Work.progress` says so by Cancelled, and its end is not written     |
| asked to cancel          | `Work.progress` raises Cancelled at the next look; what was done by then stays           |
| ledger or box is away    | the run ends without a word, and the task waits for the next nudge                       |
| the worker has to stop   | the same                                                                                 |
"""

from collections.abc import Callable
from typing import Any

import structlog

from models import task as tasks
from models.ballot_box.connection import BoxAway, BoxClient, BoxFull, BoxRefused
from models.database import Engine, LedgerAway, transaction
from models.scratch.connection import ScratchAway, ScratchClient
from models.settings import Settings
from models.task import Task
from workers.close_out import close_out_task
from workers.correction_count import count_correction
from workers.correction_run import run_correction
from workers.imports import check_import, run_import
from workers.retention import count_task, erase_task
from workers.signals import find_signals_task
from workers.work import Cancelled, Interrupted, TaskFailedError, Work

log = structlog.get_logger()

Function = Callable[[Work], dict[str, Any]]
"""Does a task; returns its result, JSON. It must bear being run again from its beginning.
Errors: TaskFailedError; Cancelled and what `Work.progress` raises pass through.
"""

FUNCTIONS: dict[str, Function] = {
    "close_out": close_out_task,
    "correction.count": count_correction,
    "correction.run": run_correction,
    "erasing": erase_task,
    "erasing.count": count_task,
    "import": run_import,
    "import_check": check_import,
    "signals": find_signals_task,
}
"""Kind of task → what does it: a closed list, as that of the jobs (`models/jobs.py`)."""


def run_task(
    engine: Engine, box: BoxClient, scratch: ScratchClient, settings: Settings, task_id: int, functions: Any = None
) -> None:
    """Runs a task that is due; one that is not, or that another worker has, is left alone. Errors: LedgerAway."""
    with transaction(engine) as connection:
        task = tasks.take(connection, task_id)
    if task is None:
        return
    state, result, problem = "done", None, ""
    try:
        function = (FUNCTIONS if functions is None else functions)[task.kind]
        result = function(Work(task, engine, box, scratch, settings))
    except TaskFailedError as error:
        state, problem = "failed", str(error)
    except Cancelled:
        state = "cancelled"
    except (Interrupted, BoxAway, BoxFull, BoxRefused, LedgerAway, ScratchAway) as error:
        log.warning("a task waits", task=task.id, kind=task.kind, problem=str(error) or type(error).__name__)
        _again(engine, task)
        return
    except Exception as error:
        log.exception("ALARM: a task failed", task=task.id, kind=task.kind)
        state, problem = "failed", type(error).__name__
    with transaction(engine) as connection:
        tasks.end(connection, task.id, task.runs, state, result=result, problem=problem)


def _again(engine: Engine, task: Task) -> None:
    """Lets the next nudge run it, where the ledger can be told; else it is taken for gone after a minute."""
    try:
        with transaction(engine) as connection:
            tasks.put_back(connection, task.id, task.runs)
    except LedgerAway as error:
        log.warning("the ledger is away", problem=str(error))
