"""What the voters saw: a journal that is on disk before the voter does anything else, and its reading.

`votes.jsonl`, one line each (times: seconds since 1970):

    {"try": "5f-7", "account": 42, "entry": 1, "at": …}                                    before the request leaves
    {"try": "5f-7", "outcome": "ok", "status": 201, "receipt": "7F3K-…", "at": …}          the answer
    {"try": "5f-8", "outcome": "refused", "status": 503, "code": "busy", "retry_after": true, "at": …}
    {"try": "5f-9", "outcome": "unknown", "status": 503, "code": "not_confirmed", …}       or status 0: no answer came

`marks.jsonl`: `{"mark": "fault", "what": "kill -9 box", "at": …}`, `{"mark": "heal", …}`.

A try without an answer in the journal is unknown. Nothing of the product is imported here.
"""

import asyncio
import itertools
import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"
VOTES, MARKS = "votes.jsonl", "marks.jsonl"
Pair = tuple[int, int]
"""Account and entry."""


class Journal:
    """Lines that are on disk when `write` returns; all that wait share one fdatasync."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / VOTES).open("ab", buffering=0)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, **fields: Any) -> None:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((line(fields), done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await asyncio.to_thread(self._put, b"".join(text for text, _ in batch))
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    def _put(self, text: bytes) -> None:
        self._file.write(text)
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def mark(folder: Path, kind: str, what: str) -> None:
    """Writes a mark: `fault` or `heal`."""
    with (folder / MARKS).open("ab", buffering=0) as file:
        file.write(line({"mark": kind, "what": what}))
        os.fdatasync(file.fileno())


def line(fields: dict[str, Any]) -> bytes:
    return json.dumps({**fields, "at": time.time()}).encode() + b"\n"


@dataclass
class Attempt:
    """One request. `told_at` None: no answer ever came."""

    account: int
    entry: int
    sent_at: float
    outcome: str = UNKNOWN
    told_at: float | None = None
    status: int = 0
    code: str = ""
    receipt: str = ""
    retry_after: bool = False

    @property
    def pair(self) -> Pair:
        return self.account, self.entry


@dataclass
class History:
    """All tries and marks. Times: seconds since 1970."""

    attempts: list[Attempt] = field(default_factory=list)
    marks: list[tuple[str, str, float]] = field(default_factory=list)
    """(`fault` or `heal`, what, when)"""

    def ok(self) -> dict[Pair, str]:
        """Acknowledged votes → receipt, the first that was told."""
        told: dict[Pair, str] = {}
        for attempt in self.attempts:
            if attempt.outcome == OK:
                told.setdefault(attempt.pair, attempt.receipt)
        return told

    def unknown(self) -> set[Pair]:
        """Not acknowledged, and at least one try of theirs may have been counted."""
        return {attempt.pair for attempt in self.attempts if attempt.outcome == UNKNOWN} - self.ok().keys()

    def refused(self) -> set[Pair]:
        """Every try was refused: nothing of theirs may be counted."""
        return {attempt.pair for attempt in self.attempts} - self.ok().keys() - self.unknown()

    def outcomes(self) -> Counter[str]:
        return Counter(attempt.outcome for attempt in self.attempts)

    def told_at(self) -> dict[Pair, float]:
        """When each vote was first acknowledged."""
        told: dict[Pair, float] = {}
        for attempt in self.attempts:
            if attempt.outcome == OK and attempt.told_at is not None:
                told[attempt.pair] = min(attempt.told_at, told.get(attempt.pair, attempt.told_at))
        return told

    def first_fault(self) -> float | None:
        return min((at for kind, _, at in self.marks if kind == "fault"), default=None)

    def last_heal(self) -> float | None:
        return max((at for kind, _, at in self.marks if kind == "heal"), default=None)

    def pause_s(self) -> float:
        """The longest time without any acknowledgement, in seconds."""
        times = sorted(attempt.told_at for attempt in self.attempts if attempt.outcome == OK and attempt.told_at)
        return max((later - earlier for earlier, later in itertools.pairwise(times)), default=0.0)

    def recovery_s(self) -> float | None:
        """From the last heal until a vote that was sent after it is acknowledged; None: there is none."""
        healed = self.last_heal()
        if healed is None:
            return None
        told = [a.told_at for a in self.attempts if a.outcome == OK and a.sent_at >= healed and a.told_at]
        return min(told) - healed if told else None


def read(folder: Path) -> History:
    """Errors: ValueError for a line that is no line of a journal; half a line at the end is what a crash leaves."""
    history, open_tries = History(), dict[int, Attempt]()
    for row in _rows(folder / VOTES):
        if "outcome" not in row:
            attempt = Attempt(row["account"], row["entry"], row["at"])
            open_tries[row["try"]] = attempt
            history.attempts.append(attempt)
            continue
        attempt = open_tries.pop(row["try"])
        attempt.outcome, attempt.told_at, attempt.status = row["outcome"], row["at"], row["status"]
        attempt.code, attempt.receipt = row.get("code", ""), row.get("receipt", "")
        attempt.retry_after = row.get("retry_after", False)
    history.marks = [(row["mark"], row["what"], row["at"]) for row in _rows(folder / MARKS)]
    return history


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(text) for text in path.read_bytes().split(b"\n")[:-1]]
