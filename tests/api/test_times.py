from datetime import UTC, datetime

from api.times import rfc3339
from models.times import milliseconds


def test_times_for_machines():
    assert rfc3339(milliseconds(datetime(2025, 11, 20, 17, 0, tzinfo=UTC))) == "2025-11-20T17:00:00.000Z"
