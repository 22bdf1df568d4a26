"""Random casts, logins, flushes, deaths, replays, voids, restarts and repairs, held against a model of what must be
(I1-I6).

The model is a dictionary: (account, entry) → counted or taken out; and the accounts of the logins, in order. Whatever
happens in whatever order, box and ledger end up with exactly that, none twice, drift 0; a repeat always gets
`already_voted`.
"""

from contextlib import ExitStack, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from models.ballot_box import steer
from models.correction_criteria import Criteria
from models.database import LedgerAway, transaction, worker_engine
from models.decisions import resume
from models.outcomes import Outcome
from tests.servers import empty_valkey
from tests.tampering import votes_unguarded
from tests.workers import correcting
from tests.workers.contests import Stage, stage
from tests.workers.minute_counts import assert_minutes_fit
from workers.books import compare, prove
from workers.flush import flush_batch

ACCOUNTS = st.integers(1, 4)
ENTRIES = st.sampled_from([1, 2, 3])
UNKNOWN_ENTRY = 99
LATEST = 2**50
"""A turn later than those of all corrections."""


class Crash(Exception):  # noqa: N818 - a death, not an error
    """A process dies here."""


class Votes(RuleBasedStateMachine):
    """`server` and `database` are set by the test below; each example empties both."""

    server: Any
    database: str

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        empty_valkey(self.server.url)
        empty_ledger(self.database)
        self.made: Stage = self.stack.enter_context(stage(self.server.url, self.database))
        self.model: dict[tuple[int, int], bool] = {}
        self.logins: list[int] = []
        self.paused = False

    def teardown(self) -> None:
        try:
            self.everything_agrees()
        finally:
            self.made.engine.dispose()
            self.stack.close()

    @rule(votes=st.lists(st.tuples(ACCOUNTS, ENTRIES), min_size=1, max_size=6))
    def cast(self, votes: list[tuple[int, int]]) -> None:
        for vote, outcome in zip(votes, self.made.cast(*votes), strict=True):
            if vote in self.model:
                assert outcome is Outcome.ALREADY_VOTED
            elif self.paused:
                assert outcome is Outcome.PAUSED
            else:
                assert outcome is Outcome.COUNTED
                self.model[vote] = True

    @rule(account=ACCOUNTS)
    def cast_for_an_unknown_entry(self, account: int) -> None:
        expected = Outcome.PAUSED if self.paused else Outcome.UNKNOWN_ENTRY
        assert self.made.cast((account, UNKNOWN_ENTRY)) == [expected]

    @rule(account=ACCOUNTS, entry=ENTRIES)
    def cast_in_an_epoch_that_is_over(self, account: int, entry: int) -> None:
        assert self.made.cast((account, entry), epoch=1) == [Outcome.NOT_READY]

    @rule(accounts=st.lists(ACCOUNTS, min_size=1, max_size=4))
    def open_accounts(self, accounts: list[int]) -> None:
        assert self.made.open_accounts(*accounts) == "o" * len(accounts)
        self.logins += accounts

    @rule(account=ACCOUNTS)
    def open_an_account_in_an_epoch_that_is_over(self, account: int) -> None:
        assert self.made.open_accounts(account, epoch=1) == "r"

    @rule(limit=st.sampled_from([1, 2, 10_000]))
    def flush(self, limit: int) -> None:
        with self.made.engine.connect() as connection:
            flush_batch(connection, self.made.client, self.made.contest_id, 0, limit=limit)

    @rule(limit=st.sampled_from([1, 10_000]))
    def flush_and_die_before_the_commit(self, limit: int) -> None:
        def die() -> None:
            raise Crash

        try:
            with self.made.engine.connect() as connection:
                flush_batch(connection, self.made.client, self.made.contest_id, 0, limit=limit, before_commit=die)
        except Crash:
            pass

    @rule()
    def flush_and_lose_the_answer_to_the_commit(self) -> None:
        with self.made.engine.connect() as connection:
            real: Any = connection.connection.driver_connection
            commit = real.commit

            def lose() -> None:
                commit()
                real.close()
                raise LedgerAway("lost")

            real.commit = lose
            with pytest.raises(LedgerAway):
                flush_batch(connection, self.made.client, self.made.contest_id, 0)
            connection.invalidate()

    @rule(account=ACCOUNTS, entry=ENTRIES)
    def void(self, account: int, entry: int) -> None:
        self._decide(steer.void, (account, entry), counted=False)

    @rule(account=ACCOUNTS, entry=ENTRIES)
    def restore(self, account: int, entry: int) -> None:
        self._decide(steer.restore, (account, entry), counted=True)

    def _decide(self, decide: Any, vote: tuple[int, int], *, counted: bool) -> None:
        letters = decide(self.made.client, self.made.keys(), self.made.contest.epoch, [vote], "thử", LATEST)
        changes = self.model.get(vote) is (not counted)
        assert letters == ("d" if changes else "s")
        if changes:
            self.model[vote] = counted

    @rule(
        accounts=st.sets(ACCOUNTS, min_size=1),
        action=st.sampled_from(["void", "restore"]),
        dies=st.sampled_from([None, "take_turn", "_through_the_box", "mark_done", "match_ledger", "raise_version"]),
        then=st.sampled_from(["nothing", "repair", "lose_the_box_after_the_log_is_flushed"]),
    )
    def correct(self, accounts: set[int], action: str, dies: str | None, then: str) -> None:
        """A correction of all votes of some accounts, whose worker may die, and worse may happen before the next."""
        self._drain()
        before = action == "void"  # what the votes are that it is about
        meant = {vote for vote, stands in self.model.items() if vote[0] in accounts and stands is before}
        everything = before and len(meant) == sum(self.model.values())
        correction_id = correcting.proposed(self.made, Criteria(accounts=sorted(accounts)), action)
        refused = correcting.correction(self.made, correction_id).state == "refused"
        assert refused is (not meant or everything)
        if refused:
            return
        task_id = correcting.approved(self.made, correction_id)
        if dies is not None:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(correcting.where(dies), dies, correcting.died)
                with pytest.raises(correcting.Crash):
                    correcting.run(self.made, task_id)
            correcting.forget_the_worker(self.made)
            if then != "nothing":
                getattr(self, then)()
        assert correcting.run(self.made, task_id).state == "done"
        result = correcting.correction(self.made, correction_id).result
        assert result is not None
        assert result["done"] == len(meant)
        self.model |= dict.fromkeys(meant, not before)

    @rule()
    def pause_or_resume(self) -> None:
        if self.paused:
            assert resume(self.made.engine, self.made.client, self.made.contest)
        else:
            self.made.pause()
        self.paused = not self.paused

    @rule()
    def kill_the_box(self) -> None:
        self.server.kill()
        self.server.start()

    @rule()
    def repair(self) -> None:
        self.made.repair()

    @precondition(lambda self: self.model)
    @rule(step=st.integers(1, 8))
    def a_repair_that_dies(self, step: int) -> None:
        real, calls = steer.call, 0

        def call(*args: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == step:
                raise Crash
            return real(*args)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(steer, "call", call)
            with suppress(Crash):
                self.made.repair()
        self.made.repair()

    @rule()
    def lose_the_box_after_the_log_is_flushed(self) -> None:
        self._drain()
        self.made.client.flushall()
        self.made.repair()

    @rule()
    def everything_agrees(self) -> None:
        self._drain()
        counted = sorted(vote for vote, stands in self.model.items() if stands)
        assert sorted(self.made.rows()) == counted
        assert len(self.made.rows("SELECT 1 FROM votes")) == len(self.model)
        openings = "SELECT account_id FROM account_openings ORDER BY log_ms, log_seq"
        assert [account for (account,) in self.made.rows(openings)] == self.logins
        books = compare(self.made.engine, self.made.client, self.made.contest)
        assert (books.drift, books.pending, books.parked, books.conflicts) == (0, 0, 0, 0)
        assert books.shards[0].box_votes == len(counted)
        assert all(proof.holds for proof in prove(self.made.engine, self.made.client, self.made.contest, wait_s=0))
        receipts = self.made.rows("SELECT account_id, entry_id, receipt FROM votes")
        assert all(self.made.receipts.number(account, entry) == number for account, entry, number in receipts)

    @invariant()
    def the_books_agree_at_any_moment(self) -> None:
        books = compare(self.made.engine, self.made.client, self.made.contest)
        assert (books.drift, books.conflicts) == (0, 0)
        assert_minutes_fit(self.made)

    def _drain(self) -> None:
        with self.made.engine.connect() as connection:
            while flush_batch(connection, self.made.client, self.made.contest_id, 0).more:
                pass


def empty_ledger(database: str) -> None:
    engine = worker_engine(database)
    with transaction(engine) as connection, votes_unguarded(connection.exec_driver_sql):
        connection.exec_driver_sql(
            "TRUNCATE votes, account_openings, minute_counts, minute_totals, tallies, cursors, epochs, parked_events,"
            " corrections, correction_votes, tasks, entries, categories, contests RESTART IDENTITY CASCADE"
        )
    engine.dispose()


@pytest.mark.timeout(300)
def test_whatever_happens_the_count_is_right(valkey_factory: Any, database: str) -> None:
    server = valkey_factory("box")
    machine = type("Machine", (Votes,), {"server": server, "database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        ),
    )
