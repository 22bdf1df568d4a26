"""Importing a contest file: what it changes, what it leaves, what it refuses."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.contest import Contest, all_contests, contest_by_id, decide_state, votable_entries
from models.contest_file import ContestFile
from models.contest_import import ImportRefusedError, ImportReport, import_contest
from models.database import Engine, transaction, worker_engine
from models.site_document import site_document

NOW = datetime(2026, 5, 1, tzinfo=UTC)
FINGERPRINT = "1:0123456789abcdef"


def contest_file(entries: tuple[str, ...] = ("a", "b", "c"), entry: dict | None = None, **changes: Any) -> ContestFile:
    """`entry`: fields that all entries have; `changes`: fields of the contest."""
    contest = {"slug": "thu", "title": "Thử", "opens_at": NOW, "closes_at": NOW + timedelta(days=3)} | changes
    return ContestFile.model_validate(
        {
            "contest": contest,
            "categories": [{"slug": "chung", "title": "Chung"}, {"slug": "khac", "title": "Khác"}],
            "entries": [
                {"slug": slug, "title": f"Bài {slug}", "category": "chung"} | (entry or {}) for slug in entries
            ],
        },
        context={"now": NOW},
    )


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = worker_engine(database)
    yield made
    made.dispose()


def imported(engine: Engine, file: ContestFile) -> ImportReport:
    with transaction(engine) as connection:
        return import_contest(connection, file, FINGERPRINT)


def contest(engine: Engine, contest_id: int = 1) -> Contest:
    with transaction(engine) as connection:
        return contest_by_id(connection, contest_id)


def votable(engine: Engine, contest_id: int = 1) -> list[int]:
    with transaction(engine) as connection:
        return votable_entries(connection, contest_id)


def rows(engine: Engine, table: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1, 2")]


def test_a_new_contest_has_its_entries_numbered_from_one(engine: Engine) -> None:
    report = imported(engine, contest_file(shards=3, minted_sessions=True, result_policy="hidden", rules="Thể lệ"))
    assert report == ImportReport(1, "thu", created=True, added=3, changed=True)
    made = contest(engine)
    assert (made.state, made.version, made.epoch, made.shards) == ("open", 1, 0, 3)
    assert (made.minted_sessions, made.result_policy, made.texts["rules"]) == (True, "hidden", "Thể lệ")
    assert (made.opens_at, made.closes_at, made.key_fingerprint) == (NOW, NOW + timedelta(days=3), FINGERPRINT)
    assert votable(engine) == [1, 2, 3]
    imported(engine, contest_file(slug="sau"))
    assert votable(engine, 2) == [4, 5, 6]


def test_the_same_file_again_changes_nothing(engine: Engine) -> None:
    imported(engine, contest_file())
    before = {table: rows(engine, table) for table in ("contests", "categories", "entries")}
    for _ in range(3):
        assert imported(engine, contest_file()) == ImportReport(1, "thu")
    assert {table: rows(engine, table) for table in before} == before
    imported(engine, contest_file(("a", "b", "c", "d")))
    assert votable(engine) == [1, 2, 3, 4]  # importing again used up no id


@pytest.mark.parametrize(
    "file",
    [
        contest_file(title="Tên khác"),
        contest_file(help_line="0208 000 000"),
        contest_file(closes_at=NOW + timedelta(days=9)),
        contest_file(result_policy="published"),
        contest_file(entry={"title": "Khác"}),
        contest_file(entry={"category": "khac"}),
        contest_file(("c", "b", "a")),
        contest_file(("a", "b")),
        contest_file(("a", "b", "c", "d")),
        contest_file(entry={"published": False}),
    ],
    ids=["title", "text", "window", "policy", "entry", "category", "order", "withdrawn", "added", "unpublished"],
)
def test_each_change_is_one_new_version(engine: Engine, file: ContestFile) -> None:
    imported(engine, contest_file())
    report = imported(engine, file)
    assert report.changed
    assert not report.created
    assert contest(engine).version == 2
    assert not imported(engine, file).changed
    assert contest(engine).version == 2


def test_an_entry_that_is_gone_is_withdrawn_and_keeps_id_and_votes(engine: Engine) -> None:
    imported(engine, contest_file())
    vote = "INSERT INTO votes (account_id, entry_id, receipt, shard) VALUES (7, 2, 99, 0)"
    tally = "INSERT INTO tallies (contest_id, shard, entry_id, votes) VALUES (1, 0, 2, 1)"
    with transaction(engine) as connection:
        connection.exec_driver_sql(vote)
        connection.exec_driver_sql(tally)
    before = rows(engine, "votes"), rows(engine, "tallies")
    report = imported(engine, contest_file(("a", "c")))
    assert (report.withdrawn, report.added) == (1, 0)
    assert votable(engine) == [1, 3]
    with transaction(engine) as connection:
        assert b'"id":2,' not in site_document(connection, contest_by_id(connection, 1))
    imported(engine, contest_file(("a", "b", "c")))
    assert votable(engine) == [1, 2, 3]
    assert (rows(engine, "votes"), rows(engine, "tallies")) == before


def test_an_unpublished_entry_is_a_draft_until_it_is_published_and_withdrawn_after(engine: Engine) -> None:
    states = []
    for published in (False, True, False, True):
        imported(engine, contest_file(("a",), {"published": published}))
        states += [row[0] for row in _states(engine)]
    assert states == ["draft", "published", "withdrawn", "published"]


def _states(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT state FROM entries ORDER BY id")]


@pytest.mark.parametrize(
    ("file", "why"),
    [(contest_file(shards=2), "shards"), (contest_file(minted_sessions=True), "minted_sessions")],
    ids=["shards", "minted_sessions"],
)
def test_what_may_never_change_is_refused_and_nothing_is_written(engine: Engine, file: ContestFile, why: str) -> None:
    imported(engine, contest_file())
    before = {table: rows(engine, table) for table in ("contests", "categories", "entries")}
    with pytest.raises(ImportRefusedError, match=why):
        imported(engine, file)
    assert {table: rows(engine, table) for table in before} == before


@pytest.mark.parametrize("change", [{"closes_at": NOW + timedelta(days=9)}, {"opens_at": NOW - timedelta(days=1)}])
def test_the_window_of_a_contest_that_is_over_is_refused(engine: Engine, change: dict) -> None:
    imported(engine, contest_file())
    with transaction(engine) as connection:
        decide_state(connection, 1, "closed")
    with pytest.raises(ImportRefusedError, match="voting is over"):
        imported(engine, contest_file(**change))
    assert imported(engine, contest_file(title="Tên khác")).changed
    assert contest(engine).state == "closed"


@pytest.mark.parametrize(
    "file",
    [contest_file(), contest_file(title="Tên khác"), contest_file(("a", "b")), contest_file(("a", "b", "c", "d"))],
    ids=["same", "title", "withdrawn", "added"],
)
def test_a_file_changes_nothing_of_final_results(engine: Engine, file: ContestFile) -> None:
    """Else it would take a published result off the site again: the file says `live`."""
    imported(engine, contest_file())
    with transaction(engine) as connection:
        decide_state(connection, 1, "final")
        connection.exec_driver_sql("UPDATE contests SET result_policy = 'published'")
    before = {table: rows(engine, table) for table in ("contests", "categories", "entries")}
    with pytest.raises(ImportRefusedError, match="final"):
        imported(engine, file)
    assert {table: rows(engine, table) for table in before} == before


def test_imports_at_once_take_turns(engine: Engine) -> None:
    ready, reports, failed = threading.Barrier(4), [], []

    def one() -> None:
        ready.wait()
        try:
            reports.append(imported(engine, contest_file()))
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert [report.created for report in reports].count(True) == 1
    assert [report.changed for report in reports].count(True) == 1
    assert votable(engine) == [1, 2, 3]
    with transaction(engine) as connection:
        assert [(found.id, found.version) for found in all_contests(connection)] == [(1, 1)]


def test_an_installation_with_another_identity_key_is_refused(engine: Engine) -> None:
    imported(engine, contest_file())
    with pytest.raises(ImportRefusedError, match="identity key"), transaction(engine) as connection:
        import_contest(connection, contest_file(title="Khác"), "1:another")
