"""What the clients saw, in files that outlive them.

`votes-<worker>.tsv`: one line before a vote is sent, one for each answer, and one for each vote that was given up:

    account  entry  outcome  receipt  ms since 1970

account: the number of its token's line, or `login-<number>`. outcome: `sent`; `201`, `200`; `unknown` (`not_confirmed`,
or the connection broke: it may be counted); `gave_up`; `refused:<status>:<code>`; `mixed` (a receipt that came with
another entry's number: whose it is nobody knows); `intrusion:<trick>` (a forged request that was let in). A line is
written before the voter does anything else.

`seconds-<worker>.jsonl`: what was counted in each second, `{"s": second, "n": {name: number}}`; the names
stand in `counts.py`.
"""

import heapq
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

SENT, COUNTED, AGAIN, UNKNOWN, GAVE_UP, MIXED = "sent", "201", "200", "unknown", "gave_up", "mixed"
Pair = tuple[str, int]
"""Account and entry."""


class Journal:
    """One process's own files."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._votes: TextIO = (folder / f"votes-{worker}.tsv").open("a", buffering=1, encoding="ascii")
        self._seconds: TextIO = (folder / f"seconds-{worker}.jsonl").open("a", buffering=1, encoding="ascii")
        self._counts: dict[int, Counter[str]] = {}

    def vote(self, account: str, entry: int, outcome: str, receipt: str = "") -> None:
        self._votes.write(f"{account}\t{entry}\t{outcome}\t{receipt}\t{time.time() * 1000:.0f}\n")

    def count(self, second: int, name: str) -> None:
        counts = self._counts.get(second)
        if counts is None:
            counts = self._counts[second] = Counter()
        counts[name] += 1

    def publish(self, before: int | None = None) -> None:
        """Writes the counts of all seconds, or of those before `before`."""
        for second in sorted(self._counts):
            if before is None or second < before:
                self._seconds.write(json.dumps({"s": second, "n": self._counts.pop(second)}) + "\n")

    def close(self) -> None:
        self.publish()
        self._votes.close()
        self._seconds.close()


class Seconds:
    """What all processes have counted in each second, read on from where it was left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets: dict[Path, int] = {}
        self.counts: dict[int, Counter[str]] = {}

    def read(self) -> dict[int, Counter[str]]:
        """Second → counts. A line that is being written is left for the next time."""
        for path in sorted(self._folder.glob("seconds-*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._offsets.get(path, 0))
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._offsets[path] = self._offsets.get(path, 0) + len(line)
                    row = json.loads(line)
                    self.counts.setdefault(row["s"], Counter()).update(row["n"])
        return self.counts


@dataclass
class Votes:
    """All journals together."""

    receipts: dict[Pair, str] = field(default_factory=dict)
    """Acknowledged votes: what the voter was told is counted."""
    created: Counter[Pair] = field(default_factory=Counter)
    """How often a vote was answered 201; more than once is a vote counted twice."""
    unknown: set[Pair] = field(default_factory=set)
    """Unclear at least once; who is in `receipts` too knows in the end."""
    sent: set[Pair] = field(default_factory=set)
    answered: set[Pair] = field(default_factory=set)
    gave_up: set[Pair] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    """`<status>:<code>` → votes that were refused for good."""
    intrusions: Counter[str] = field(default_factory=Counter)
    changed_receipts: list[Pair] = field(default_factory=list)
    mixed: Counter[Pair] = field(default_factory=Counter)
    """Answered with a receipt for another entry than was asked for."""
    told_at: dict[Pair, int] = field(default_factory=dict)
    """When the receipt came, in ms since 1970."""

    def unclear(self) -> set[Pair]:
        """May be counted or not, also because the process that asked was killed before the answer."""
        return (self.unknown | (self.sent - self.answered)) - self.receipts.keys()

    def earlier(self) -> set[Pair]:
        """Acknowledged as "already voted", though no request of ours can have counted them: from before."""
        return {pair for pair in self.receipts if not self.created[pair] and pair not in self.unknown}

    def left(self) -> set[Pair]:
        """Who went without a receipt and without a clear no: they gave up, or their process ended."""
        return (self.gave_up | (self.sent - self.answered)) - self.receipts.keys()

    def shared(self) -> int:
        """Votes that were given a receipt which another vote has too."""
        return sum(times for times in Counter(self.receipts.values()).values() if times > 1)

    def latest(self, number: int) -> list[Pair]:
        """Who got their receipts last: they are the last to reach the ledger."""
        return heapq.nlargest(number, self.told_at, key=self.told_at.__getitem__)


def read_votes(folder: Path) -> Votes:
    votes = Votes()
    for account, entry, outcome, receipt, ms in _lines(folder):
        pair = (account, int(entry))
        if outcome == SENT:
            votes.sent.add(pair)
            continue
        votes.answered.add(pair)
        if outcome in {COUNTED, AGAIN}:
            if votes.receipts.setdefault(pair, receipt) != receipt:
                votes.changed_receipts.append(pair)
            votes.created[pair] += outcome == COUNTED
            votes.told_at.setdefault(pair, int(ms))
        elif outcome == UNKNOWN:
            votes.unknown.add(pair)
        elif outcome == GAVE_UP:
            votes.gave_up.add(pair)
        elif outcome == MIXED:
            votes.unknown.add(pair)
            votes.mixed[pair] += 1
        elif outcome.startswith("intrusion:"):
            votes.intrusions[outcome.partition(":")[2]] += 1
        else:
            votes.refused[outcome.partition(":")[2]] += 1
    return votes


def _lines(folder: Path) -> Iterator[tuple[str, str, str, str, str]]:
    for path in sorted(folder.glob("votes-*.tsv")):
        with path.open(encoding="ascii") as file:
            for line in file:
                if line.endswith("\n"):  # a process that was killed may have left half a line
                    account, entry, outcome, receipt, ms = line.rstrip("\n").split("\t")
                    yield account, entry, outcome, receipt, ms
