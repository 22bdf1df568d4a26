"""A console on real stores.

| fixture   | what                                                                                              |
|-----------|---------------------------------------------------------------------------------------------------|
| `console` | the API with the contest of `open_contest` in box and ledger (`RunningApi`); nothing runs beside it |
| `desk`    | `desk(Role.ADMIN, "lan")` → an operator who is logged in (`Desk`); without a name: the role's       |
| `work`    | `work()` runs every task that waits, as a worker does                                               |
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from models import task as tasks
from models.database import transaction
from models.operator import Role
from models.scratch.connection import scratch_client
from tests.api.operators.desk import Desk, console_on
from tests.api.running import RunningApi
from tests.workers.contests import Stage
from workers.tasks import run_task


@pytest.fixture
def console(open_contest: Stage, box: str, database: str, scratch: str, tmp_path: Path) -> Iterator[RunningApi]:
    with console_on(box, database, scratch, tmp_path) as running:
        yield running


@pytest.fixture
def desk(console: RunningApi, open_contest: Stage, scratch: str) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def sit(role: Role, name: str = "") -> Desk:
        made.append(Desk(console, open_contest.engine, scratch, role, name))
        return made[-1]

    yield sit
    for one in made:
        one.close()


@pytest.fixture
def work(console: RunningApi, open_contest: Stage, scratch: str) -> Callable[[], None]:
    def run() -> None:
        with transaction(open_contest.engine) as connection:
            due = tasks.due(connection)
        with closing(scratch_client(scratch)) as client:
            for task_id in due:
                run_task(open_contest.engine, open_contest.client, client, console.settings, task_id)

    return run
