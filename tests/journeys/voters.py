"""A steady load of voters over HTTP, each of whom tries again until the vote is acknowledged, as the page does.

It keeps a journal of its own, and knows nothing of the product but the HTTP contract.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

ENTRIES = (1, 2, 3)
CONNECTIONS = 24


@dataclass
class Journal:
    """`acknowledged`: (number of the token, entry) → receipt. `statuses`: how often each answer was given."""

    acknowledged: dict[tuple[int, int], str] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


class Voters:
    """Votes in a thread of its own until `stop`."""

    def __init__(self, port: int, tokens: list[str], pause_s: float = 0.02) -> None:
        self.port, self.tokens, self.pause_s = port, tokens, pause_s
        self.journal = Journal()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="voters")

    def start(self) -> "Voters":
        self._thread.start()
        return self

    def stop(self) -> Journal:
        """Lets every vote that was begun be acknowledged, then ends."""
        self._stopping.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "a vote was not acknowledged within a minute"
        return self.journal

    async def _run(self) -> None:
        numbers = iter(range(len(self.tokens)))
        await asyncio.gather(*(self._voter(numbers) for _ in range(CONNECTIONS)))

    async def _voter(self, numbers: Iterator[int]) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        for number in numbers:
            for entry in ENTRIES:
                if self._stopping.is_set():
                    if connection:
                        connection[1].close()
                    return
                while (number, entry) not in self.journal.acknowledged:
                    try:
                        async with asyncio.timeout(5):
                            connection = connection or await asyncio.open_connection("127.0.0.1", self.port)
                            await self._vote(connection, number, entry)
                    except (OSError, TimeoutError, asyncio.IncompleteReadError):
                        if connection:
                            connection[1].close()
                        connection = None
                        await asyncio.sleep(0.1)
                await asyncio.sleep(self.pause_s)

    async def _vote(
        self, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], number: int, entry: int
    ) -> None:
        reader, writer = connection
        writer.write(
            f"PUT /api/entries/{entry}/vote HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {self.tokens[number]}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        body = json.loads(await reader.readexactly(int(headers[b"content-length"])))
        self.journal.statuses[status] = self.journal.statuses.get(status, 0) + 1
        if status in {200, 201}:
            self.journal.acknowledged[number, entry] = body["receipt"]
        elif status == 503 and b"retry-after" in headers:
            await asyncio.sleep(0.1)
        else:
            self.journal.broken.append(f"{status} {body}")
            await asyncio.sleep(0.1)
