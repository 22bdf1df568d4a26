"""Moments: ms since 1970 in the box and its log, datetimes in the ledger, RFC 3339 in what machines are sent, and the
clock that people read.
"""

from datetime import UTC, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")  # no daylight saving since 1975


def milliseconds(moment: datetime) -> int:
    """Whole ms since 1970."""
    return round(moment.timestamp() * 1000)


def rfc3339(ms: int) -> str:
    """`2025-11-04T17:00:00.000Z` from ms since 1970."""
    return rfc3339_of(from_ms(ms))


def rfc3339_of(moment: datetime) -> str:
    """The same: UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_ms(ms: int) -> datetime:
    """The moment that is so many ms after 1970, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)
