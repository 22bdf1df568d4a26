"""What box, log and ledger say of an account, on real stores."""

import redis
from sqlalchemy import text

from models.ballot_box.keys import shard_keys
from models.database import transaction
from models.finding import Finding, account_of_receipt, find_account
from models.verdict import Verdict, verdict_of_vote
from tests.workers.contests import Stage
from workers.flush import drain

ACCOUNT, OTHER = 77, 78
NOWHERE = redis.Redis.from_url("unix:///nonexistent")


def found(stage: Stage, account: int = ACCOUNT, client: redis.Redis | None = None) -> Finding:
    return find_account(stage.engine, client or stage.client, stage.contest, stage.receipts, account)


def verdicts(finding: Finding) -> dict[int, Verdict]:
    return {facts.entry_id: verdict_of_vote(facts.vote) for facts in finding.votes}


def flush(stage: Stage) -> None:
    assert drain(stage.engine, stage.client, stage.contest_id, 0, seconds=10)


def test_a_vote_on_its_way_into_the_ledger(open_contest: Stage) -> None:
    assert verdicts(found(open_contest)) == {}
    open_contest.cast((ACCOUNT, 1), (OTHER, 2))
    assert verdicts(found(open_contest)) == {1: Verdict.PENDING}
    flush(open_contest)
    finding = found(open_contest)
    assert verdicts(finding) == {1: Verdict.COUNTED}
    assert finding.votes[0].vote.cast_at is not None
    assert finding.votes[0].receipt == open_contest.receipts.number(ACCOUNT, 1)
    assert (finding.box_ready, finding.blocked) == (True, False)


def test_what_a_login_left_is_shown_masked(open_contest: Stage) -> None:
    open_contest.open_accounts(ACCOUNT)
    flush(open_contest)
    assert (found(open_contest).hint, found(open_contest).logins) == ("a•••@example.vn", 1)


def test_a_vote_that_only_a_ballot_knows_is_lost(open_contest: Stage) -> None:
    open_contest.client.sadd(shard_keys(open_contest.contest_id, 0).ballot + str(ACCOUNT), 2)
    assert verdicts(found(open_contest)) == {2: Verdict.LOST}


def test_the_box_is_away_and_the_ledger_answers(open_contest: Stage) -> None:
    open_contest.cast((ACCOUNT, 1))
    flush(open_contest)
    finding = found(open_contest, client=NOWHERE)
    assert verdicts(finding) == {1: Verdict.COUNTED}
    assert not finding.box_ready
    assert found(open_contest, OTHER, NOWHERE).votes == ()


def test_a_parked_vote_and_a_blocked_account(open_contest: Stage) -> None:
    open_contest.cast((ACCOUNT, 1))
    with transaction(open_contest.engine) as connection:
        connection.execute(
            text(
                "INSERT INTO parked_events (contest_id, shard, log_ms, log_seq, packed, account_id, entry_id, change,"
                " reason) VALUES (:contest, 0, 1, 1, '', :account, 1, 1, 'made up')"
            ),
            {"contest": open_contest.contest_id, "account": ACCOUNT},
        )
        connection.execute(
            text("INSERT INTO blocked_accounts (contest_id, account_id, reason) VALUES (:contest, :account, 'x')"),
            {"contest": open_contest.contest_id, "account": ACCOUNT},
        )
    finding = found(open_contest)
    assert verdicts(finding) == {1: Verdict.PARKED}
    assert finding.blocked


def test_whose_a_receipt_is_pending_flushed_and_nobodys(open_contest: Stage) -> None:
    number = open_contest.receipts.number(ACCOUNT, 1)

    def owner(client: redis.Redis = open_contest.client) -> tuple[tuple[int, int] | None, bool]:
        return account_of_receipt(open_contest.engine, client, open_contest.contest, open_contest.receipts, number)

    assert owner() == (None, True)
    assert owner(NOWHERE) == (None, False)
    open_contest.cast((OTHER, 3), (ACCOUNT, 1))
    assert owner() == ((ACCOUNT, 1), True)
    flush(open_contest)
    assert owner() == owner(NOWHERE) == ((ACCOUNT, 1), True)
