"""Login codes in scratch: whose tries are counted, and how many guesses there are, whatever happens at once."""

import asyncio
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from models.identity import Identity, normalise
from models.scratch import codes
from models.scratch.codes import SHARING, TRIES, Asking, Budgets, new_flow
from models.scratch.connection import async_scratch
from tests.api.contest import KEYS
from tests.api.voters.logging_in import code_for, wrong

AN = normalise("email", "an@example.vn")
ROOM = Budgets(unproven=1000, sms=1000)
MANY = 60


def asked(scratch: str, flow: str, proof: str | None, identity: Identity = AN, budgets: Budgets = ROOM) -> Asking:
    async def ask() -> Asking:
        client = async_scratch(scratch)
        try:
            found = await codes.issue(
                client,
                KEYS,
                identity,
                proof=proof,
                flow=flow,
                budgets=budgets,
                contest="",
                language="vi",
                now=time.time(),
            )
        finally:
            await client.aclose()
        return found.outcome

    return asyncio.run(ask())


def entered(scratch: str, flow: str, guess: str) -> bool:
    async def enter() -> bool:
        client = async_scratch(scratch)
        try:
            return await codes.check(client, KEYS, AN, guess, flow)
        finally:
            await client.aclose()

    return asyncio.run(enter())


def at_once(scratch: str, guesses: list[tuple[str, str]]) -> list[bool]:
    """(flow, guess) each over a connection of its own."""
    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(lambda one: entered(scratch, *one), guesses))


@pytest.fixture
def owner() -> str:
    return new_flow()


def test_a_code_is_good_where_it_was_asked_for(scratch: str, owner: str) -> None:
    assert asked(scratch, owner, "a" * 32) is Asking.SENT
    code = code_for(scratch, AN.address)
    assert not entered(scratch, new_flow(), code)
    assert not entered(scratch, "", code)
    assert entered(scratch, owner, code)
    assert not entered(scratch, owner, code), "and once"


def test_strangers_use_up_nobodys_tries(scratch: str, owner: str) -> None:
    asked(scratch, owner, "a" * 32)
    code = code_for(scratch, AN.address)
    stranger = new_flow()
    found = at_once(scratch, [(stranger, wrong(code)), ("", wrong(code)), ("", code)] * MANY)
    assert not any(found)
    assert entered(scratch, owner, code)


def test_sixty_guesses_at_once_are_five(scratch: str, owner: str) -> None:
    asked(scratch, owner, "a" * 32)
    code = code_for(scratch, AN.address)
    assert not any(at_once(scratch, [(owner, wrong(code))] * MANY))
    with redis.Redis.from_url(scratch) as client:
        [key] = client.scan_iter(match="code:[0-9]*")
        tries = {name: int(value) for name, value in client.hgetall(key).items() if name.startswith(b"tries:")}
    assert list(tries.values()) == [MANY], "each was counted"
    assert not entered(scratch, owner, code), "and no more than five were looked at"


def test_sixty_right_guesses_at_once_are_one_login(scratch: str, owner: str) -> None:
    asked(scratch, owner, "a" * 32)
    code = code_for(scratch, AN.address)
    assert Counter(at_once(scratch, [(owner, code)] * MANY)) == {True: 1, False: MANY - 1}


def test_who_asks_in_the_cool_down_of_a_stranger_gets_in_with_the_code_of_then(scratch: str, owner: str) -> None:
    """Else whoever asks first, each minute, would keep the owner out."""
    stranger = new_flow()
    assert asked(scratch, stranger, "a" * 32) is Asking.SENT
    assert asked(scratch, owner, "b" * 32) is Asking.COOLING
    code = code_for(scratch, AN.address)
    assert not any(at_once(scratch, [(stranger, wrong(code))] * MANY))
    assert entered(scratch, owner, code)


def test_no_more_than_two_share_a_code_however_many_ask_at_once(scratch: str) -> None:
    flows = [new_flow() for _ in range(MANY)]
    with ThreadPoolExecutor(MANY) as pool:
        found = Counter(pool.map(lambda n: asked(scratch, flows[n], f"{n:02x}" * 16), range(MANY)))
    assert found == {Asking.SENT: 1, Asking.COOLING: MANY - 1}
    code = code_for(scratch, AN.address)
    guesses = at_once(scratch, [(flow, wrong(code)) for flow in flows for _ in range(TRIES + 1)])
    assert not any(guesses)
    with redis.Redis.from_url(scratch) as client:
        [key] = client.scan_iter(match="code:[0-9]*")
        tries = [int(value) for name, value in client.hgetall(key).items() if name.startswith(b"tries:")]
        assert tries == [TRIES + 1] * SHARING, "so many had tries, and each has used up its own"
        assert len(list(client.scan_iter(match="proof:*"))) == SHARING, "who may not join has paid nothing"
        assert client.hget(key, "sharing") == b"2"


def test_to_join_costs_a_proof_but_for_a_form_sent_twice(scratch: str, owner: str) -> None:
    asked(scratch, owner, "a" * 32)
    again = new_flow()
    assert asked(scratch, again, "a" * 32) is Asking.COOLING, "pressed twice, before the first answer came"
    code = code_for(scratch, AN.address)
    assert entered(scratch, again, code)
    binh = normalise("email", "binh@example.vn")
    asked(scratch, owner, "b" * 32, binh)
    assert asked(scratch, new_flow(), "a" * 32, binh) is Asking.COOLING
    with redis.Redis.from_url(scratch) as client:
        [key] = client.scan_iter(match="code:[0-9]*")
        assert client.hget(key, "sharing") == b"1", "a proof that was used for another code joins none"


def test_without_proofs_who_joins_is_counted_in_the_budget(scratch: str) -> None:
    budgets = Budgets(unproven=2, sms=0)
    assert asked(scratch, new_flow(), None, budgets=budgets) is Asking.SENT
    assert asked(scratch, new_flow(), None, budgets=budgets) is Asking.COOLING
    binh = normalise("email", "binh@example.vn")
    assert asked(scratch, new_flow(), None, binh, budgets) is Asking.SHUT


def test_a_program_that_keeps_nothing_gets_in_as_the_contract_says(scratch: str) -> None:
    asked(scratch, "", "a" * 32)
    code = code_for(scratch, AN.address)
    assert not entered(scratch, new_flow(), code)
    assert entered(scratch, "", code)


def test_no_flow_is_kept(scratch: str, owner: str) -> None:
    asked(scratch, owner, "a" * 32)
    with redis.Redis.from_url(scratch) as client:
        kept = {key: client.hgetall(key) for key in client.scan_iter(_type="hash")}
    assert owner.encode() not in str(kept).encode()
