"""What the workers leave in scratch for metrics and people."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from models.scratch.connection import ScratchAway, async_scratch, scratch_client
from models.scratch.status import STATUS, TTL_S, read_status, write_status


def read(url: str) -> dict:
    async def run() -> dict:
        async with async_scratch(url) as client:
            return await read_status(client)

    return asyncio.run(run())


def test_values_come_back_as_they_were_meant(scratch: str) -> None:
    with closing(scratch_client(scratch)) as client:
        assert read(scratch) == {}
        write_status(client, {"drift": 0, "flush_lag_s": 0.25, "fault": "hòm phiếu đã lùi", "proof": None})
        assert read(scratch) == {"drift": 0, "flush_lag_s": 0.25, "fault": "hòm phiếu đã lùi", "proof": None}
        write_status(client, {"drift": -3, "fault": ""})
        found = read(scratch)
        assert (found["drift"], found["fault"], found["flush_lag_s"]) == (-3, None, 0.25)
        assert isinstance(found["drift"], int)
        write_status(client, {"drift": None})
        assert read(scratch)["drift"] is None
        assert 0 < client.ttl(STATUS) <= TTL_S


def test_scratch_that_is_away(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/none.sock"
    with closing(scratch_client(url)) as client, pytest.raises(ScratchAway):
        write_status(client, {"drift": 0})
    with pytest.raises(ScratchAway):
        read(url)


def test_scratch_that_hangs_is_away_after_its_time(valkey_factory) -> None:
    server = valkey_factory("scratch")
    with closing(scratch_client(server.url, timeout=0.2)) as client:
        client.ping()
        server.hang()
        try:
            with pytest.raises(ScratchAway):
                write_status(client, {"drift": 0})
        finally:
            server.wake()
        write_status(client, {"drift": 1})
    assert read(server.url) == {"drift": 1}
