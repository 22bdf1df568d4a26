"""Counts by minute where a mistake would hide: several minutes, halves of a batch, other contests, an upgrade."""

from datetime import UTC, datetime, timedelta

from alembic import command

from models.ballot_box import drain, steer
from models.database import transaction
from models.event import FIRST, HEAD, VERSION, Kind, pack_account_opened, pack_cast
from models.migrate import config
from models.minute_count import sums, votes_by_entry, votes_by_time
from models.times import milliseconds
from tests.workers.contests import Stage, opening, stage
from tests.workers.minute_counts import assert_minutes_fit
from workers.flush import flush_batch
from workers.pour import pour

NOON = datetime(2026, 11, 5, 5, 0, 30, tzinfo=UTC)


def flush(made: Stage, shard: int = 0) -> None:
    with made.engine.connect() as connection:
        while flush_batch(connection, made.client, made.contest_id, shard).events:
            pass


def write(made: Stage, account: int, entry: int, proof: int, at: datetime, *, first: bool = False) -> None:
    """A vote of a moment of our own, past the box's clock."""
    kind = Kind.CAST | FIRST if first else Kind.CAST
    body = pack_cast(account, entry, made.receipts.number(account, entry), proof, b"")
    made.client.xadd(made.keys(account).log, {"e": HEAD.pack(VERSION, kind, milliseconds(at)) + body})


def test_votes_are_counted_in_their_minute_and_accounts_once(open_contest: Stage) -> None:
    for account, entry, proof, minutes in [(5, 1, 1, 0), (5, 2, 1, 1), (6, 1, 2, 1), (7, 1, 2, 70), (5, 3, 1, 70)]:
        write(open_contest, account, entry, proof, NOON + timedelta(minutes=minutes), first=entry == 1)
    flush(open_contest)
    assert_minutes_fit(open_contest)
    noon = int(NOON.timestamp()) - 30
    with transaction(open_contest.engine) as connection:
        found = sums(connection, open_contest.contest_id)
        assert (found.votes, found.voters, found.proofs) == (5, 3, {1: 3, 2: 2})
        minutes = votes_by_time(connection, open_contest.contest_id, "minute", NOON - timedelta(minutes=1))
        assert minutes == [(noon, 1), (noon + 60, 2), (noon + 4200, 2)]
        hours = votes_by_time(connection, open_contest.contest_id, "hour", NOON - timedelta(minutes=1))
        assert hours == [(noon, 3), (noon + 3600, 2)]
        since = NOON + timedelta(minutes=1, seconds=-30)
        assert votes_by_entry(connection, open_contest.contest_id, since) == {1: 2, 2: 1, 3: 1}
        assert sums(connection, open_contest.contest_id + 1).votes == 0


def test_a_first_vote_is_told_when_both_votes_come_in_one_batch_or_in_two(open_contest: Stage) -> None:
    open_contest.cast((5, 2), (5, 1))
    flush(open_contest)
    open_contest.cast((5, 3), (5, 2))
    flush(open_contest)
    assert open_contest.rows("SELECT sum(votes)::integer, sum(voters)::integer FROM minute_totals") == [(3, 1)]
    assert_minutes_fit(open_contest)


def test_logins_and_accounts_of_the_same_minute_stand_beside_the_votes(open_contest: Stage) -> None:
    assert open_contest.open_accounts(5, 6, 5) == "ooo"
    flush(open_contest)
    assert open_contest.open_accounts(6, 7) == "oo"
    open_contest.cast((5, 1))
    flush(open_contest)
    assert_minutes_fit(open_contest)
    with transaction(open_contest.engine) as connection:
        found = sums(connection, open_contest.contest_id)
    assert (found.votes, found.voters, found.logins, found.accounts) == (1, 1, 5, 3)


