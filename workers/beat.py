"""A pulse for tasks with steps of minutes: while one step runs, a thread tells the ledger that its worker is there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from models.database import LedgerAway
from workers.work import Cancelled, Interrupted, Work

EVERY_S = 10.0


class Beat:
    """How far a task is. `at` tells a step that begins, and raises what the thread met meanwhile."""

    def __init__(self, work: Work, total: int) -> None:
        self._work = work
        self._total = total
        self._done = 0
        self._met: Exception | None = None
        self._over = threading.Event()

    def at(self, step: int) -> None:
        """`step` begins. Errors: Cancelled, Interrupted, LedgerAway."""
        if self._met is not None:
            raise self._met
        self._done = step - 1
        self._work.progress(self._done, self._total)

    def run(self) -> None:
        while not self._over.wait(EVERY_S):
            try:
                self._work.progress(self._done, self._total)
            except LedgerAway:
                continue  # the step itself meets it
            except (Cancelled, Interrupted) as error:
                self._met = error
                return

    def stop(self) -> None:
        self._over.set()


@contextmanager
def beating(work: Work, total: int) -> Iterator[Beat]:
    """`total`: steps of the task."""
    beat = Beat(work, total)
    thread = threading.Thread(target=beat.run, daemon=True)
    thread.start()
    try:
        yield beat
    finally:
        beat.stop()
        thread.join()
