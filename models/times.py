"""Moments: ms since 1970 in the box and its log, datetimes in the ledger, and the clock that people read."""

from datetime import UTC, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")  # no daylight saving since 1975


def milliseconds(moment: datetime) -> int:
    """Whole ms since 1970."""
    return round(moment.timestamp() * 1000)


def from_ms(ms: int) -> datetime:
    """The moment that is so many ms after 1970, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)