def test_what_is_parked_is_not_counted_and_the_rest_of_its_batch_once(open_contest: Stage) -> None:
    open_contest.cast_many(7)
    refused = pack_cast(-5, 1, 1, 128, b"")  # no constraint of today refuses it; the row is one that may be refused
    with open_contest.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE votes ADD CONSTRAINT made_up CHECK (account_id >= 0)")
    at = milliseconds(NOON)
    open_contest.client.xadd(open_contest.keys().log, {"e": HEAD.pack(VERSION, Kind.CAST, at) + refused})
    open_contest.client.xadd(
        open_contest.keys().log,
        {"e": HEAD.pack(VERSION, Kind.ACCOUNT_OPENED, at) + pack_account_opened(opening(9))},
    )
    open_contest.cast_many(6, entry=2)
    flush(open_contest)
    assert len(open_contest.rows()) == 13
    assert open_contest.rows("SELECT count(*) FROM parked_events") == [(1,)]
    assert_minutes_fit(open_contest)


def test_a_voided_vote_stays_counted_in_its_minute(open_contest: Stage) -> None:
    votes = open_contest.cast_many(3)
    assert steer.void(open_contest.client, open_contest.keys(), open_contest.contest.epoch, votes[:1], "thử") == "d"
    flush(open_contest)
    assert_minutes_fit(open_contest)
    assert open_contest.rows("SELECT sum(votes)::bigint FROM minute_totals") == [(3,)]


def test_an_account_counts_in_each_contest_that_it_votes_in(box: str, database: str) -> None:
    with stage(box, database) as first:
        first.cast((5, 1))
        flush(first)
        with stage(box, database, slug="hai") as second:
            [(entry,)] = second.rows(f"SELECT min(id) FROM entries WHERE contest_id = {second.contest_id}")
            second.cast((5, entry))
            flush(second)
            assert second.rows("SELECT contest_id, voters FROM minute_totals ORDER BY 1") == [
                (first.contest_id, 1),
                (second.contest_id, 1),
            ]


def test_an_account_whose_first_vote_was_recovered_is_in_no_minute(open_contest: Stage) -> None:
    open_contest.cast((5, 1))
    open_contest.client.xtrim(open_contest.keys().log, maxlen=0)
    open_contest.repair()
    assert open_contest.rows("SELECT recovered_at IS NOT NULL FROM votes") == [(True,)]
    assert_minutes_fit(open_contest)
    open_contest.cast((5, 2))
    flush(open_contest)
    assert_minutes_fit(open_contest, first_recovered=1)


def test_votes_that_are_there_already_are_told_from_new_ones_and_counted_once(open_contest: Stage) -> None:
    """The quick way refuses such a batch whole: it is written again, vote by vote, and nothing is counted twice."""
    votes = open_contest.cast_many(5)
    flush(open_contest)
    events = list(drain.whole_log(open_contest.client, open_contest.keys()))
    open_contest.cast((99, 2), (votes[0][0], 2), (98, 1))
    new = list(drain.whole_log(open_contest.client, open_contest.keys()))[len(events) :]
    with transaction(open_contest.engine) as connection:
        poured = pour(connection, open_contest.contest_id, 0, [*events, *new, *new])
    assert (poured.conflicts, poured.parked, poured.changes) == (5 + 3, 0, {1: 1, 2: 2})
    assert len(open_contest.rows()) == 8
    assert_minutes_fit(open_contest)
    with transaction(open_contest.engine) as connection:
        again = pour(connection, open_contest.contest_id, 0, [*events, *new])
    assert (again.conflicts, again.changes) == (8, {})
    assert_minutes_fit(open_contest)


def test_an_upgrade_counts_what_is_there(box: str, database: str) -> None:
    with stage(box, database, shards=2) as made:
        for account in (4, 5, 6):
            assert made.open_accounts(account, account) == "oo"
            made.cast((account, 1), (account, 2))
        for shard in (0, 1):
            flush(made, shard)
        columns = "contest_id, minute, shard, proof, votes, voters, logins, accounts"
        before = made.rows(f"SELECT {columns} FROM minute_totals ORDER BY {columns}")
        assert before
        for run, revision in ((command.downgrade, "0005"), (command.upgrade, "0006")):
            with made.engine.begin() as connection:
                run(config(connection), revision)
        assert_minutes_fit(made)
        assert made.rows(f"SELECT {columns} FROM minute_totals ORDER BY {columns}") == before
