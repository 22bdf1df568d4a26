"""What the function of an operator's task gets and raises; `workers/tasks.py` runs it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from models import task as tasks
from models.ballot_box.connection import BoxClient
from models.database import Engine, transaction
from models.scratch.connection import ScratchClient
from models.settings import Settings
from models.task import Task
from workers.stopping import stopping


class TaskFailedError(Exception):
    """A task cannot be done, and trying again would change nothing. The text says why, for operators, in Vietnamese."""


class Cancelled(Exception):  # noqa: N818 - not an error: an operator's wish, or another run
    """The task must not go on."""


class Interrupted(Exception):  # noqa: N818 - as above
    """The worker has been asked to stop: another run will begin anew."""


@dataclass
class Work:
    """What the function of a task gets. `task.payload` is what it was asked for."""

    task: Task
    engine: Engine
    box: BoxClient
    scratch: ScratchClient
    settings: Settings
    stopping: Callable[[], bool] = field(default=stopping.is_set)

    def progress(self, done: int, total: int | None = None) -> None:
        """Tells how far it is; to be called at least every 20 s. Errors: Cancelled, Interrupted, LedgerAway."""
        if self.stopping():
            raise Interrupted
        with transaction(self.engine) as connection:
            if not tasks.heard(connection, self.task.id, self.task.runs, done, total):
                raise Cancelled
