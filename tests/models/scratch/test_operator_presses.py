"""Presses of the console's forms: the first is begun, the others are told where it led."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import redis

from models.scratch import operator_presses as presses
from models.scratch.connection import AsyncScratchClient, async_scratch

Value = TypeVar("Value")
PRESS = presses.press_of("session", "/operator/x", [("title", "a"), ("press", "1")])


def asked(scratch: str, ask: Callable[[AsyncScratchClient], Awaitable[Value]]) -> Value:
    async def call() -> Value:
        async with aclosing(async_scratch(scratch)) as client:
            return await ask(client)

    return asyncio.run(call())


def test_one_of_a_hundred_at_once_is_the_first(scratch: str) -> None:
    async def all_at_once(client: AsyncScratchClient) -> list[str | None]:
        return await asyncio.gather(*(presses.begin(client, PRESS) for _ in range(100)))

    found = asked(scratch, all_at_once)
    assert found.count(None) == 1
    assert found.count("") == 99


def test_where_it_led_is_known_until_it_lapses_and_a_failed_one_is_forgotten(scratch: str) -> None:
    assert asked(scratch, lambda client: presses.begin(client, PRESS)) is None
    asked(scratch, lambda client: presses.led_to(client, PRESS, "/operator/entries/7?done=created"))
    assert asked(scratch, lambda client: presses.begin(client, PRESS)) == "/operator/entries/7?done=created"
    with redis.Redis.from_url(scratch) as client:
        (key,) = client.keys("operator_press:*")
        assert 0 < client.ttl(key) <= presses.LIFE_S
    asked(scratch, lambda client: presses.forget(client, PRESS))
    assert asked(scratch, lambda client: presses.begin(client, PRESS)) is None


def test_a_press_that_has_lapsed_is_not_brought_back(scratch: str) -> None:
    asked(scratch, lambda client: presses.led_to(client, PRESS, "/operator/"))
    assert asked(scratch, lambda client: presses.begin(client, PRESS)) is None


def test_what_differs_is_another_press() -> None:
    others = [
        presses.press_of("another", "/operator/x", [("title", "a"), ("press", "1")]),
        presses.press_of("session", "/operator/y", [("title", "a"), ("press", "1")]),
        presses.press_of("session", "/operator/x", [("title", "b"), ("press", "1")]),
        presses.press_of("session", "/operator/x", [("title", "a"), ("press", "2")]),
        presses.press_of("session", "/operator/x", [("titlea", ""), ("press", "1")]),
    ]
    assert len({PRESS, *others}) == 6
