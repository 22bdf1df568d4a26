"""The live view's document, made from what is known at one moment: pure, and the same for every console.

| part       | what                                                                                                |
|------------|-----------------------------------------------------------------------------------------------------|
| `figures`  | all that changes each moment, and small: see there                                                 |
| `series`   | `{"seconds", "minutes", "hours"}`: each `[[second since 1970, …], [votes a second, or votes, …]]`     |

Numbers of votes are those of the box; what is told by time, account or login comes from the ledger, which is behind by
as much as the flush is (`pipeline.books.flush_lag_s`). What cannot be told is null.
"""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from api.operators.live_facts import LedgerFacts
from api.operators.live_history import NOW_MS
from api.operators.live_moment import Moment
from api.operators.live_pipeline import pipeline
from models.ballot_box.reading import Reading
from models.event import Proof
from models.minute_count import filled
from models.ranking import ranking

FIVE_MINUTES_MS = 300_000


def figures(moment: Moment) -> dict[str, Any]:
    """What changes each moment.

    `at` (ms, the box's clock), `age_ms` (of the reading when this was made), `contest`, `total`, `rates` (votes a
    second `now`, over the last `minute` and `hour`), `accounts`, `entries` (by place: `[id, votes, share in %, place,
    tied, places gained in 5 minutes, votes of the last minute]`), `other_votes` (for entries that are not published),
    `categories` (`[slug, votes]`), `methods` (`[name of Proof in small letters, votes]`), `pipeline`.
    """
    reading, ledger = moment.reading, _of_contest(moment)
    document: dict[str, Any] = {
        "at": reading.box_ms if reading else None,
        "age_ms": None if moment.reading_age_s is None else round(moment.reading_age_s * 1000),
        "contest": _contest(reading) if reading else None,
        "total": sum(reading.tallies.values()) if reading else None,
        "rates": _rates(moment, ledger),
        "accounts": {"voted": ledger.sums.voters, "opened": ledger.sums.accounts} if ledger else None,
        "methods": _methods(ledger),
        "pipeline": pipeline(moment),
    }
    return document | (_by_entry(moment, reading, ledger) if reading else _NO_ENTRIES)


_NO_ENTRIES: dict[str, Any] = {"entries": [], "other_votes": 0, "categories": []}


def _of_contest(moment: Moment) -> LedgerFacts | None:
    ledger = moment.facts.ledger.value
    return ledger if ledger and moment.reading and ledger.contest_id == moment.reading.contest_id else None


def _contest(reading: Reading) -> dict[str, Any]:
    contest = reading.site["contest"]
    return {
        "id": reading.contest_id,
        "state": reading.state or "not_ready",
        "policy": contest["result_policy"],
        "opens_at": reading.opens_at or contest["opens_at"],
        "closes_at": reading.closes_at or contest["closes_at"],
        "version": reading.version,
    }


def _rates(moment: Moment, ledger: LedgerFacts | None) -> dict[str, float | None]:
    """The last minute from the readings where they go back so far, else and for the hour from the counts by minute."""
    now_s = moment.reading.box_ms // 1000 if moment.reading else int(time.time())
    whole = now_s - now_s % 60
    minutes = dict(ledger.minutes) if ledger else None
    last_minute = moment.history.rate(60_000)
    if last_minute is None and minutes is not None:
        last_minute = minutes.get(whole, 0) / 60 + minutes.get(whole - 60, 0) * (whole + 60 - now_s) / 3600
    hour = None if minutes is None else sum(minutes.get(whole - 60 * n, 0) for n in range(60)) / 3600
    now = moment.history.rate(NOW_MS)
    return {name: _rounded(rate) for name, rate in (("now", now), ("minute", last_minute), ("hour", hour))}


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 1)


def _methods(ledger: LedgerFacts | None) -> list[list[Any]] | None:
    """Login methods by votes, most first; numbers that no method of this version has are told as `other`."""
    if ledger is None:
        return None
    names = {proof.value: proof.name.lower() for proof in Proof}
    found: Counter[str] = Counter()
    for proof, votes in ledger.sums.proofs.items():
        found[names.get(proof, "other")] += votes
    return [[name, votes] for name, votes in found.most_common()]


def _by_entry(moment: Moment, reading: Reading, ledger: LedgerFacts | None) -> dict[str, Any]:
    entries = reading.site["entries"]
    votes = {entry["id"]: reading.tallies.get(entry["id"], 0) for entry in entries}
    total = sum(votes.values())
    before = moment.history.tallies_before(FIVE_MINUTES_MS)
    if before is None and ledger:
        before = ledger.before
    places: dict[int, int] = {}
    if before is not None and any(before.values()):  # where nobody had a vote, nobody had a place
        places = {one.entry_id: one.place for one in ranking({e: before.get(e, 0) for e in votes})}
    minute_ago = moment.history.tallies_before(60_000)
    rows = []
    for one in ranking(votes):
        entry, number = one.entry_id, one.votes
        minute = (
            max(0, number - minute_ago.get(entry, 0))
            if minute_ago is not None
            else (ledger.minute.get(entry, 0) if ledger else None)
        )
        share = round(number * 100 / total, 2) if total else 0.0
        move = places[entry] - one.place if entry in places else None
        rows.append([entry, number, share, one.place, one.tied, move, minute])
    by_category: Counter[str] = Counter({category["slug"]: 0 for category in reading.site["categories"]})
    for entry in entries:
        by_category[entry["category"]] += votes[entry["id"]]
    return {
        "entries": rows,
        "other_votes": sum(reading.tallies.values()) - total,
        "categories": [[slug, number] for slug, number in by_category.most_common()],
    }


def series(moment: Moment) -> dict[str, Any]:
    """See above. Where the readings are younger than ten minutes the minutes before them stand for their seconds."""
    ledger = _of_contest(moment)
    now_s = moment.reading.box_ms // 1000 if moment.reading else int(time.time())
    now = datetime.fromtimestamp(now_s, UTC).replace(second=0)
    seconds: list[tuple[int, float]] = list(moment.history.by_second())
    minutes: list[tuple[int, int]] = []
    hours: list[tuple[int, int]] = []
    if ledger:
        minutes = filled(ledger.minutes, timedelta(minutes=1), now - timedelta(hours=24), now - timedelta(minutes=1))
        begun = min(seconds[0][0] if seconds else now_s, now_s)
        before = [(at, round(votes / 60, 1)) for at, votes in minutes if now_s - 600 <= at < begun - 60]
        seconds = [*before, *seconds]
        if ledger.hours:
            first = datetime.fromtimestamp(ledger.hours[0][0], UTC)
            hours = filled(ledger.hours, timedelta(hours=1), first, now.replace(minute=0))
    return {"seconds": _columns(seconds), "minutes": _columns(minutes), "hours": _columns(hours)}


def _columns(rows: list[Any]) -> list[list[Any]]:
    return [[row[0] for row in rows], [row[1] for row in rows]]
