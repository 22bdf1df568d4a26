from datetime import UTC, datetime

from api.times import rfc3339, vietnamese, vietnamese_end
from models.times import milliseconds

MIDNIGHT = milliseconds(datetime(2025, 11, 20, 17, 0, tzinfo=UTC))


def test_times_for_machines_and_people():
    assert rfc3339(MIDNIGHT) == "2025-11-20T17:00:00.000Z"
    assert vietnamese(MIDNIGHT) == "00:00 ngày 21/11/2025"


def test_an_end_at_midnight_is_the_end_of_the_day_before():
    assert vietnamese_end(MIDNIGHT) == "hết ngày 20/11/2025"
    assert vietnamese_end(MIDNIGHT - 3_600_000) == "23:00 ngày 20/11/2025"
