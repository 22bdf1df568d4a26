"""Beats: who is there, and who is not any more."""

import asyncio
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from models.scratch.beats import BEATS, TTL_S, Beat, beat_of, read_beats, write_beat, write_beat_soon
from models.scratch.connection import ScratchAway, async_scratch, scratch_client


def read(scratch: str) -> list[Beat]:
    async def ask() -> list[Beat]:
        client = async_scratch(scratch)
        try:
            return await read_beats(client)
        finally:
            await client.aclose()

    return asyncio.run(ask())


def test_each_process_says_that_it_is_there(scratch: str, tmp_path: Path) -> None:
    assert read(scratch) == []
    worker = beat_of("worker", "flush.0", tmp_path)
    assert worker.disk_total > worker.disk_free > 0
    with closing(scratch_client(scratch)) as client:
        write_beat(client, worker)
        write_beat(client, worker)
        other = replace(worker, pid=worker.pid + 1, part="books")
        write_beat(client, other)
        assert 0 < client.ttl(worker.name) <= TTL_S
        assert read(scratch) == [other, worker]
        client.delete(worker.name)  # as its time to live does
        assert read(scratch) == [other]


def test_the_api_writes_the_same(scratch: str, tmp_path: Path) -> None:
    beat = beat_of("api", "", tmp_path, {"answers": {"counted": 5}})

    async def write() -> None:
        client = async_scratch(scratch)
        await write_beat_soon(client, beat)
        await client.aclose()

    asyncio.run(write())
    assert read(scratch) == [beat]


def test_names_of_processes_that_ended_go(scratch: str, tmp_path: Path) -> None:
    with closing(scratch_client(scratch)) as client:
        client.zadd(BEATS, {"beat:worker:old:1": 1})
        beat = beat_of("worker", "", tmp_path)
        write_beat(client, beat)
        assert client.zrange(BEATS, 0, -1) == [beat.name.encode()]


def test_a_folder_that_is_not_there_hides_the_disk_alone(tmp_path: Path) -> None:
    beat = beat_of("ticker", "", tmp_path / "none")
    assert (beat.disk_free, beat.disk_total) == (0, 0)


def test_scratch_that_is_away_is_said(tmp_path: Path) -> None:
    url = "unix:///nonexistent/scratch.sock"
    with closing(scratch_client(url)) as client, pytest.raises(ScratchAway):
        write_beat(client, beat_of("ticker", "", tmp_path))
    with pytest.raises(ScratchAway):
        read(url)
