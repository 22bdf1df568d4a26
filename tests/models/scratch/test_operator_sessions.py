"""Operators' sessions: idle and absolute expiry, and that what was ended stays ended."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import redis

from models.operator import Operator, Role
from models.scratch import operator_sessions as sessions
from models.scratch.connection import async_scratch, scratch_client

NOW = 1_800_000_000.0
LAN = Operator(7, "lan", "", Role.ADMIN, "vi", True, False, True, 10, False, datetime.now(UTC), None)


@pytest.fixture
def client(scratch: str) -> Iterator[redis.Redis]:
    with scratch_client(scratch) as connected:
        yield connected


def begin(client: redis.Redis, now: float = NOW) -> str:
    return sessions.begin(client, LAN, full=True, address="203.0.113.9", agent="x" * 900, now=now, second_factor=True)


def find(scratch: str, token: str, now: float) -> sessions.OperatorSession | None:
    async def ask() -> sessions.OperatorSession | None:
        asked = async_scratch(scratch)
        try:
            return await sessions.find(asked, token, now)
        finally:
            await asked.aclose()

    return asyncio.run(ask())


def test_the_token_is_kept_nowhere(client: redis.Redis, scratch: str) -> None:
    token = begin(client)
    found = find(scratch, token, NOW)
    assert found is not None
    assert (found.operator_id, found.role, found.full, found.second_factor) == (7, Role.ADMIN, True, True)
    assert len(found.agent) == 200
    kept = [*client.keys("*"), *(client.get(key) for key in client.keys("operator:*"))]
    assert not any(token.encode() in one for one in kept)


def test_it_ends_when_nobody_uses_it(client: redis.Redis, scratch: str) -> None:
    token = begin(client)
    (key,) = client.keys("operator:*")
    assert 1790 < client.ttl(key) <= 1800
    client.expire(key, 100)
    assert find(scratch, token, NOW + 29) is not None
    assert client.ttl(key) <= 100  # noted no more often than every half minute
    assert find(scratch, token, NOW + 31) is not None
    assert client.ttl(key) > 1790
    assert sessions.sessions_of(client, 7, NOW + 31)[0].seen_at == NOW + 31


def test_it_ends_after_twelve_hours_however_busy(client: redis.Redis, scratch: str) -> None:
    token = begin(client)
    assert find(scratch, token, NOW + 12 * 3600 - 1) is not None
    assert find(scratch, token, NOW + 12 * 3600) is None
    assert sessions.sessions_of(client, 7, NOW + 12 * 3600) == []


def test_what_was_ended_does_not_come_back(client: redis.Redis, scratch: str) -> None:
    token, other = begin(client), begin(client, NOW + 1)
    digest = sessions.digest_of(token)
    sessions.end(client, 7, digest)
    assert not sessions.is_in_force(client, digest)
    assert find(scratch, token, NOW + 100) is None
    assert [one.digest for one in sessions.sessions_of(client, 7, NOW)] == [sessions.digest_of(other)]


def test_all_but_one_are_ended(client: redis.Redis, scratch: str) -> None:
    kept, *others = [begin(client, NOW + n) for n in range(4)]
    assert sessions.end_all(client, 7, but=sessions.digest_of(kept)) == 3
    assert find(scratch, kept, NOW) is not None
    assert [find(scratch, one, NOW) for one in others] == [None] * 3


def test_sessions_of_another_operator_are_not_touched(client: redis.Redis, scratch: str) -> None:
    token = begin(client)
    assert sessions.end_all(client, 8) == 0
    assert find(scratch, token, NOW) is not None
