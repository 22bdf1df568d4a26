"""Votes put into an intake, and what each of them was answered: when, and how often."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from models.ballot_box.intake import Intake
from models.outcomes import Outcome
from tests.models.ballot_box.boxes import CONTEST_ID, FINGERPRINT, body

LONGEST_S = 2.0  # within which every vote must be answered, whatever the box does


@dataclass(eq=False)
class Slip:
    """One vote that was put; `answers` must come to hold exactly one."""

    account: int
    entry: int
    put_at: float = field(default_factory=time.monotonic)
    answers: list[Outcome] = field(default_factory=list)
    waited_s: float = 0.0

    def settle(self, outcome: Outcome) -> None:
        self.answers.append(outcome)
        self.waited_s = time.monotonic() - self.put_at

    @property
    def vote(self) -> tuple[int, int]:
        return self.account, self.entry


@dataclass
class Voters:
    """Everyone who voted through one intake. `sizes`: of the calls that were answered."""

    intake: Intake
    sizes: list[int]
    slips: list[Slip] = field(default_factory=list)

    def put(self, account: int, entry: int = 1) -> Slip:
        slip = Slip(account, entry)
        self.slips.append(slip)
        self.intake.put(account, entry, body(account, entry), slip.settle)
        return slip

    async def vote(self, account: int, entry: int = 1) -> Outcome:
        """Puts a vote and waits for its answer."""
        slip = self.put(account, entry)
        await until(lambda: slip.answers, what="an answer")
        return slip.answers[0]

    async def answered(self) -> Counter[Outcome]:
        """Waits until all votes are answered, and counts the answers."""
        await until(lambda: all(slip.answers for slip in self.slips), what="all answers")
        self.check()
        return Counter(slip.answers[0] for slip in self.slips)

    def check(self) -> None:
        """Nobody was answered twice, nobody waited too long."""
        assert max((len(slip.answers) for slip in self.slips), default=0) <= 1
        assert max((slip.waited_s for slip in self.slips), default=0) <= LONGEST_S

    def of(self, *outcomes: Outcome) -> list[tuple[int, int]]:
        """The votes that were answered so."""
        return [slip.vote for slip in self.slips if slip.answers and slip.answers[0] in outcomes]


async def until(condition: Callable[[], object], seconds: float = 5.0, what: str = "") -> None:
    """Waits in the event loop until `condition()` is true. Errors: AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        await asyncio.sleep(0.002)


@asynccontextmanager
async def voting(url: str, *, shards: int = 1, connect: bool = True, **options: Any) -> AsyncIterator[Voters]:
    """An intake that runs against the box at `url`; at its end every vote must have been answered exactly once."""
    sizes: list[int] = []
    intake = Intake(url, fingerprint=FINGERPRINT, batches=lambda size, *_times: sizes.append(size), **options)
    await intake.start()
    intake.aim(CONTEST_ID, shards, 1)
    voters = Voters(intake, sizes)
    try:
        if connect:
            await until(lambda: intake.connected, what="a connection")
        yield voters
    finally:
        await intake.stop()
    assert {len(slip.answers) for slip in voters.slips} <= {1}
    voters.check()
