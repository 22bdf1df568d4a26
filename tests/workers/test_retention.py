"""Erasing what was kept long enough: what goes, what stays, and each row of the crash table in workers/retention.py."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import text

from models.account_erasing import erase_account
from models.audit import Actor
from models.claim import Claim, store
from models.claim_answer import add_answer
from models.claim_inbox import move
from models.contest import Contest
from models.data_request import note_erased, open_request
from models.database import Engine, transaction
from models.personal_data import everything_of
from models.retention import Rules, dues, read_rules, write_rules
from tests.workers.contests import KEYS, Stage
from workers import retention
from workers.books import compare, prove
from workers.flush import drain
from workers.retention import Run, due_counts, erase_all, erase_contest

LAN = Actor("lan", 1)
RULES = Rules(evidence_days=30, personal_days=60, contact_days=7)
NOBODY_ASKS: Callable[[int, int], None] = lambda _done, _total: None  # noqa: E731


class Death(BaseException):
    """The worker is killed here."""


@pytest.fixture
def made(open_contest: Stage) -> Stage:
    """Votes and logins in the ledger, a claim that was answered, a cluster, rules."""
    open_contest.open_accounts(77, 78)
    open_contest.cast((77, 1), (77, 2), (78, 1))
    flush(open_contest)
    with transaction(open_contest.engine) as connection:
        assert write_rules(connection, open_contest.contest_id, RULES)
        claim = Claim(open_contest.contest_id, 1, "vi", "chuyện của tôi", contact="an@example.vn", account_id=77)
        store(connection, [claim])
        move(connection, claim.id, 1, "answered")
        add_answer(connection, claim.id, "email", "an@example.vn", "vi", "câu trả lời", LAN)
        connection.execute(text("UPDATE claim_answers SET state = 'sent'"))
        connection.execute(
            text(
                "WITH c AS (INSERT INTO clusters (contest_id, entry_id, signals, strength, accounts, counted, traces)"
                " VALUES (:contest, 1, '{device}', 1, 2, 2, '{}') RETURNING id)"
                " INSERT INTO cluster_accounts (cluster_id, account_id, strength) SELECT id, a, 1 FROM c,"
                " unnest(ARRAY[77, 78]) a"
            ),
            {"contest": open_contest.contest_id},
        )
    return open_contest


def flush(stage: Stage) -> None:
    assert drain(stage.engine, stage.client, stage.contest_id, 0, seconds=20)


def finish(stage: Stage) -> None:
    with transaction(stage.engine) as connection:
        connection.execute(text("UPDATE contests SET state = 'final', version = version + 1"))


def erase(stage: Stage, days: float, progress: Callable[[int, int], None] = NOBODY_ASKS) -> None:
    """The nightly run so many days after the end of voting."""
    erase_all(stage.engine, stage.client, stage.contest.closes_at + timedelta(days=days), progress)


def run(stage: Stage, days: float, progress: Callable[[int, int], None] = NOBODY_ASKS) -> Run:
    return Run(stage.engine, stage.client, stage.contest.closes_at + timedelta(days=days), progress)


def left(stage: Stage) -> dict[str, int]:
    """What is still kept of people."""
    queries = {
        "evidence": "SELECT count(*) FROM votes WHERE evidence IS NOT NULL",
        "openings": "SELECT count(*) FROM account_openings WHERE num_nonnulls(hint, domain, grams) > 0",
        "contacts": "SELECT count(*) FROM claims WHERE contact <> ''",
        "sent_to": "SELECT count(*) FROM claim_answers WHERE sent_to <> ''",
        "words": "SELECT count(*) FROM claims WHERE happened <> ''",
        "bodies": "SELECT count(*) FROM claim_answers WHERE body <> ''",
        "clusters": "SELECT count(*) FROM cluster_accounts",
        "traces": "SELECT count(*) FROM clusters WHERE traces IS NOT NULL",
    }
    return {name: stage.rows(query)[0][0] for name, query in queries.items()}


EVERYTHING = {
    "evidence": 3,
    "openings": 2,
    "contacts": 1,
    "sent_to": 1,
    "words": 1,
    "bodies": 1,
    "clusters": 2,
    "traces": 1,
}


def told(stage: Stage) -> list[dict[str, int]]:
    return [after for (after,) in stage.rows("SELECT after FROM audit WHERE action = 'retention.erase' ORDER BY id")]


def contest(stage: Stage, **changes: Any) -> Contest:
    return replace(stage.contest, **changes)


@pytest.mark.parametrize(
    ("state", "reason", "days", "evidence", "personal"),
    [
        ("final", "", 29.99, False, False),
        ("final", "", 30, True, False),
        ("final", "", 60, True, True),
        ("closed", "", 365, False, False),  # never before the results are final
        ("open", "", 365, False, False),
        ("closed", "toà án yêu cầu", 30, True, False),  # unless an admin says why
        ("closed", "toà án yêu cầu", 29, False, False),
    ],
)
def test_when_it_is_due(
    open_contest: Stage, state: str, reason: str, days: float, evidence: bool, personal: bool
) -> None:
    due = dues(contest(open_contest, state=state), replace(RULES, early_reason=reason))
    now = open_contest.contest.closes_at + timedelta(days=days)
    assert (due.evidence(now), due.personal(now)) == (evidence, personal)


def test_nothing_goes_before_its_time(made: Stage) -> None:
    erase(made, 400)
    assert left(made) == EVERYTHING
    finish(made)
    erase(made, 29)
    assert left(made) == EVERYTHING
    assert told(made) == []


def test_first_evidence_then_all_that_is_personal_and_votes_stay(made: Stage) -> None:
    finish(made)
    votes = "SELECT account_id, entry_id, cast_at, receipt, proof FROM votes ORDER BY 1, 2"
    before = made.rows(votes)
    erase(made, 31)
    assert left(made) == EVERYTHING | {"evidence": 0}
    assert told(made)[0]["evidence"] == 3
    erase(made, 61)
    assert set(left(made).values()) == {0}
    assert made.rows(votes) == before
    assert made.rows("SELECT DISTINCT agreed::text FROM account_openings") == [('{"1": 1, "2": 1, "3": 1}',)]
    books = compare(made.engine, made.client, made.contest)
    assert (books.drift, books.parked) == (0, 0)
    assert all(proof.holds for proof in prove(made.engine, made.client, made.contest))
    before_again = told(made)
    erase(made, 62)
    assert told(made) == before_again, "again erases nothing and tells nothing"


def test_a_contact_goes_some_days_after_the_answer_whatever_the_results(made: Stage) -> None:
    with transaction(made.engine) as connection:
        connection.execute(text("UPDATE claims SET answered_at = now() - interval '6 days 23 h'"))
    erase(made, 0)
    assert left(made) == EVERYTHING
    with transaction(made.engine) as connection:
        connection.execute(text("UPDATE claims SET answered_at = now() - interval '7 days 1 min'"))
        connection.execute(text("UPDATE claim_answers SET state = 'waiting'"))
    erase(made, 0)
    assert left(made) == EVERYTHING, "the mail still has to be sent"
    with transaction(made.engine) as connection:
        connection.execute(text("UPDATE claim_answers SET state = 'sent'"))
    erase(made, 0)
    assert left(made) == EVERYTHING | {"contacts": 0, "sent_to": 0}
    assert told(made) == [{"contacts": 1}]


def test_the_logs_tail_goes_and_the_flush_knows_the_log_again(made: Stage) -> None:
    finish(made)
    assert made.client.xlen(made.keys().log) == 6
    erase(made, 31)
    assert made.client.xlen(made.keys().log) == 1
    flush(made)
    assert compare(made.engine, made.client, made.contest).drift == 0


def test_what_a_repair_pours_again_stays_erased(made: Stage) -> None:
    with transaction(made.engine) as connection:
        connection.execute(text("UPDATE contests SET state = 'closed'"))
        rules = replace(RULES, early_reason="vì một lý do", version=1)
        assert write_rules(connection, made.contest_id, rules)
    erase(made, 61)
    assert left(made)["evidence"] == left(made)["openings"] == 0
    made.repair()
    assert left(made)["evidence"] == left(made)["openings"] == 0
    assert made.rows("SELECT why FROM audit WHERE action = 'retention.erase'") == [("vì một lý do",)]


def test_the_dry_run_counts_and_changes_nothing(made: Stage) -> None:
    finish(made)
    at = made.contest.closes_at
    assert due_counts(made.engine, made.contest, at, RULES) == {"contacts": 0}
    counts = due_counts(made.engine, made.contest, at + timedelta(days=61), RULES)
    assert counts == {
        "contacts": 0,
        "evidence": 3,
        "criteria": 0,
        "openings": 2,
        "claims": 1,
        "clusters": 2,
        "requests": 0,
        "parked": 0,
    }
    assert left(made) == EVERYTHING
    erased = erase_contest(run(made, 61), made.contest, LAN)
    assert {what: rows for what, rows in erased.items() if what != "log"} == {
        what: rows for what, rows in counts.items() if rows
    }


def with_evidence(stage: Stage, state: str) -> None:
    """A correction of account 77's vote for entry 1 that names a network and a device; trends of the latest search."""
    criteria = '{"accounts": ["77"], "network": "192.0.2.7/32", "device": "00ab00ab00ab00ab"}'
    with transaction(stage.engine) as connection:
        connection.execute(
            text(
                "WITH c AS (INSERT INTO corrections (contest_id, action, criteria, reason, state, proposed_name,"
                " proposed_role) VALUES (:contest, 'void', CAST(:criteria AS jsonb), '', :state, 'lan', 'moderator')"
                " RETURNING id) INSERT INTO correction_votes (correction_id, account_id, entry_id)"
                " SELECT id, 77, 1 FROM c"
            ),
            {"contest": stage.contest_id, "criteria": criteria, "state": state},
        )
        connection.execute(
            text("INSERT INTO signal_runs (contest_id, ended_at, alerts) VALUES (:contest, now(), '[{}]')"),
            {"contest": stage.contest_id},
        )


