"""What a login by code leaves in scratch, and for how long: bytes for each, key by key, as they go.

.venv/bin/python -m tests.models.scratch.measure_login --logins 20000
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import redis

from models.identity import normalise
from models.scratch import codes, openings, outbox
from models.scratch.codes import Budgets
from models.scratch.connection import AsyncScratchClient, async_scratch
from tests.servers import ValkeyServer
from tests.workers.contests import KEYS

STAYS = (
    ("asked for: all of it", None),
    ("sent: the message is gone", outbox.MESSAGE + "*"),
    ("entered: the code is gone", "code:[0-9]*"),
    ("60 s later: the cool-down is gone", "code:cool:*"),
    ("10 minutes later: the solution is gone", "proof:*"),
    ("an hour later: the counter is gone", "code:hour:*"),
    ("a day later: the mark of the day is gone", "opened:*"),
)
"""What happens, and the keys that go by it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logins", type=int, default=20_000)
    logins = parser.parse_args().logins
    with scratch_server() as url, redis.Redis.from_url(url) as client:
        before = used(client)
        asyncio.run(log_in(url, logins))
        for words, pattern in STAYS:
            lives = take_away(client, pattern) if pattern else ""
            if pattern == outbox.MESSAGE + "*":
                client.delete(outbox.DUE)
            print(f"{words:<45}{(used(client) - before) / logins:>8,.0f} bytes a login {lives}")  # noqa: T201


@contextmanager
def scratch_server() -> Iterator[str]:
    """The address of a scratch of its own."""
    with TemporaryDirectory(prefix="bc-") as folder:
        server = ValkeyServer("scratch", Path(folder) / "scratch").start()
        try:
            yield server.url
        finally:
            server.stop()


async def log_in(url: str, logins: int) -> None:
    async with async_scratch(url) as client:
        await asyncio.gather(*(ask(client, range(first, logins, 16)) for first in range(16)))


async def ask(client: AsyncScratchClient, numbers: range) -> None:
    for number in numbers:
        identity = normalise("email", f"nguyenvan{number}@example.vn")
        await codes.issue(
            client,
            KEYS,
            identity,
            proof=f"{number:032x}",
            flow=codes.new_flow(),
            budgets=Budgets(0, 0),
            contest="Cuộc thi “Đổi mới sáng tạo - vì Thái Nguyên thân yêu”",
            language="vi",
            now=time.time(),
        )
        await openings.keep(client, 1, [identity.account(KEYS)])


def take_away(client: redis.Redis, pattern: str) -> str:
    """The keys of this pattern. Returns for how long they would have stayed, in words."""
    found = [key for key in client.scan_iter(pattern, count=10_000) if not key.startswith(b"code:load")]
    lives = client.pttl(found[0])
    for first in range(0, len(found), 1_000):
        client.delete(*found[first : first + 1_000])
    return f"({len(found):,} keys that had {lives / 1e3:,.0f} s left)"


def used(client: redis.Redis) -> int:
    """Bytes, without what clients and the file need for the moment."""
    info = client.info("memory")
    return int(info["used_memory"]) - int(info["mem_clients_normal"]) - int(info["mem_aof_buffer"])


if __name__ == "__main__":
    main()
