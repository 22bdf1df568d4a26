"""Times as the API writes them: RFC 3339, UTC, with milliseconds."""

from datetime import UTC, datetime

from models.times import VIETNAM, from_ms


def rfc3339(ms: int) -> str:
    """`2025-11-04T17:00:00.000Z` from ms since 1970."""
    return rfc3339_of(from_ms(ms))


def rfc3339_of(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def vietnamese(ms: int) -> str:
    """`00:00 ngày 05/11/2025`, as people in Viet Nam read a clock."""
    return from_ms(ms).astimezone(VIETNAM).strftime("%H:%M ngày %d/%m/%Y")


def vietnamese_end(ms: int) -> str:
    """The first moment that is too late, as people say it: midnight is `hết ngày` of the day before."""
    moment = from_ms(ms).astimezone(VIETNAM)
    if (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        return from_ms(ms - 1).astimezone(VIETNAM).strftime("hết ngày %d/%m/%Y")
    return vietnamese(ms)
