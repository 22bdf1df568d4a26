"""Beats: what each process last said of itself, in scratch. Written each second; a process that is silent for longer
than TTL_S is not there any more. By the server's clock alone, so that no host's clock matters.

| key                        | type         | what                                          |
|----------------------------|--------------|------------------------------------------------|
| `beat:<role>:<host>:<pid>` | string, TTL_S | JSON of `Beat`                                 |
| `beats`                    | sorted set   | names of those keys, by their latest beat       |
"""

import os
import shutil
import socket
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from models.scratch.connection import AsyncScratchClient, ScratchClient, scratch_errors

BEATS = "beats"
EVERY_S = 1.0
TTL_S = 5
FORGOTTEN_S = 3_600  # the name of a process that ended goes after so long
MOST = 500  # processes that are shown


@dataclass(frozen=True)
class Beat:
    """One process. `part`: a worker's queue; empty for others. `disk_free`, `disk_total`: bytes, where its data is; 0
    where that cannot be told. `about`: what only its role has.
    """

    role: str
    part: str
    host: str
    pid: int
    disk_free: int = 0
    disk_total: int = 0
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"beat:{self.role}:{self.host}:{self.pid}"


def beat_of(role: str, part: str, data_dir: Path, about: dict[str, Any] | None = None) -> Beat:
    """The beat of this process, now."""
    try:
        disk = shutil.disk_usage(data_dir)
        free, total = disk.free, disk.total
    except OSError:
        free = total = 0
    return Beat(role, part, socket.gethostname(), os.getpid(), free, total, about or {})


def _write(pipe: Any, beat: Beat) -> Any:
    """The commands of one beat, for a pipeline of either kind of client."""
    now = time.time()
    pipe.set(beat.name, orjson.dumps(asdict(beat)), ex=TTL_S)
    pipe.zadd(BEATS, {beat.name: now})
    pipe.zremrangebyscore(BEATS, "-inf", now - FORGOTTEN_S)
    return pipe


def write_beat(client: ScratchClient, beat: Beat) -> None:
    """Errors: ScratchAway."""
    with scratch_errors():
        _write(client.pipeline(transaction=False), beat).execute()


async def write_beat_soon(client: AsyncScratchClient, beat: Beat) -> None:
    """The same for the API. Errors: ScratchAway."""
    with scratch_errors():
        await _write(client.pipeline(transaction=False), beat).execute()


async def read_beats(client: AsyncScratchClient) -> list[Beat]:
    """The processes that are there, by role, queue and host. Errors: ScratchAway."""
    with scratch_errors():
        names: Any = await client.zrevrange(BEATS, 0, MOST - 1)
        packed = await client.mget(names) if names else []
    found = [Beat(**orjson.loads(one)) for one in packed if one]
    return sorted(found, key=lambda beat: (beat.role, beat.part, beat.host, beat.pid))
