"""Terms of working days, over weekends, holidays and Tết."""

from datetime import UTC, date, datetime, timedelta

import pytest

from models.database import transaction, worker_engine
from models.times import VIETNAM
from models.working_days import add_holiday, drop_holiday, is_working_day, read_holidays, term_ends

TET_2026 = {date(2026, 2, day) for day in (16, 17, 18, 19, 20)}


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("received", "ends"),
    [
        ("2026-03-02T08:00", "2026-03-05T00:00"),  # Monday: Tuesday, Wednesday
        ("2026-03-02T23:59:59.999", "2026-03-05T00:00"),
        ("2026-03-03T00:00", "2026-03-06T00:00"),  # the next day has begun
        ("2026-03-05T10:00", "2026-03-10T00:00"),  # Thursday: Friday, Monday
        ("2026-03-06T10:00", "2026-03-11T00:00"),  # Friday: Monday, Tuesday
        ("2026-03-07T10:00", "2026-03-11T00:00"),  # Saturday: the same
        ("2026-03-08T23:00", "2026-03-11T00:00"),  # Sunday: the same
        ("2026-02-12T10:00", "2026-02-24T00:00"),  # Thursday before Tết: Friday, Monday after it
        ("2026-02-13T16:59", "2026-02-25T00:00"),  # Friday before Tết: Monday and Tuesday after it
        ("2026-02-14T09:00", "2026-02-25T00:00"),  # in the holidays: the same
        ("2026-02-18T00:30", "2026-02-25T00:00"),
        ("2026-02-22T12:00", "2026-02-25T00:00"),
        ("2026-02-23T12:00", "2026-02-26T00:00"),  # the first working day
    ],
)
def test_two_working_days(received: str, ends: str) -> None:
    assert term_ends(local(received), 2, TET_2026) == local(ends)


def test_the_day_is_that_of_viet_nam() -> None:
    """17:30 UTC on Monday is Tuesday there."""
    assert term_ends(datetime(2026, 3, 2, 17, 30, tzinfo=UTC), 1, set()) == local("2026-03-05T00:00")


def test_a_holiday_on_a_weekend_changes_nothing() -> None:
    off = {date(2026, 3, 7), date(2026, 3, 8)}
    assert term_ends(local("2026-03-06T10:00"), 2, off) == term_ends(local("2026-03-06T10:00"), 2, set())


def off_work(holidays: set[date]) -> set[date]:
    """Working days without work: holidays, and for one on a weekend the next working day (Labour Code, 111.3)."""
    found = {day for day in holidays if day.weekday() < 5}
    for day in sorted(holidays - found):
        instead = day
        while instead.weekday() >= 5 or instead in found:
            instead += timedelta(days=1)
        found.add(instead)
    return found


def surely_off(tet: date, hung: date) -> set[date]:
    """What is free whatever the government decides for the year: it has one day before Tết's first or two, five in all,
    and beside 2/9 the day before or after it (Labour Code, 112).
    """
    fixed = {date(tet.year, month, day) for month, day in ((1, 1), (4, 30), (5, 1), (9, 2))} | {hung}
    choices = [
        off_work(fixed | {tet + timedelta(days=day) for day in range(-before, 5 - before)} | {beside})
        for before in (1, 2)
        for beside in (date(tet.year, 9, 1), date(tet.year, 9, 3))
    ]
    return set.intersection(*choices)


def test_the_list_begins_with_what_the_law_makes_sure(database: str) -> None:
    """First day of the first lunar month and tenth of the third, by new moons and the sun's longitude at UTC+7."""
    lunar = {
        2026: (date(2026, 2, 17), date(2026, 4, 26)),
        2027: (date(2027, 2, 6), date(2027, 4, 16)),
        2028: (date(2028, 1, 26), date(2028, 4, 4)),
    }
    with transaction(worker_engine(database)) as connection:
        kept = set(read_holidays(connection))
    assert kept == set.union(*(surely_off(*days) for days in lunar.values()))


def test_the_list_is_kept_and_changed(database: str) -> None:
    with transaction(worker_engine(database)) as connection:
        kept = read_holidays(connection)
        assert kept.keys() >= TET_2026
        assert all(is_working_day(day, ()) for day in kept), "a weekend needs no entry"
        assert not is_working_day(date(2026, 2, 17), kept)
        add_holiday(connection, date(2026, 12, 24), "một ngày")
        add_holiday(connection, date(2026, 12, 24), "ngày khác")
        assert read_holidays(connection, since=date(2026, 12, 1))[date(2026, 12, 24)] == "ngày khác"
        assert drop_holiday(connection, date(2026, 12, 24))
        assert not drop_holiday(connection, date(2026, 12, 24))
