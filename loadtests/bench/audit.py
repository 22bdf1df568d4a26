"""Whether every acknowledged vote is in the ledger."""

import time
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPConnection

from loadtests.bench.ledger import wait_until_flushed
from loadtests.bench.stack import Stack
from models.database import transaction
from models.tally import count_votes
from models.vote import count_rows
from workers.books import compare

COUNTS_S = 5.0
"""The processes of a group publish what they count twice a second."""


@dataclass(frozen=True)
class Sent:
    """What the generators know: votes and repeats that were answered, that were sent at most, and that were refused."""

    answered: int
    at_most: int
    repeats_answered: int = 0
    repeats_at_most: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Audit:
    """Votes as each place counts them, when the log is empty. `answers`: outcome → answers of all API processes."""

    sent: Sent
    answers: dict[str, int]
    cast_directly: int
    box: int
    ledger: int
    rows: int
    parked: int
    conflicts: int
    drift: int | None

    def problems(self) -> list[str]:
        """What is not as it must be, in words; empty when no vote was lost, doubled or refused unseen."""
        counted, again = self.answers.get("counted", 0), self.answers.get("already_voted", 0)
        unclear = self.answers.get("not_confirmed", 0)  # such a vote may be counted or not
        refused = sum(self.answers.values()) - counted - again
        checks = {
            "generators and API differ in refusals": refused == self.sent.refused,
            "generators and API differ in votes": self.sent.answered <= counted <= self.sent.at_most,
            "generators and API differ in repeats": self.sent.repeats_answered <= again <= self.sent.repeats_at_most,
            "acknowledged votes and ledger rows differ": 0 <= self.rows - self.cast_directly - counted <= unclear,
            "box, ledger and rows differ": self.box == self.ledger == self.rows,
            "events are parked, or votes were there already": self.parked == self.conflicts == 0,
            "there is drift": self.drift == 0,
        }
        return [words for words, holds in checks.items() if not holds]


def audit(stack: Stack, ports: list[int], sent: Sent, *, cast_directly: int) -> Audit:
    """Waits for the log to be flushed and counts everywhere. `ports`: of all who take votes for the stack's box."""
    wait_until_flushed(stack)
    books = compare(stack.engine, stack.box, stack.contest)
    with transaction(stack.engine) as connection:
        ledger = count_votes(connection, stack.contest.id)
        rows = sum(count_rows(connection, stack.contest.id).values())
    return Audit(
        sent=sent,
        answers=_answers(ports, rows - cast_directly),
        cast_directly=cast_directly,
        box=sum(shard.box_votes for shard in books.shards),
        ledger=ledger,
        rows=rows,
        parked=books.parked,
        conflicts=books.conflicts,
        drift=books.drift,
    )


def _answers(ports: list[int], expected: int) -> dict[str, int]:
    """Outcome → answers to votes, as all of them count; one that has not published so many yet is waited for."""
    deadline = time.monotonic() + COUNTS_S
    while True:
        found: Counter[str] = Counter()
        for port in ports:
            found.update(acknowledged(port))
        if found["counted"] >= expected or time.monotonic() > deadline:
            return dict(found)
        time.sleep(0.1)


def acknowledged(port: int) -> dict[str, int]:
    """Outcome → answers to votes, as the API counts them."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    found = (
        line.split('outcome="')[1].split('"} ')
        for line in text.splitlines()
        if line.startswith("binhchon_votes_total{")
    )
    return {outcome: int(float(count)) for outcome, count in found}
