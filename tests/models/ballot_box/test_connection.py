"""Connections to the box: what they refuse, and that nothing is sent twice or answered to another."""

import asyncio
from contextlib import closing

import pytest

from models.ballot_box import steer
from models.ballot_box.connection import BoxAway, BoxRefused, async_box, box_client, box_errors, close_at_once, within
from tests.models.ballot_box.boxes import Box
from tests.servers import ValkeyServer

WRONG = {
    "appendfsync": "everysec",
    "no-appendfsync-on-rewrite": "yes",
    "maxmemory-policy": "allkeys-lru",
    "maxmemory": "0",
}


async def ask_async(url: str, times: int) -> list[str]:
    """What an API's client meets, asking that often."""
    client = async_box(url)
    met = []
    try:
        for _ in range(times):
            try:
                await within(1.5, client.ping)
                met.append("answered")
            except BoxRefused as error:
                met.append(str(error))
    finally:
        await client.aclose()
    return met


def ask(url: str, times: int) -> list[str]:
    """What a worker's client meets."""
    met = []
    with closing(box_client(url)) as client:
        for _ in range(times):
            try:
                client.ping()
                met.append("answered")
            except BoxRefused as error:
                met.append(str(error))
    return met


def both(url: str) -> set[str]:
    """Twice each: a connection that was refused must not serve the next command."""
    return {*ask(url, 2), *asyncio.run(ask_async(url, 2))}


def test_a_box_that_is_set_otherwise_is_refused_on_every_connection(own: Box, server: ValkeyServer) -> None:
    assert both(server.url) == {"answered"}
    for name, value in WRONG.items():
        right = own.client.config_get(name)[name]
        own.client.config_set(name, value)
        [met] = both(server.url)
        assert name in met, met
        own.client.config_set(name, right)
    own.client.replicaof("127.0.0.1", 1)
    [met] = both(server.url)
    assert "its role is slave" in met
    own.client.replicaof("NO", "ONE")
    assert both(server.url) == {"answered"}


def test_a_box_that_was_started_otherwise_is_refused(valkey_factory) -> None:
    [met] = both(valkey_factory("box", extra=("--io-threads", "2", "--appendonly", "no")).url)
    assert "io-threads" in met
    assert "appendonly" in met


def test_nothing_there(own: Box, server: ValkeyServer) -> None:
    server.kill()
    with pytest.raises(BoxAway):
        steer.pulse(own.client, own.keys())
    with pytest.raises(BoxAway):
        asyncio.run(ask_async(server.url, 1))
    server.start()
    assert steer.pulse(own.client, own.keys()).state == "open"


def test_a_worker_whose_call_timed_out_never_gets_its_answer_later(own: Box, server: ValkeyServer) -> None:
    with closing(box_client(server.url, timeout=0.1)) as client:
        client.set("slow", "the answer to the first question")
        server.hang()
        with pytest.raises(BoxAway), box_errors():
            client.get("slow")
        server.wake()
        assert client.get("other") is None


def test_an_api_whose_call_timed_out_never_gets_its_answer_later(own: Box, server: ValkeyServer) -> None:
    async def ask_thrice() -> list[object]:
        client = async_box(server.url)
        await client.set("slow", "the answer to the first question")
        server.hang()
        with pytest.raises(BoxAway):
            await within(0.1, lambda: client.get("slow"))
        with pytest.raises(BoxAway):  # in the middle of connecting
            await within(0.1, lambda: client.get("slow"))
        server.wake()
        try:
            return [await within(1.5, lambda: client.get("other")), await within(1.5, lambda: client.get("slow"))]
        finally:
            await client.aclose()

    assert asyncio.run(ask_thrice()) == [None, b"the answer to the first question"]


def test_more_questions_at_once_than_connections_wait_for_their_turn(box):
    async def ask_all():
        client = async_box(box)
        try:
            return await asyncio.gather(*(within(5, client.ping) for _ in range(500)))
        finally:
            await client.aclose()

    assert asyncio.run(ask_all()) == [True] * 500


async def closed_while_cancelled(url: str) -> bool:
    """Whether a client is left open whose closing was cancelled, as when a contest's callers are retired."""
    client = async_box(url, single_connection=True)
    await client.ping()
    closing_it = asyncio.create_task(close_at_once(client))
    await asyncio.sleep(0)  # it waits for the connection to end
    closing_it.cancel()
    await asyncio.gather(closing_it, return_exceptions=True)
    return client.connection is None


def test_a_client_is_closed_though_its_closing_is_cancelled(opened: Box, box: str) -> None:
    assert asyncio.run(closed_while_cancelled(box))
