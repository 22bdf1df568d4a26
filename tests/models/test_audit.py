"""The audit log is only ever added to."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from models.audit import Actor, difference, record
from models.database import worker_engine


@pytest.mark.parametrize("statement", ["UPDATE audit SET why = ''", "DELETE FROM audit", "TRUNCATE audit"])
def test_nobody_changes_it(database: str, statement: str) -> None:
    engine = worker_engine(database)
    with engine.begin() as connection:
        record(connection, Actor("lan", 1, "203.0.113.9"), "entry.publish", "entry:12", after={"state": "published"})
    with pytest.raises(ProgrammingError, match="the audit log is never changed"), engine.begin() as connection:
        connection.execute(text(statement))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT operator, operator_id, address, action FROM audit")).all() == [
            ("lan", 1, "203.0.113.9", "entry.publish")
        ]


def test_it_stands_and_falls_with_the_change(database: str) -> None:
    engine = worker_engine(database)
    with engine.connect() as connection:
        record(connection, Actor("lan", 1), "entry.publish")
        connection.rollback()
        assert connection.scalar(text("SELECT count(*) FROM audit")) == 0


def test_only_what_differs_is_written() -> None:
    assert difference({"title": "a", "unit": "b"}, {"title": "a", "unit": "c"}) == ({"unit": "b"}, {"unit": "c"})
