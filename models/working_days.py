"""Working days in Viet Nam: Monday to Friday, but for the holidays that admins keep in a list.

Terms are counted as the Civil Code does (Bộ luật Dân sự 2015, Điều 147 and 148): the day on which something came is not
counted, and a term of days ends with its last day, at 24:00.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Column, Connection, Date, Table, Text, delete, select
from sqlalchemy.dialects.postgresql import insert

from models.database import metadata
from models.times import VIETNAM

SATURDAY = 5  # date.weekday()

holidays = Table(
    "holidays",
    metadata,
    Column("day", Date, primary_key=True),
    Column("name", Text, nullable=False),
)


def is_working_day(day: date, off: Collection[date]) -> bool:
    return day.weekday() < SATURDAY and day not in off


def term_ends(received: datetime, days: int, off: Collection[date]) -> datetime:
    """The first moment (UTC) that is too late for what must be done within so many working days (≥ 1) of `received`."""
    day = received.astimezone(VIETNAM).date()
    while days:
        day += timedelta(days=1)
        days -= is_working_day(day, off)
    return datetime.combine(day + timedelta(days=1), time.min, VIETNAM).astimezone(UTC)


def read_holidays(connection: Connection, *, since: date = date.min) -> dict[date, str]:
    """Day → name, in order."""
    rows = connection.execute(select(holidays).where(holidays.c.day >= since).order_by(holidays.c.day))
    return {row.day: row.name for row in rows}


def add_holiday(connection: Connection, day: date, name: str) -> None:
    """A day that is in the list gets the new name."""
    query = insert(holidays).values(day=day, name=name)
    connection.execute(query.on_conflict_do_update(index_elements=["day"], set_={"name": name}))


def drop_holiday(connection: Connection, day: date) -> bool:
    """Returns whether it was in the list."""
    return connection.execute(delete(holidays).where(holidays.c.day == day)).rowcount == 1
