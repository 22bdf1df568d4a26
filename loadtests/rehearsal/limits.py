"""What a rehearsal must keep to. Each number is explained in docs/rehearsal.md."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Times in ms or s, shares 0 to 1."""

    vote_p95_ms: float = 500.0
    vote_p99_ms: float = 2_000.0
    page_p95_ms: float = 1_000.0
    turned_away: float = 0.005
    """Share of the requests for votes that were answered 503 or 429 with Retry-After, or not at all."""
    pages_missing: float = 0.005
    """Share of pages and their files that did not come."""
    gave_up: float = 0.0
    """Votes that were never acknowledged within 45 s of trying, of all."""
    lag_s: float = 30.0
    drain_s: float = 60.0
    memory_left: float = 0.25
    late_p99_ms: float = 1_000.0
    """How much later than planned voters came: beyond it the load was not what it is called."""
    failed_logins: float = 0.1
    least_sample: int = 500