KEPT = {"accounts": ["77"], "erased": ["device", "network"]}


def test_what_corrections_and_trends_say_of_evidence_goes_too(made: Stage) -> None:
    with_evidence(made, "done")
    finish(made)
    at = made.contest.closes_at + timedelta(days=31)
    assert due_counts(made.engine, made.contest, at, RULES)["criteria"] == 1
    erase(made, 31)
    assert made.rows("SELECT criteria FROM corrections") == [(KEPT,)]
    assert told(made)[0]["criteria"] == 1
    assert made.rows("SELECT alerts FROM signal_runs") == [([{}],)]
    erase(made, 61)
    assert made.rows("SELECT alerts FROM signal_runs") == [([],)]
    assert made.rows("SELECT account_id, entry_id FROM correction_votes") == [(77, 1)], "as the vote itself"
    assert due_counts(made.engine, made.contest, at, RULES)["criteria"] == 0


def test_a_correction_that_is_still_counted_needs_its_criteria(made: Stage) -> None:
    with_evidence(made, "counting")
    finish(made)
    erase(made, 31)
    assert "network" in made.rows("SELECT criteria FROM corrections")[0][0]


def test_an_account_is_erased_from_what_corrections_of_its_votes_name(made: Stage) -> None:
    with_evidence(made, "done")
    with transaction(made.engine) as connection:
        assert "criteria" not in erase_account(connection, 78, datetime.now(UTC) + timedelta(seconds=5))
        assert erase_account(connection, 77, datetime.now(UTC) + timedelta(seconds=5))["criteria"] == 1
        (told_of,) = everything_of(connection, KEYS, 77)["corrections"]
        assert everything_of(connection, KEYS, 78)["corrections"] == []
    assert (told_of["action"], told_of["entry"], told_of["changed"]) == ("void", 1, False)
    assert made.rows("SELECT criteria FROM corrections") == [(KEPT,)]


