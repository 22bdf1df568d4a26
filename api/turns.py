"""Turns for what a process has to make: one page or call begins in each round of the event loop.

A page takes a millisecond or two. When hundreds are asked for at once (a search for words that nobody searched for, an
address that does not exist) one round would make them all, and every vote would wait for all of them. So votes and what
is in memory are answered in each round, and the others one after another.
"""

import asyncio
from collections import deque


class Turns:
    """First come, first served. For one event loop."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False

    async def next(self) -> None:
        """Returns when it is this caller's turn: at once if nobody else has begun in this round."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            loop.call_soon(self._round, loop)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _round(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wakes the next in the round after this one; those who left meanwhile are passed over."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                loop.call_soon(self._round, loop)
                return
        self._taken = False
