"""The audit log is only ever added to."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from models.audit import Actor, Change, difference, record, record_each
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


def test_one_line_or_many_and_what_was_nothing_is_nothing(database: str) -> None:
    """No `null` in the export, and no line is found by that word."""
    with worker_engine(database).begin() as connection:
        record(connection, Actor("lan", 1), "entry.publish", "entry:1")
        changes = [Change("entry:2", None, {"state": "draft"}), Change("entry:3", {"state": "draft"}, None)]
        record_each(connection, Actor("lan", 1), "entry.import", changes, 7, "vì a@example.vn")
        lines = connection.execute(text("SELECT subject, before::text, after::text, why FROM audit ORDER BY id")).all()
    assert lines == [
        ("entry:1", None, None, ""),
        ("entry:2", None, '{"state": "draft"}', "vì …"),
        ("entry:3", '{"state": "draft"}', None, "vì …"),
    ]


def test_only_what_differs_is_written() -> None:
    assert difference({"title": "a", "unit": "b"}, {"title": "a", "unit": "c"}) == ({"unit": "b"}, {"unit": "c"})


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("anh Bình (binh.le+1@example.org) xin xoá", "anh Bình (…) xin xoá"),
        ("gọi 0912 345 678, 0912.345.678 hoặc +84912345678.", "gọi …, … hoặc …."),
        (
            "tài khoản 4611686018427387904 và 0123456789012345678",
            "tài khoản 4611686018427387904 và 0123456789012345678",
        ),
        (
            "lúc 2026-11-20 08:30, 1.200 phiếu, biên bản 12/BB-2026",
            "lúc 2026-11-20 08:30, 1.200 phiếu, biên bản 12/BB-2026",
        ),
        ("a" * 100_000, "a" * 100_000),
    ],
)
def test_a_reason_keeps_nobodys_address_or_number(database: str, typed: str, kept: str) -> None:
    """Nothing can ever be erased from it."""
    with worker_engine(database).begin() as connection:
        record(connection, Actor("lan", 1), "request.erase", "request:1", why=typed)
        assert connection.scalar(text("SELECT why FROM audit")) == kept
