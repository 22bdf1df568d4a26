"""Moments: what goes from the box into the ledger and back stays the same to the millisecond."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from models.times import VIETNAM, from_ms, milliseconds, rfc3339, rfc3339_of

FIRST, LAST = (milliseconds(datetime(year, 1, 1, tzinfo=UTC)) for year in (2000, 2200))


@given(st.integers(FIRST, LAST))
def test_a_millisecond_is_kept(ms):
    assert milliseconds(from_ms(ms)) == ms


def test_the_first_moment_of_a_day_in_viet_nam():
    assert from_ms(milliseconds(datetime(2025, 11, 5, tzinfo=VIETNAM))) == datetime(2025, 11, 4, 17, tzinfo=UTC)


def test_times_for_machines():
    moment = datetime(2025, 11, 20, 17, 0, tzinfo=UTC)
    assert rfc3339(milliseconds(moment)) == "2025-11-20T17:00:00.000Z"
    assert rfc3339_of(moment.astimezone(VIETNAM)) == "2025-11-20T17:00:00.000Z"
