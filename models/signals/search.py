"""One search: everything in one transaction, published at its end or not at all."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import signal_lists
from models.cluster import waiting
from models.database import Connection, Engine, transaction
from models.disposable import is_disposable
from models.limits import Limits, read_limits
from models.signal_run import end_run, hold, latest_run, make_row
from models.signals.evidence import trends, write_evidence
from models.signals.gathering import gather
from models.signals.kinds import Signal
from models.signals.names import find_names
from models.signals.publishing import publish
from models.signals.rhythm import find_disposable, find_rhythm
from models.signals.shares import find_shares, flag
from models.signals.suspects import find_suspects

TREND = timedelta(hours=6)
SHARES = (Signal.DEVICE, Signal.NETWORK, Signal.BURST)
STEPS = 8
"""How often `search` calls `step`."""


@dataclass(frozen=True)
class Searched:
    """What a search came to. `new`: clusters of several signals that nobody has looked at."""

    votes: int
    clusters: int
    new: int
    trends: int
    took_ms: int


def search(
    engine: Engine,
    contest_id: int,
    now: datetime,
    *,
    whole: bool = False,
    step: Callable[[int], None] = lambda _done: None,
) -> Searched | None:
    """Searches the votes of the limits' window, or all; None where another search has the contest.

    `step` is told how many of STEPS are done, between two of them; what it raises ends the search, and nothing of it
    stays. Errors: LedgerAway.
    """
    began = time.monotonic()
    with transaction(engine) as connection:
        make_row(connection, contest_id)
    with transaction(engine) as connection:
        if not hold(connection, contest_id):
            return None
        limits = read_limits(connection)
        since = None if whole else now - timedelta(days=limits.window_days)
        votes = gather(connection, contest_id, since, signal_lists.honest(connection))
        for done, _ in enumerate(_find(connection, limits), start=1):
            step(done)
        touched = publish(connection, contest_id)
        step(STEPS - 1)
        write_evidence(connection, contest_id, touched)
        alerts = trends(connection, now - TREND)
        took_ms = round((time.monotonic() - began) * 1000)
        end_run(
            connection,
            contest_id,
            took_ms=took_ms,
            whole=whole,
            votes=votes,
            clusters=len(touched),
            alerts=alerts,
        )
        step(STEPS)
        return Searched(votes, len(touched), waiting(connection, contest_id), len(alerts), took_ms)


def _find(connection: Connection, limits: Limits) -> Iterator[None]:
    """The signals one after the other, then who they agree on."""
    for signal in SHARES:
        yield
        find_shares(connection, signal, limits)
        flag(connection, signal, limits)
    yield
    find_names(connection, limits)
    yield
    own = {item.name for item in signal_lists.domains(connection)}
    find_rhythm(connection, limits)
    find_disposable(connection, limits, lambda domain: is_disposable(domain, own))
    find_shares(connection, Signal.DOMAIN, limits)  # a trend to be shown, never a signal: a firm has one domain
    yield
    find_suspects(connection, limits)


def is_due(engine: Engine, contest_id: int, now: datetime, *, every: timedelta, rest: int) -> bool:
    """Whether the latest run is older than `every`, and than `rest` times what it took: however many votes there are,
    the search never has more than a part of the ledger's time. Errors: LedgerAway.
    """
    with transaction(engine) as connection:
        run = latest_run(connection, contest_id)
    if run is None or run.ended_at is None:
        return True
    return now - run.ended_at >= max(every, timedelta(milliseconds=rest * run.took_ms))
