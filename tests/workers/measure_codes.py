"""How many login codes a second one worker sends by mail, over how many connections, and its processor time for each.

    .venv/bin/python -m tests.workers.measure_codes --mail-ms 100

A real mail server in a process of its own, which takes so long for each mail; without TLS.
"""

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import redis
from aiosmtpd.smtp import SMTP

from models.channels import Channels
from models.identity import normalise
from models.mail import MailServer
from models.scratch import codes, outbox
from models.scratch.codes import Budgets
from models.scratch.connection import async_scratch
from tests.models.scratch.measure_login import scratch_server
from tests.workers.contests import KEYS
from workers.codes import send_slice

CONNECTIONS = (4, 16, 32, 64, 100)
TURNS = 40  # mails for each connection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mail-ms", type=float, default=100.0)
    took = parser.parse_args().mail_ms / 1e3
    with scratch_server() as url, mail_server(took) as server:
        for connections in CONNECTIONS:
            asyncio.run(put(url, connections))
            began, spent = time.monotonic(), time.process_time()
            sent = send(url, server, connections)
            seconds, spent = time.monotonic() - began, time.process_time() - spent
            each = f"{spent / sent * 1e3:.1f} ms of processor time each"
            print(f"{connections:>4} connections: {sent / seconds:>5.0f} mails a second, {each}")  # noqa: T201


async def put(url: str, connections: int) -> None:
    async with async_scratch(url) as client:
        for number in range(connections * TURNS):
            await codes.issue(
                client,
                KEYS,
                normalise("email", f"nguoi{connections}x{number}@example.vn"),
                proof=f"{connections}-{number}",
                budgets=Budgets(0, 0),
                contest="Cuộc thi",
                language="vi",
                now=time.time(),
            )


def send(url: str, server: MailServer, connections: int) -> int:
    channels = Channels(server, None, shown=False)
    with redis.Redis.from_url(url) as client:
        slice_of = send_slice(
            url, KEYS, channels, connections=connections, seconds=240, stopping=lambda: not client.exists(outbox.DUE)
        )
        return asyncio.run(slice_of)


@contextmanager
def mail_server(took_s: float) -> Iterator[MailServer]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, took_s), daemon=True)
    process.start()
    try:
        yield MailServer("127.0.0.1", ours.recv(), tls=False, sender="binhchon@example.vn")
    finally:
        process.terminate()
        process.join()


def serve(ready: Connection, took_s: float) -> None:
    """Says its port and takes mails until it is ended."""

    class Slow:
        async def handle_DATA(self, _server: object, _session: object, _envelope: object) -> str:  # noqa: N802
            await asyncio.sleep(took_s)
            return "250 OK"

    async def run() -> None:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: SMTP(Slow(), hostname="localhost"), "127.0.0.1", 0)
        ready.send(listening.sockets[0].getsockname()[1])
        await listening.serve_forever()

    asyncio.run(run())


if __name__ == "__main__":
    main()