def test_files_of_operators_go_after_a_day(made: Stage) -> None:
    with transaction(made.engine) as connection:
        connection.execute(
            text("INSERT INTO uploads (name, content, uploaded_at) VALUES ('cũ', '', now() - interval '25 h')")
        )
        connection.execute(text("INSERT INTO uploads (name, content) VALUES ('mới', '')"))
    erase(made, 0)
    assert made.rows("SELECT name FROM uploads") == [("mới",)]
    assert told(made) == [{"uploads": 1}]


def many_votes(stage: Stage, number: int) -> None:
    """Votes of made-up accounts with evidence, straight into the ledger."""
    with transaction(stage.engine) as connection:
        connection.execute(
            text(
                "INSERT INTO votes (account_id, entry_id, cast_at, log_ms, log_seq, receipt, shard, proof, evidence)"
                " SELECT 10000000000 + n, 1, now(), 1, n, n, 0, 1, '\\x0102030405060708c0000201'"
                " FROM generate_series(1, :number) n"
            ),
            {"number": number},
        )


def test_dies_between_batches_and_the_next_run_does_the_rest(made: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(made)
    many_votes(made, 5_000)
    monkeypatch.setattr(retention, "PAGES", 8)

    def dies(done: int, total: int) -> None:
        if done >= total / 2:
            raise Death

    with pytest.raises(Death):
        erase(made, 31, dies)
    half = left(made)["evidence"]
    assert 0 < half < 5_003
    assert told(made) == [], "it died before it could tell"
    ((counted,),) = made.rows("SELECT rows FROM erasures WHERE what = 'evidence'")
    assert counted == 5_003 - half
    erase(made, 31)
    assert left(made)["evidence"] == 0
    assert sum(after.get("evidence", 0) for after in told(made)) == 5_003


def test_dies_before_the_log_was_told(made: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(made)

    def dies(*_: object) -> None:
        raise Death

    with monkeypatch.context() as patch:
        patch.setattr(retention, "tell_erasures", dies)
        with pytest.raises(Death):
            erase(made, 31)
    assert (left(made)["evidence"], told(made)) == (0, [])
    erase(made, 31)
    assert told(made)[0]["evidence"] == 3


def test_two_runs_at_once_erase_and_count_each_row_once(made: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(made)
    many_votes(made, 20_000)
    monkeypatch.setattr(retention, "PAGES", 8)
    barrier, faults = threading.Barrier(3), []

    def one() -> None:
        barrier.wait()
        try:
            erase(made, 31)
        except BaseException as error:
            faults.append(error)
            raise

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    erase(made, 31)  # what one held while another passed is left to the next run
    assert left(made)["evidence"] == 0
    assert made.rows("SELECT sum(rows) FROM erasures WHERE what = 'evidence'")[0][0] == 20_003
    assert sum(after.get("evidence", 0) for after in told(made)) == 20_003


def test_a_row_that_is_held_makes_nobody_wait(made: Stage) -> None:
    finish(made)
    with transaction(made.engine) as connection:
        connection.execute(text("SELECT 1 FROM votes WHERE account_id = 78 FOR UPDATE"))
        erase(made, 31)
        assert left(made)["evidence"] == 1
    erase(made, 31)
    assert left(made)["evidence"] == 0


def test_the_box_is_away_and_the_ledger_is_erased_all_the_same(made: Stage) -> None:
    finish(made)
    nowhere = redis.Redis.from_url("unix:///nonexistent")
    erase_all(made.engine, nowhere, made.contest.closes_at + timedelta(days=61), NOBODY_ASKS)
    assert set(left(made).values()) == {0}


def test_many_votes_are_erased_while_the_flush_writes(made: Stage) -> None:
    """200,000 votes of one contest; meanwhile votes of it are flushed, as while an admin erases early."""
    many_votes(made, 200_000)
    with transaction(made.engine) as connection:
        assert write_rules(connection, made.contest_id, replace(RULES, early_reason="thử", version=1))
    batches: list[float] = []
    slowest_flush, flushed = 0.0, 0
    done = threading.Event()

    def erasing() -> None:
        last = time.monotonic()

        def progress(_done: int, _total: int) -> None:
            nonlocal last
            now = time.monotonic()
            batches.append(now - last)
            last = now

        try:
            erase_contest(run(made, 31, progress), made.contest, LAN)
        finally:
            done.set()

    thread = threading.Thread(target=erasing)
    thread.start()
    while not done.is_set():
        made.cast_many(200, entry=2)
        began = time.monotonic()
        flush(made)
        slowest_flush = max(slowest_flush, time.monotonic() - began)
        flushed += 200
    thread.join()
    print(  # noqa: T201 - what docs/measurements.md names
        f"{len(batches)} batches, the longest {max(batches) * 1000:.0f} ms;"
        f" {flushed} votes flushed meanwhile, the longest flush {slowest_flush * 1000:.0f} ms"
    )
    assert flushed > 0
    assert len(batches) > 20, "it was not done in batches"
    assert max(batches) < 5
    assert slowest_flush < 5
    ((kept,),) = made.rows("SELECT count(*) FROM votes WHERE evidence IS NOT NULL AND account_id > 10000000000")
    assert kept == 0
    assert made.rows("SELECT sum(rows) FROM erasures WHERE what = 'evidence'")[0][0] >= 200_003


def erased_request(engine: Engine, contest_id: int, account: int, until: datetime) -> None:
    with transaction(engine) as connection:
        now = datetime.now(UTC)
        request = open_request(
            connection,
            contest_id,
            account,
            kind="erase",
            found_by="email",
            hint="a•••@example.vn",
            received_at=now,
            due_at=now,
            actor=LAN,
        )
        erase_account(connection, account, until)
        assert note_erased(connection, request, 1)


def test_one_account_is_erased_and_no_other(made: Stage) -> None:
    with transaction(made.engine) as connection:
        erased = erase_account(connection, 77, datetime.now(UTC) + timedelta(seconds=5))
    assert erased == {"evidence": 2, "openings": 1, "clusters": 1, "claims": 1}
    assert left(made) == EVERYTHING | {
        "evidence": 1,
        "openings": 1,
        "contacts": 0,
        "sent_to": 0,
        "words": 0,
        "bodies": 0,
        "traces": 0,
    }
    with transaction(made.engine) as connection:
        found = everything_of(connection, KEYS, 77)
        other = everything_of(connection, KEYS, 78)
    assert [vote["device"] for vote in found["votes"]] == [None, None]
    assert other["votes"][0]["device"] is not None
    assert found["logins"][0]["hint"] is None
    assert found["logins"][0]["agreed"] == {"counting": 1, "protection": 1, "residence": 1}


def test_what_comes_into_the_ledger_after_an_erasure_is_erased_at_night(made: Stage) -> None:
    """A vote that waited in the log when its voter had everything erased; a later login is another consent."""
    made.cast((77, 3))
    erased_request(made.engine, made.contest_id, 77, datetime.now(UTC))
    assert left(made)["evidence"] == 1
    flush(made)
    assert left(made)["evidence"] == 2
    with transaction(made.engine) as connection:
        connection.execute(
            text("UPDATE account_openings SET opened_at = now() + interval '1 day', hint = 'mới' WHERE account_id = 77")
        )
    erase(made, 0)
    assert left(made)["evidence"] == 1
    assert made.rows("SELECT hint FROM account_openings WHERE account_id = 77") == [("mới",)]
    assert {"evidence": 1} in told(made)


def test_resolved_parked_events_lose_their_bytes(made: Stage) -> None:
    finish(made)
    with transaction(made.engine) as connection:
        connection.execute(
            text(
                "INSERT INTO parked_events (contest_id, shard, log_ms, log_seq, packed, change, reason, resolved_at)"
                " VALUES (:contest, 0, 1, 1, 'secret', 1, '', now()), (:contest, 0, 1, 2, 'open', 1, '', NULL)"
            ),
            {"contest": made.contest_id},
        )
    erase(made, 61)
    kept = [bytes(packed) for (packed,) in made.rows("SELECT packed FROM parked_events ORDER BY log_seq")]
    assert kept == [b"", b"open"]


def test_rules_of_two_admins_at_once(made: Stage) -> None:
    with transaction(made.engine) as connection:
        stands = read_rules(connection, made.contest_id)
        assert stands.version == 1
        assert write_rules(connection, made.contest_id, replace(stands, evidence_days=45))
        assert not write_rules(connection, made.contest_id, replace(stands, evidence_days=50))
        assert read_rules(connection, made.contest_id).evidence_days == 45
