"""Claims in scratch: each limit, at once and in turn, and what a refused one leaves."""

import asyncio
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from models.claim import Claim, unpack_claim
from models.scratch import claims
from models.scratch.claims import DAILY_CAP, Claiming, Taken, read, remove, set_aside, take, waiting
from models.scratch.connection import ScratchAway, async_scratch, scratch_client


def claim(number: int = 1, account: int | None = None, **more: object) -> Claim:
    return Claim(7, 1_764_000_000_000, "vi", f"Tôi mất phiếu {number}", account_id=account, **more)


def put(url: str, *found: Claim, per_hour: int = 600) -> list[Taken]:
    """All at once."""

    async def run() -> list[Taken]:
        async with async_scratch(url) as client:
            return await asyncio.gather(*(take(client, one, sender=b"", per_hour=per_hour) for one in found))

    return asyncio.run(run())


def outcomes(taken: list[Taken]) -> list[str]:
    return sorted(one.outcome.value for one in taken)


def kept(url: str) -> list[Claim]:
    with closing(scratch_client(url)) as client:
        return [unpack_claim(packed) for _number, packed in read(client, 1000)]


def test_a_claim_waits_as_it_was_given(scratch: str) -> None:
    one = claim(account=5, receipt=9, contact="0900 000 000")
    [taken] = put(scratch, one)
    assert taken == Taken(Claiming.RECEIVED, one.reference, 0)
    assert kept(scratch) == [one]


def test_pressed_many_times_at_once_is_one_claim(scratch: str) -> None:
    taken = put(scratch, *(claim() for _ in range(20)))
    assert outcomes(taken) == ["received"] + ["repeated"] * 19
    assert len({one.reference for one in taken}) == 1
    assert [one.reference for one in kept(scratch)] == [taken[0].reference]
    [other] = put(scratch, claim(account=5))
    assert other.outcome is Claiming.RECEIVED, "the same words of somebody else"
    with redis.Redis.from_url(scratch) as client:
        lives = [client.ttl(key) for key in client.keys("claims:same:*")]
    assert all(0 < life <= claims.SAME_S for life in lives)


def test_an_account_has_five_a_day(scratch: str) -> None:
    taken = put(scratch, *(claim(number, account=5) for number in range(20)))
    assert outcomes(taken) == ["capped"] * 15 + ["received"] * DAILY_CAP
    refused = next(one for one in taken if one.outcome is Claiming.CAPPED)
    assert refused.reference == ""
    assert 86_000 < refused.retry_after <= 86_400
    assert len(kept(scratch)) == DAILY_CAP
    assert outcomes(put(scratch, claim(account=6))) == ["received"]


def test_guests_share_a_budget_and_leave_accounts_theirs(scratch: str) -> None:
    taken = put(scratch, *(claim(number) for number in range(20)), per_hour=7)
    assert outcomes(taken) == ["crowded"] * 13 + ["received"] * 7
    assert all(3500 < one.retry_after <= 3600 for one in taken if one.outcome is Claiming.CROWDED)
    accounts = put(scratch, *(claim(number, account=number) for number in range(20)), per_hour=7)
    assert outcomes(accounts) == ["crowded"] * 13 + ["received"] * 7
    assert len(kept(scratch)) == 14
    with redis.Redis.from_url(scratch) as client:
        assert len(client.keys("claims:day:*")) == 7, "a refused claim counts nowhere"
        assert client.delete("claims:hour:guests")
    assert outcomes(put(scratch, claim(99), per_hour=7)) == ["received"], "in the next hour"
    assert outcomes(put(scratch, claim(100), per_hour=0)) == ["crowded"]


def test_what_waits_has_an_end(scratch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "MOST_WAITING", 3)
    assert outcomes(put(scratch, *(claim(number) for number in range(5)))) == ["full", "full"] + ["received"] * 3
    with closing(scratch_client(scratch)) as client:
        assert waiting(client) == 3
        remove(client, [number for number, _packed in read(client, 1)])
        assert waiting(client) == 2
    assert outcomes(put(scratch, claim(9))) == ["received"]


def test_what_is_set_aside_stops_nobody_and_has_an_end(scratch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "MOST_REFUSED", 2)
    put(scratch, *(claim(number) for number in range(4)))
    with closing(scratch_client(scratch)) as client:
        found = read(client, 3)  # in the order in which they came, which nobody knows of four at once
        for number, packed in found:
            set_aside(client, number, packed, "22021")
        remove(client, [])
        assert waiting(client) == 1
        aside = client.xrange(claims.REFUSED)
    assert [fields[b"claim"] for _, fields in aside] == [packed for _, packed in found[1:]]


def test_a_full_scratch_takes_nothing_and_gives_no_reference(valkey_factory) -> None:
    server = valkey_factory("scratch", maxmemory=16 * 1024**2)
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", 1)
    with pytest.raises(ScratchAway):
        put(server.url, claim())
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", 0)
        assert client.keys("*") == []


def test_a_killed_scratch_has_every_claim_again(valkey_factory) -> None:
    server = valkey_factory("scratch")
    one = claim()
    put(server.url, one)
    server.kill()
    server.start()
    assert kept(server.url) == [one]
    assert put(server.url, replace(one, reference="X" * 10))[0].reference == one.reference


def test_scratch_that_is_away(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/none.sock"
    with pytest.raises(ScratchAway):
        put(url, claim())
    with closing(scratch_client(url)) as client:
        for step in (lambda: waiting(client), lambda: read(client, 1), lambda: remove(client, [b"1-1"])):
            with pytest.raises(ScratchAway):
                step()
