"""Proofs of work that come back: what is forged costs one HMAC, and no challenge more than one derivation.

The first answer to a challenge is derived and remembered; the same again is judged from memory, another one is refused
as it is: a browser finds one solution and sends that. So a flood must bring a new genuine challenge for each derivation
that it makes us do. Derivations wait in a line of their own, which has an end.
"""

import asyncio
import os
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from models.proof_of_work import Answer, Proofs

THREADS = max(1, min(os.cpu_count() or 1, 4))
MOST_WAITING = 400
"""Derivations that wait in one process; at 2 ms each, the last waits for less than a second."""
REMEMBERED = 20_000
"""Challenges; some MB. Who is forgotten is derived once more."""


class Crowded(Exception):  # noqa: N818 - a state of this process, as its callers speak of it
    """As many derivations wait as may."""


class _First(NamedTuple):
    said: str
    solves: asyncio.Future[bool]


class Proving:
    """The proofs of one process."""

    def __init__(self, proofs: Proofs) -> None:
        self._proofs = proofs
        self._line = ThreadPoolExecutor(THREADS, "proof")  # derivations let go of the interpreter: votes go on
        self._waiting = 0
        self._first: OrderedDict[str, _First] = OrderedDict()

    def stop(self) -> None:
        self._line.shutdown(wait=False, cancel_futures=True)

    async def id_of(self, payload: str) -> str | None:
        """The id of a genuine solution; None for anything else. Errors: Crowded."""
        answer = self._proofs.read(payload)
        if answer is None:
            return None
        first = self._first.get(answer.id) or self._begin(answer)
        if first.said != answer.said:
            return None
        return answer.id if await asyncio.shield(first.solves) else None

    def _begin(self, answer: Answer) -> _First:
        if self._waiting >= MOST_WAITING:
            raise Crowded
        self._waiting += 1
        solves = asyncio.get_running_loop().run_in_executor(self._line, self._proofs.solves, answer)
        solves.add_done_callback(self._done)
        first = self._first[answer.id] = _First(answer.said, solves)
        if len(self._first) > REMEMBERED:
            self._first.popitem(last=False)
        return first

    def _done(self, _solves: asyncio.Future[bool]) -> None:
        self._waiting -= 1
