"""What a client of the box takes of the API's processor, in µs of a vote: one call with a batch, three calls at a time.

.venv/bin/python -m tests.models.ballot_box.measure_clients

The function that is called does nothing, so that this is the client alone: packing, sending, waiting, reading. Clients
that are not among our dependencies are measured if they are there (`pip install coredis valkey-glide`).
"""

import asyncio
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hiredis
import redis
import uvloop

from loadtests.ports import free_port
from models.ballot_box.cast_call import _send
from models.ballot_box.connection import async_box
from tests.servers import ValkeyServer

NOTHING = """#!lua name=nothing
server.register_function('nothing', function(keys, args)
  return {string.rep('c', #args / 3 - 1), '1234567890123-5'}
end)"""
HEAD = ("FCALL", "nothing", 2, "ballots", "log", "1", "2", "fingerprint")
CALLERS, ROUNDS, VOTES = 3, 5, 60_000

Call = Callable[[tuple[Any, ...]], Awaitable[Any]]


async def ours(url: str, _port: int, stack: AsyncExitStack) -> Call:
    client = async_box(url, single_connection=True)
    stack.push_async_callback(client.aclose)
    await client.ping()
    return lambda args: _send(client, args)


async def redis_py(url: str, _port: int, stack: AsyncExitStack) -> Call:
    client = async_box(url, single_connection=True)
    stack.push_async_callback(client.aclose)
    await client.ping()
    return lambda args: client.execute_command(*args)


async def coredis(url: str, _port: int, stack: AsyncExitStack) -> Call:
    path = url.removeprefix("unix://")
    client = await stack.enter_async_context(import_module("coredis").Redis(unix_socket_path=path))
    return lambda args: client.fcall(args[1], args[3:5], args[5:])


async def valkey_glide(_url: str, port: int, stack: AsyncExitStack) -> Call:
    glide = import_module("glide")
    address = glide.NodeAddress("127.0.0.1", port)
    client = await glide.GlideClient.create(glide.GlideClientConfiguration([address], request_timeout=2_000))
    stack.push_async_callback(client.close)
    return lambda args: client.custom_command([part if isinstance(part, bytes) else str(part) for part in args])


async def hiredis_alone(url: str, _port: int, stack: AsyncExitStack) -> Call:
    loop = asyncio.get_running_loop()
    transport, one = await loop.create_unix_connection(Alone, url.removeprefix("unix://"))
    stack.callback(transport.close)

    def call(args: tuple[Any, ...]) -> Awaitable[Any]:
        one.answered = loop.create_future()
        transport.write(hiredis.pack_command(args))
        return one.answered

    return call


class Alone(asyncio.Protocol):
    """The least that can be done: no time-outs, no errors, no second connection."""

    def __init__(self) -> None:
        self.reader = hiredis.Reader()
        self.answered: asyncio.Future[Any]

    def data_received(self, data: bytes) -> None:
        self.reader.feed(data)
        reply = self.reader.gets()
        if reply is not False:
            self.answered.set_result(reply)


CLIENTS = {
    "ours: redis-py's connection, packed by hiredis": (ours, None),
    "redis-py": (redis_py, None),
    "hiredis alone": (hiredis_alone, None),
    "coredis": (coredis, "coredis"),
    "valkey-glide": (valkey_glide, "glide"),
}


async def processor_us(make: Any, url: str, port: int, batch: int) -> float:
    """µs of this process for a vote, in batches of `batch`."""
    votes: list[Any] = []
    for _vote in range(batch):
        votes += random.getrandbits(40), random.randint(1, 30), os.urandom(60)
    args = (*HEAD, *votes)
    calls = VOTES // batch

    async def caller(call: Call) -> None:
        for _call in range(calls):
            async with asyncio.timeout(2):
                await call(args)

    async with AsyncExitStack() as stack:
        made = [await make(url, port, stack) for _ in range(CALLERS)]
        began = time.process_time()
        await asyncio.gather(*map(caller, made))
        return (time.process_time() - began) / (CALLERS * calls * batch) * 1e6


def main() -> None:
    with TemporaryDirectory(prefix="bc-") as folder:
        port = free_port()
        server = ValkeyServer("box", Path(folder) / "box", extra=("--port", str(port), "--bind", "127.0.0.1")).start()
        try:
            with redis.Redis.from_url(server.url) as client:
                client.function_load(NOTHING)
            for batch in (20, 300):
                found: dict[str, list[float]] = {}
                for _round in range(ROUNDS):
                    for name, (make, module) in CLIENTS.items():
                        if module is None or find_spec(module):
                            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                                us = runner.run(processor_us(make, server.url, port, batch))
                            found.setdefault(name, []).append(us)
                for name, times in found.items():
                    print(f"{batch:>4} votes a call  {name:<48}{statistics.median(times):6.2f} µs a vote")  # noqa: T201
        finally:
            server.stop()


if __name__ == "__main__":
    main()
