"""Scratch is emptied: nudges, statuses and claims that wait are gone."""

from contextlib import closing

import redis

from tests.chaos.arena import Arena


def test_scratch_flushed(arena: Arena) -> None:
    """Scratch flushed, five times"""
    arena.start()
    with arena.load(), closing(redis.Redis.from_url(arena.stack.address_of("SCRATCH_URL"))) as scratch:
        for _ in range(5):
            arena.some_moment()
            arena.mark_fault("FLUSHALL")
            scratch.flushall()
            arena.mark_heal()
            arena.goes_on()
    arena.verify()
