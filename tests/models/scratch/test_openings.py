"""Once a day and account: reserved, kept, released."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import redis

from models.scratch.connection import AsyncScratchClient, ScratchAway, async_scratch
from models.scratch.openings import DAY_S, RESERVED_S, keep, release, reserve


def run(url: str, steps: Callable[[AsyncScratchClient], Awaitable[None]]) -> None:
    async def with_client() -> None:
        async with async_scratch(url) as client:
            await steps(client)

    asyncio.run(with_client())


def lives(url: str) -> dict[bytes, float]:
    """Key → how long it still lives, in seconds."""
    with redis.Redis.from_url(url) as client:
        return {name: client.pttl(name) / 1000 for name in client.scan_iter()}


def test_who_comes_first_records_it_and_after_a_day_again(scratch: str) -> None:
    async def steps(client: AsyncScratchClient) -> None:
        assert await reserve(client, 7, [1, 2, 1]) == [True, True, False]
        assert all(RESERVED_S - 5 < life <= RESERVED_S for life in lives(scratch).values())
        await keep(client, 7, [1])
        assert await reserve(client, 7, [1, 2, 3]) == [False, False, True]
        assert DAY_S - 5 < lives(scratch)[b"opened:7:1"] <= DAY_S

    run(scratch, steps)


def test_what_was_released_is_reserved_again_and_contests_are_apart(scratch: str) -> None:
    async def steps(client: AsyncScratchClient) -> None:
        await reserve(client, 7, [1, 2, 3])
        await release(client, 7, [1, 3])
        assert await reserve(client, 7, [1, 2, 3]) == [True, False, True]
        assert await reserve(client, 8, [1, 2, 3]) == [True, True, True]

    run(scratch, steps)


def test_of_many_that_claim_at_once_one_has_it(scratch: str) -> None:
    async def steps(client: AsyncScratchClient) -> None:
        found = await asyncio.gather(*(reserve(client, 7, [1, 2]) for _ in range(50)))
        assert [sum(column) for column in zip(*found, strict=True)] == [1, 1]

    run(scratch, steps)


@pytest.mark.parametrize("ask", [reserve, keep, release])
def test_scratch_that_is_away(tmp_path: Path, ask: Callable[..., Awaitable[object]]) -> None:
    async def steps(client: AsyncScratchClient) -> None:
        with pytest.raises(ScratchAway):
            await ask(client, 7, [1])

    run(f"unix://{tmp_path}/none.sock", steps)
