"""On a stack as the bench has it: the audit finds a vote that was lost, and a province's minute is told as it was."""

import dataclasses

import pytest

from loadtests.bench.audit import Sent, audit
from loadtests.bench.ledger import cast_directly, wait_until_flushed
from loadtests.bench.province import run_province, verdict
from loadtests.bench.stack import running_stack
from models.database import transaction
from tests.tampering import votes_unguarded

ADULTS, DIRECTLY = 1_500, 7


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running_stack(tmp_path_factory.mktemp("bench")) as running:
        yield running


def change(stack, statement):
    with transaction(stack.engine) as connection, votes_unguarded(connection.exec_driver_sql):
        assert connection.exec_driver_sql(statement).rowcount == 1


@pytest.mark.timeout(240)
def test_a_province_votes_and_a_vote_that_is_taken_away_is_missed(stack, tmp_path):
    cast_directly(stack, [(number, stack.entries[0]) for number in range(1, 1 + DIRECTLY)])
    run, votes = run_province(tmp_path, stack, ADULTS, 2)
    seen = verdict(run)
    assert (seen["votes"], seen["acknowledged"]) == (ADULTS, ADULTS)
    assert 1.9 < seen["acknowledged_s"] <= seen["all_in_ledger_s"] + 0.1 < 60
    assert seen["reached"]
    assert len(set(votes.tokens.read_text().split())) == ADULTS  # each with an account of its own
    sent = Sent(votes.answered, votes.first)

    wait_until_flushed(stack)
    assert audit(stack, [stack.port], sent, cast_directly=DIRECTLY).problems() == []

    change(stack, "DELETE FROM votes WHERE account_id = 3")
    lost = audit(stack, [stack.port], sent, cast_directly=DIRECTLY)
    assert lost.problems() == ["acknowledged votes and ledger rows differ", "box, ledger and rows differ"]

    # Gone everywhere at once: only those who were told of it still know.
    change(stack, f"UPDATE tallies SET votes = votes - 1 WHERE entry_id = {stack.entries[0]}")
    stack.box.hincrby(stack.keys.tally, str(stack.entries[0]), -1)
    gone = audit(stack, [stack.port], sent, cast_directly=DIRECTLY)
    assert gone.drift == 0
    assert gone.problems() == ["acknowledged votes and ledger rows differ"]


def test_a_province_that_was_slow_or_lost_a_vote_has_missed_its_aim(stack, tmp_path):
    run, _ = run_province(tmp_path, stack, 50, 1)
    assert verdict(run)["reached"]

    def changed(**values):
        return dataclasses.replace(run, arrivals=dataclasses.replace(run.arrivals, **values))

    assert not verdict(changed(answered=49))["reached"]
    assert not verdict(changed(refused=1))["reached"]
    assert not verdict(changed(seconds=60.1))["reached"]
    assert not verdict(dataclasses.replace(run, all_in_ledger_s=65.1))["reached"]
