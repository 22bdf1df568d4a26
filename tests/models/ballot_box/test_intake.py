"""The intake on a healthy box: batches, bounds, and exactly one answer a vote."""

import asyncio

from models.ballot_box.intake import MAX_PENDING, Intake
from models.outcomes import Outcome
from tests.models.ballot_box.boxes import CONTEST_ID, FINGERPRINT, Box, open_box
from tests.models.ballot_box.voting import until, voting

COUNTED, ALREADY, NOT_READY = Outcome.COUNTED, Outcome.ALREADY_VOTED, Outcome.NOT_READY


def test_a_hundred_clients_one_account_one_entry_exactly_one_vote(box: str, opened: Box) -> None:
    async def run() -> None:
        async with voting(box) as voters, asyncio.TaskGroup() as tasks:
            for _ in range(100):
                tasks.create_task(voters.vote(42))
        assert await voters.answered() == {COUNTED: 1, ALREADY: 99}

    asyncio.run(run())
    assert opened.tally() == {1: 1}
    assert opened.logged_votes() == [(42, 1)]


def test_thousands_of_votes_share_a_few_calls_and_all_count_once(box: str, opened: Box) -> None:
    async def run() -> None:
        async with voting(box) as voters:
            for account in range(1, 4_001):
                voters.put(account, account % 3 + 1)
                if account % 50 == 0:
                    await asyncio.sleep(0)
            assert await voters.answered() == {COUNTED: 4_000}
            assert sum(voters.sizes) == 4_000
            assert len(voters.sizes) < 400
            assert max(voters.sizes) <= 1_000

    asyncio.run(run())
    assert sum(opened.tally().values()) == 4_000
    assert len(set(opened.logged_votes())) == len(opened.logged_votes()) == 4_000


