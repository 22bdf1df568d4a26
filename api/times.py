"""Times as the API writes them: RFC 3339, UTC, with milliseconds."""

from datetime import UTC, datetime

from models.times import from_ms


def rfc3339(ms: int) -> str:
    """`2025-11-04T17:00:00.000Z` from ms since 1970."""
    return rfc3339_of(from_ms(ms))


def rfc3339_of(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
