"""Prometheus metrics of all API processes together (multiprocess mode), and what the workers last wrote.

Votes are counted in plain memory and published twice a second: a counter of prometheus-client costs more than all
checks of a vote. No metric names an entry, so none can show a result that is hidden.
"""

import asyncio
from collections import Counter as Counts
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from api.latency import Times

PUBLISH_S = 0.5

_VOTES = Counter("binhchon_votes", "Answers to votes, by outcome", ["outcome"])
_LOST = Counter("binhchon_lost_receipts", "Genuine receipts found neither in the ledger nor pending: a lost vote each")
_CLAIMS = Counter("binhchon_claims", "Claims of lost votes, by outcome", ["outcome"])
_OPENINGS = Counter("binhchon_account_openings", "Openings of accounts, by what became of them", ["outcome"])
_CODES = Counter("binhchon_login_codes", "Requests for login codes, by kind and outcome", ["kind", "outcome"])
_SESSIONS = Counter("binhchon_sessions", "Logins, by how the identity was proven", ["proof"])
_BATCH_VOTES = Histogram(
    "binhchon_batch_votes", "Votes in one call to the box", buckets=(1, 3, 10, 30, 100, 200, 300, 500, 700, 1000)
)
_BATCH_SECONDS = Histogram(
    "binhchon_batch_seconds",
    "Seconds of one call to the box, its fsync included",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 1.5),
)
STATUS_GAUGES = {
    "pending": ("binhchon_pending", "Events in the log and not yet in the ledger"),
    "parked": ("binhchon_parked", "Events that the ledger refused"),
    "drift": ("binhchon_drift", "Difference between box and ledger at the same log id; must be 0"),
    "flush_lag_s": ("binhchon_flush_lag_seconds", "Age of the oldest pending event"),
    "ticked_at": ("binhchon_ticked_at_ms", "When the ticker wrote all this, in ms since 1970"),
    "claims": ("binhchon_claims_waiting", "Claims of lost votes that wait for the ledger"),
    "failed_jobs": ("binhchon_failed_jobs", "Jobs of the workers that failed and wait for a person"),
    "conflicts": ("binhchon_conflicts", "Votes that the ledger had already when they were flushed"),
}
"""Numbers of the workers' status, and the gauges that they become."""
STATUS_ALARMS = {
    "fault": ("binhchon_fault", "1: the last repair did not bring box and ledger together"),
    "proof": ("binhchon_proof_failed", "1: the last proof by rows and ballots failed"),
}
"""Words of the workers' status, and the gauges that they become: 0 where all is well."""
_WELL = (None, "holds")


class Metrics:
    """Counts of one process, published to Prometheus by `publish`."""

    def __init__(self) -> None:
        self.counted = 0
        """Votes since the last publishing; `again`: those that had been cast before."""
        self.again = 0
        self._refused: Counts[str] = Counts()
        self.answered: Counts[str] = Counts()
        """Answers by outcome, of this process since its start."""
        self.times = Times()
        """How long its votes took, from their arrival to the box's answer."""

    def refused(self, code: str) -> None:
        self._refused[code] += 1

    def batch(self, size: int, seconds: float, last_s: float, first_s: float) -> None:
        """One answered call to the box; its first and last vote came so long ago."""
        _BATCH_VOTES.observe(size)
        _BATCH_SECONDS.observe(seconds)
        self.times.spread(size, last_s, first_s)

    def lost_receipt(self) -> None:
        _LOST.inc()

    def publish(self) -> None:
        """Adds what was counted since the last time."""
        answers = {"counted": self.counted, "already_voted": self.again, **self._refused}
        self.counted = self.again = 0
        self._refused.clear()
        for outcome, number in answers.items():
            if number:
                _VOTES.labels(outcome).inc(number)
                self.answered[outcome] += number

    async def publish_forever(self) -> None:
        while True:
            await asyncio.sleep(PUBLISH_S)
            self.publish()


def count_claim(outcome: str) -> None:
    """One claim of a lost vote. `outcome`: as models/scratch/claims.py: Claiming, `invalid`, or a refusal's code."""
    _CLAIMS.labels(outcome).inc()


def count_openings(outcome: str, number: int) -> None:
    """Openings of accounts: recorded, refused or unrecorded. Once a batch, so counted at once."""
    _OPENINGS.labels(outcome).inc(number)


def count_code(kind: str, outcome: str) -> None:
    """One request for a login code. `outcome`: as models/scratch/codes.py: Asking, or `disposable`."""
    _CODES.labels(kind, outcome).inc()


def count_session(proof: str) -> None:
    """One login. `proof`: as models/event.py: Proof, in small letters."""
    _SESSIONS.labels(proof).inc()


class _Status:
    """The workers' last words as gauges."""

    def __init__(self, status: Mapping[str, object]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        for field, (name, meaning) in STATUS_GAUGES.items():
            value = self._status.get(field)
            if isinstance(value, int | float):
                yield GaugeMetricFamily(name, meaning, value=value)
        for field, (name, meaning) in STATUS_ALARMS.items():
            if field in self._status:
                yield GaugeMetricFamily(name, meaning, value=0 if self._status[field] in _WELL else 1)


def exposition(directory: Path | None, status: Mapping[str, object]) -> bytes:
    """The text format. `directory`: where all processes of the group keep their counts; None: this process alone."""
    workers = CollectorRegistry()
    workers.register(_Status(status))
    if directory is None:
        return generate_latest(REGISTRY) + generate_latest(workers)
    MultiProcessCollector(workers, str(directory))  # type: ignore[no-untyped-call]
    return generate_latest(workers)
