"""A relay at a server's Unix socket: what passes can be delayed, held, cut, or answered by killing who asked.

It takes the place of the socket's file and passes on to the server; who has been connected since before is not seen.
"""

import asyncio
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

UP, DOWN = "up", "down"
"""Towards the server, towards the client."""
Look = Callable[[int, str, bytes], bool]
"""Called with the client's process id, the direction and the bytes, before they are passed on; False: they are not,
and the connection ends.
"""


class Relay:
    """Modes, to be set at any time: `refusing` (new connections end at once), `holding` (nothing passes, connections
    stay: half-open), `delay_s` (each piece, in each direction), `look` (see `Look`).
    """

    def __init__(self, path: Path) -> None:
        self.path, self.real = path, path.with_name(path.name + ".r")
        self.refusing, self.holding, self.delay_s = False, False, 0.0
        self.look: Look = lambda _pid, _way, _data: True
        self.connections = 0
        self._links: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._ready, self._ended = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._main, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self.path.rename(self.real)
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)
        self.path.unlink(missing_ok=True)
        self.real.rename(self.path)

    def cut(self) -> None:
        """Ends every connection that passes through it."""
        self._loop.call_soon_threadsafe(self._cut)

    def _main(self) -> None:
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_unix_server(self._client, self.path)
        self.path.chmod(0o777)
        self._ready.set()
        await self._ended.wait()
        server.close()
        self.holding = False
        while len(asyncio.all_tasks()) > 1:
            self._cut()
            await asyncio.sleep(0.01)

    def _cut(self) -> None:
        for link in list(self._links):
            for writer in link:
                writer.transport.abort()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        credentials = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid = struct.unpack("3i", credentials)[0]
        try:
            up_reader, up_writer = await asyncio.open_unix_connection(self.real)
        except OSError:
            writer.transport.abort()
            return
        self.connections += 1
        link = (writer, up_writer)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(pid, UP, reader, link, up_writer))
                both.create_task(self._pass(pid, DOWN, up_reader, link, writer))
        finally:
            self._links.discard(link)

    async def _pass(
        self,
        pid: int,
        way: str,
        reader: asyncio.StreamReader,
        link: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        writer: asyncio.StreamWriter,
    ) -> None:
        """One direction, until either side ends."""
        with suppress(OSError):
            while data := await reader.read(2**16):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                while self.holding:  # noqa: ASYNC110 - set from another thread
                    await asyncio.sleep(0.02)
                if not self.look(pid, way, data):
                    break
                writer.write(data)
                await writer.drain()
        for end in link:
            end.transport.abort()


def kill(pid: int) -> None:
    """`kill -9`, from within `look`."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