def test_each_vote_of_a_batch_gets_its_own_answer(box: str, opened: Box) -> None:
    opened.cast(*((account, 1) for account in range(1, 501)))
    opened.client.sadd(opened.keys().blocked, *range(2_000, 2_500))

    async def run() -> None:
        async with voting(box) as voters:
            for number in range(500):
                voters.put(1 + number)
                voters.put(1_000 + number)
                voters.put(2_000 + number)
                voters.put(3_000 + number, 9)
            await voters.answered()
            for slip in voters.slips:
                expected = (ALREADY, COUNTED, Outcome.BLOCKED, Outcome.UNKNOWN_ENTRY)[slip.account // 1_000]
                assert slip.answers == [COUNTED if slip.account == 501 else expected]

    opened.cast((500, 1))
    asyncio.run(run())


def test_beyond_its_bound_a_vote_is_busy_at_once(box: str, opened: Box) -> None:
    async def run() -> None:
        async with voting(box) as voters:
            for account in range(1, MAX_PENDING + 51):
                voters.put(account)
            assert voters.intake.waiting == voters.intake.unanswered == MAX_PENDING
            assert voters.of(Outcome.BUSY) == [(MAX_PENDING + number, 1) for number in range(1, 51)]
            assert await voters.answered() == {COUNTED: MAX_PENDING, Outcome.BUSY: 50}
            assert voters.intake.unanswered == 0

    asyncio.run(run())
    assert opened.tally() == {1: MAX_PENDING}


def test_votes_go_to_the_shard_of_their_account(box: str) -> None:
    async def run() -> None:
        async with voting(box, shards=3) as voters:
            for account in range(1, 301):
                voters.put(account)
            assert await voters.answered() == {COUNTED: 300}

    with open_box(box, shards=3) as opened:
        asyncio.run(run())
        for number, keys in enumerate(opened.every_shard()):
            assert int(opened.client.hget(keys.tally, "1")) == 100
            assert opened.client.exists(f"{keys.ballot}{number + 3}")


def test_without_a_contest_or_after_the_end_it_is_not_ready(box: str, opened: Box) -> None:
    async def run() -> None:
        async with voting(box) as voters:
            assert await voters.vote(1) is COUNTED
            await voters.intake.stop()
            assert voters.put(2).answers == [NOT_READY]
        assert voters.intake.unanswered == 0

    asyncio.run(run())
    assert opened.logged_votes() == [(1, 1)]


def test_stopping_answers_what_is_on_its_way(box: str, opened: Box) -> None:
    async def run() -> set[tuple[int, int]]:
        async with voting(box) as voters:
            for account in range(1, 2_001):
                voters.put(account)
            await until(lambda: voters.of(COUNTED))
        assert await voters.answered() == {COUNTED: 2_000}
        return set(voters.of(COUNTED))

    assert asyncio.run(run()) == set(opened.logged_votes())


def test_it_stops_at_any_moment_of_connecting(box: str, opened: Box) -> None:
    """redis-py swallows a cancelling while it connects."""

    async def run() -> None:
        for moment in range(40):
            intake = Intake(box, fingerprint=FINGERPRINT)
            await intake.start()
            intake.aim(CONTEST_ID, 1, 1)
            for _ in range(moment):
                await asyncio.sleep(0)
            intake.aim(CONTEST_ID + 1, 1, 1)
            await asyncio.wait_for(intake.stop(), 3)
        await until(lambda: len(asyncio.all_tasks()) == 1, what="every caller has ended")

    asyncio.run(run())


def test_another_contest_takes_the_place_with_every_vote_answered(box: str, opened: Box) -> None:
    async def run() -> None:
        async with voting(box) as voters:
            for account in range(1, 3_001):
                voters.put(account)
            await until(lambda: voters.of(COUNTED))
            voters.intake.aim(CONTEST_ID + 1, 1, 7)
            outcomes = await voters.answered()
            assert outcomes[COUNTED] + outcomes[NOT_READY] + outcomes[Outcome.NOT_CONFIRMED] == 3_000
            logged = set(opened.logged_votes())
            assert set(voters.of(COUNTED)) <= logged
            assert not logged & set(voters.of(NOT_READY))
            assert await voters.vote(9) is NOT_READY  # there is no such contest in the box

    asyncio.run(run())


def test_a_vote_that_answers_a_refusal_while_the_shards_change_is_refused_too(box: str, opened: Box) -> None:
    """A connection puts its next vote when one is answered: of any account, so into any shard."""

    async def run() -> None:
        async with voting(box, shards=2, connect=False) as voters:
            for account in (1, 2):
                voters.intake.put(account, 1, b"", lambda _outcome, other=account + 1: voters.put(other))
            voters.intake.aim(CONTEST_ID + 1, 2, 7)
            assert [slip.answers for slip in voters.slips] == [[NOT_READY]] * 2
            assert voters.intake.unanswered == 0

    asyncio.run(run())


def test_an_epoch_or_a_shard_count_that_has_changed_is_not_ready_until_it_is_aimed_anew(box: str, opened: Box) -> None:
    async def run() -> None:
        async with voting(box) as voters:
            assert await voters.vote(1) is COUNTED
            opened.epoch = 2
            opened.open()
            assert await voters.vote(1) is NOT_READY
            voters.intake.aim(CONTEST_ID, 1, 2)
            assert await voters.vote(1) is ALREADY
            voters.intake.aim(CONTEST_ID, 2, 2)
            assert await voters.vote(2) is NOT_READY
            assert voters.intake.fault is None

    asyncio.run(run())


def test_functions_that_vanish_under_load_cost_no_vote(box: str, opened: Box) -> None:
    async def run() -> None:
        async with voting(box) as voters:
            for start in range(0, 3_000, 500):
                opened.client.function_flush()
                for account in range(start, start + 500):
                    voters.put(account + 1)
                    if account % 20 == 0:
                        await asyncio.sleep(0)
                await until(lambda: all(slip.answers for slip in voters.slips))
            assert await voters.answered() == {COUNTED: 3_000}

    asyncio.run(run())
    assert len(opened.logged_votes()) == 3_000


def test_one_voter_whose_answer_goes_wrong_costs_the_others_nothing(box: str, opened: Box) -> None:
    def break_down(outcome: Outcome) -> None:
        raise RuntimeError(outcome)

    async def run() -> None:
        async with voting(box) as voters:
            voters.put(1)
            voters.intake.put(2, 1, b"", break_down)
            voters.put(3)
            assert await voters.answered() == {COUNTED: 2}
            assert await voters.vote(4) is COUNTED

    asyncio.run(run())
