"""Wrong tries at the console's login are counted by half hours."""

import asyncio
from contextlib import aclosing

import redis

from models.scratch.connection import async_scratch
from models.scratch.wrong_tries import HALF_HOUR_S, LIFE_S, note_wrong, wrong_lately

NOW = 1_762_300_800.0


def lately(scratch: str, now: float) -> int:
    async def ask() -> int:
        async with aclosing(async_scratch(scratch)) as client:
            return await wrong_lately(client, now)

    return asyncio.run(ask())


def test_they_are_counted_and_pass(scratch: str) -> None:
    assert lately(scratch, NOW) == 0
    with redis.Redis.from_url(scratch) as client:
        assert [note_wrong(client, NOW), note_wrong(client, NOW + 1)] == [1, 2]
        assert note_wrong(client, NOW + HALF_HOUR_S) == 1
        assert all(0 < client.ttl(key) <= LIFE_S for key in client.keys("wrong_tries:*"))
    assert lately(scratch, NOW + 2) == 2
    assert lately(scratch, NOW + HALF_HOUR_S) == 3
    assert lately(scratch, NOW + 2 * HALF_HOUR_S) == 1
    assert lately(scratch, NOW + 3 * HALF_HOUR_S) == 0
