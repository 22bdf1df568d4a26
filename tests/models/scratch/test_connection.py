"""Connections of the API to scratch."""

import asyncio

from models.scratch.connection import async_scratch, scratch_errors


def test_more_calls_at_once_than_connections_wait_for_their_turn(scratch):
    async def call_all():
        async with async_scratch(scratch) as client:
            with scratch_errors():
                return await asyncio.gather(*(client.incr("n") for _ in range(500)))

    assert sorted(asyncio.run(call_all())) == list(range(1, 501))
