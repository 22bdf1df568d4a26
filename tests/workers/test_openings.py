"""Openings of accounts: from the log into the ledger, beside the votes."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import inspect

from models.ballot_box import drain
from models.cursor import park
from models.database import transaction, worker_engine
from models.event import HEAD, VERSION, AccountOpened, Kind, pack_account_opened
from tests.workers.contests import Stage, opening
from workers.books import compare, prove
from workers.flush import flush_batch
from workers.pour import pour

GREATEST = 2**63 - 1


def flush(made: Stage) -> None:
    with made.engine.connect() as connection:
        while flush_batch(connection, made.client, made.contest_id, 0).events:
            pass


def accounts(made: Stage) -> list[int]:
    """Accounts of the openings in the ledger, in the order of the log."""
    return [row[0] for row in made.rows("SELECT account_id FROM account_openings ORDER BY log_ms, log_seq")]


def books(made: Stage) -> tuple[int | None, int, int, int]:
    found = compare(made.engine, made.client, made.contest)
    return found.drift, found.pending, found.parked, found.conflicts


def write(made: Stage, body: bytes, at: int = 1) -> None:
    """An event that the box never wrote."""
    made.client.xadd(made.keys().log, {"e": HEAD.pack(VERSION, Kind.ACCOUNT_OPENED, at) + body})


def test_an_opening_comes_into_the_ledger_as_it_was(open_contest: Stage) -> None:
    assert open_contest.open_accounts(GREATEST) == "o"
    assert books(open_contest) == (0, 1, 0, 0)
    flush(open_contest)
    assert books(open_contest) == (0, 0, 0, 0)
    [row] = open_contest.rows(
        "SELECT account_id, contest_id, shard, proof, hint, domain, grams, agreed, opened_at, log_ms, log_seq"
        " FROM account_openings"
    )
    assert row[:8] == (
        *(GREATEST, open_contest.contest_id, 0, 1, "a•••@example.vn", "example.vn"),
        *([-5, 7, 2**31 - 1], {"1": 1, "2": 1, "3": 1}),
    )
    assert abs(row[8] - datetime.now(UTC)) < timedelta(minutes=1)
    *_, (ms, seq, _packed) = drain.whole_log(open_contest.client, open_contest.keys())
    assert row[9:] == (ms, seq)


def test_votes_and_openings_of_one_batch_each_find_their_table(open_contest: Stage) -> None:
    votes = []
    for account in range(1, 6):
        assert open_contest.open_accounts(account, account) == "oo"
        votes += open_contest.cast_many(2)
    flush(open_contest)
    assert sorted(open_contest.rows()) == votes
    assert accounts(open_contest) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert books(open_contest) == (0, 0, 0, 0)
    assert all(proof.holds for proof in prove(open_contest.engine, open_contest.client, open_contest.contest, wait_s=0))


def test_poured_twice_is_poured_once(open_contest: Stage) -> None:
    open_contest.open_accounts(1, 2, 3)
    flush(open_contest)
    before = open_contest.rows("SELECT * FROM account_openings ORDER BY log_ms, log_seq")
    with transaction(open_contest.engine) as connection:
        events = list(drain.whole_log(open_contest.client, open_contest.keys()))
        assert pour(connection, open_contest.contest_id, 0, events).parked == 0
    open_contest.open_accounts(4)
    open_contest.repair()
    open_contest.repair()
    assert open_contest.rows("SELECT * FROM account_openings ORDER BY log_ms, log_seq")[:3] == before
    assert accounts(open_contest) == [1, 2, 3, 4]
    assert books(open_contest) == (0, 0, 0, 0)


def test_a_box_that_is_lost_takes_no_opening_out_of_the_ledger(open_contest: Stage) -> None:
    open_contest.open_accounts(1, 2)
    flush(open_contest)
    open_contest.client.flushall()
    open_contest.repair()
    open_contest.open_accounts(3)
    flush(open_contest)
    assert accounts(open_contest) == [1, 2, 3]


def test_openings_of_new_accounts_cost_no_more_before_the_table_is_analysed(open_contest: Stage) -> None:
    """PostgreSQL has no statistics of a table that grew a minute ago, and looked through all of it for each account."""

    def took(first: int) -> float:
        for begin in range(first, first + 8_000, 1_000):
            open_contest.open_accounts(*range(begin, begin + 1_000))
        began = time.monotonic()
        flush(open_contest)
        return time.monotonic() - began

    took(1)
    fresh = took(100_001)
    with open_contest.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE) account_openings")
    assert fresh < 4 * took(200_001)


BODY = pack_account_opened(opening(5))


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (b"", 1),
        (BODY[:-1], 1),
        (BODY + b"\0", 1),
        (BODY, 2**64 - 1),
        (BODY, 300_000_000_000_000),
    ],
    ids=["nothing", "cut short", "more than it says", "time", "a time that Python cannot tell"],
)
def test_a_damaged_opening_is_parked_and_the_rest_goes_on(open_contest: Stage, body: bytes, at: int) -> None:
    votes = open_contest.cast_many(2)
    open_contest.open_accounts(1)
    write(open_contest, body, at)
    open_contest.open_accounts(2)
    votes += open_contest.cast_many(2)
    flush(open_contest)
    assert sorted(open_contest.rows()) == votes
    assert accounts(open_contest) == [1, 2]
    assert books(open_contest) == (0, 0, 1, 0)
    open_contest.repair()
    assert accounts(open_contest) == [1, 2]
    assert books(open_contest)[2] == 1


@pytest.mark.parametrize(
    ("hint", "shown"),
    [(b"a\0b", "a\ufffdb"), (b"\xff\xfe", "\ufffd\ufffd"), (b"", "")],
    ids=["zero", "no UTF-8", "none"],
)
def test_a_text_that_the_ledger_cannot_hold_is_made_safe(open_contest: Stage, hint: bytes, shown: str) -> None:
    empty = AccountOpened(5, 1, "", "", (), ())
    head, tail = pack_account_opened(empty)[:9], pack_account_opened(empty)[10:]
    write(open_contest, head + bytes([len(hint)]) + hint + tail)
    flush(open_contest)
    assert open_contest.rows("SELECT hint, domain, grams, agreed FROM account_openings") == [(shown, "", [], {})]
    assert books(open_contest) == (0, 0, 0, 0)


def test_an_opening_with_all_that_fits(open_contest: Stage) -> None:
    most = AccountOpened(
        *(GREATEST, 255, "•" * 85, "d" * 255, tuple(range(-16, 16))),
        tuple((purpose, 65_535) for purpose in range(16)),
    )
    write(open_contest, pack_account_opened(most))
    flush(open_contest)
    [row] = open_contest.rows("SELECT account_id, proof, hint, domain, grams, agreed FROM account_openings")
    assert row == (
        *(GREATEST, 255, most.hint, most.domain, list(most.grams)),
        {str(purpose): 65_535 for purpose in range(16)},
    )


def test_an_opening_that_the_ledger_refuses_is_found_and_parked_alone(open_contest: Stage) -> None:
    with transaction(open_contest.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE account_openings ADD CHECK (account_id <> 5)")
    votes = open_contest.cast_many(3)
    open_contest.open_accounts(*range(1, 10))
    votes += open_contest.cast_many(3)
    flush(open_contest)
    assert sorted(open_contest.rows()) == votes
    assert accounts(open_contest) == [1, 2, 3, 4, 6, 7, 8, 9]
    assert open_contest.rows("SELECT account_id, change, sqlstate FROM parked_events") == [(5, 0, "23514")]
    assert books(open_contest) == (0, 0, 1, 0)
    assert all(proof.holds for proof in prove(open_contest.engine, open_contest.client, open_contest.contest, wait_s=0))


def test_an_opening_meets_no_constraint_but_its_place_in_the_log(database: str) -> None:
    with worker_engine(database).connect() as connection:
        openings = inspect(connection)
        key = openings.get_pk_constraint("account_openings")["constrained_columns"]
        assert key == ["contest_id", "shard", "log_ms", "log_seq"]
        assert openings.get_foreign_keys("account_openings") == []
        assert openings.get_check_constraints("account_openings") == []
        assert [index for index in openings.get_indexes("account_openings") if index["unique"]] == []


def test_what_an_older_release_has_parked_is_resolved_by_the_repair(open_contest: Stage) -> None:
    open_contest.open_accounts(1)
    *_, (ms, seq, packed) = drain.whole_log(open_contest.client, open_contest.keys())
    nothing: dict[str, Any] = {"account": None, "entry": None, "change": 0, "sqlstate": None}
    with transaction(open_contest.engine) as connection:
        park(connection, open_contest.contest_id, 0, (ms, seq), packed, **nothing, reason="event kind 5")
        park(connection, open_contest.contest_id, 0, (ms, seq + 1), packed, **nothing, reason="another")
    assert books(open_contest)[2] == 2
    open_contest.repair()
    assert accounts(open_contest) == [1]
    assert books(open_contest)[2] == 1
