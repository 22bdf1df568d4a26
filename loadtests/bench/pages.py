"""`python -m loadtests.bench.pages`: what a page costs beside an empty ASGI app, and how many logins one process takes.

512 connections of wrk, one uvicorn process a contender, in turn; medians of the rounds. Pages are asked for as browsers
do, with Brotli. A login is a right code for a session, each of an identity that never logged in before: its code is put
into scratch beforehand, and its `account opened` goes into the box on the way.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from os import kill
from pathlib import Path
from statistics import median

import psutil  # type: ignore[import-untyped]
from rich.console import Console

from loadtests.bench.generator import CONNECTIONS, BenchError, find_wrk, run_script
from loadtests.bench.processor import machine, others_share
from loadtests.bench.stack import Stack, running_apps, running_stack
from models.identity import normalise
from models.scratch.codes import Budgets, code_of, issue
from models.scratch.connection import async_scratch
from models.scratch.outbox import DUE, MESSAGE

SCRIPT = Path(__file__).with_name("plain.lua")
_PACE = 200  # codes asked for at a time


def main() -> int:
    """Measures and prints. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.pages", description="Measures pages and logins.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="seconds of each run (default: 5)")
    parser.add_argument("--logins", type=int, default=20_000, help="codes for each round of logins (default: 20,000)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    console = Console(highlight=False, soft_wrap=True, markup=False)
    try:
        find_wrk()
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, running_stack(Path(folder)) as stack:
            before = machine()
            _measure_pages(Path(folder), stack, arguments.rounds, arguments.seconds, console)
            _measure_logins(Path(folder), stack, arguments.rounds, arguments.logins, console)
            console.print(f"other work took {others_share(before, machine()):.0%} of the machine")
    except BenchError as error:
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"bench: {error}")
        return 1
    return 0


def _measure_pages(folder: Path, stack: Stack, rounds: int, seconds: int, console: Console) -> None:
    with running_apps(folder, stack, ["empty_asgi"]) as ports:
        entry = json.loads(_get(stack.port, "/api/entries"))["entries"][0]["slug"]
        contenders = {"empty_asgi": (ports["empty_asgi"], "/")} | {
            path: (stack.port, path)
            for path in ("/", "/binh-chon", f"/bai-du-thi/{entry}", "/binh-chon?q=may+tinh", "/api/tallies")
        }
        rates: dict[str, list[float]] = {name: [] for name in contenders}
        for port, path in contenders.values():
            run_script(SCRIPT, port, 1, path)
        for number in range(rounds):
            for name in list(contenders) if number % 2 == 0 else list(reversed(contenders)):
                port, path = contenders[name]
                rates[name].append(run_script(SCRIPT, port, seconds, path).per_s)
    for name, seen in rates.items():
        share = median(one / empty for one, empty in zip(seen, rates["empty_asgi"], strict=True))
        console.print(f"{name:<48} {median(seen):>8,.0f}/s   {share:.2f} of empty_asgi")


def _measure_logins(folder: Path, stack: Stack, rounds: int, logins: int, console: Console) -> None:
    bodies = folder / "bodies"
    seen = []
    with _codes_held(stack):
        for number in range(rounds):
            bodies.write_bytes(asyncio.run(_issued(stack, f"{number}.", logins)))
            seconds = max(1, logins // 6_000)  # no more than are there: a process takes fewer than 6,000 a second
            load = run_script(SCRIPT, stack.port, seconds, "/api/login", str(bodies), "0")
            seen.append(load.per_s)
    console.print(f"{'logins (code → session), one process':<48} {median(seen):>8,.0f}/s   of {CONNECTIONS} at a time")


async def _issued(stack: Stack, prefix: str, count: int) -> bytes:
    """Puts a code for each of `count` identities into scratch. Returns the bodies of the requests that use them."""
    keys = stack.settings.keys()
    lines: list[bytes] = []
    async with async_scratch(stack.settings.scratch()) as scratch:

        async def one(number: int) -> None:
            identity = normalise("email", f"voter{prefix}{number}@example.vn")
            await issue(
                scratch,
                keys,
                identity,
                proof=f"{prefix}{number}",
                budgets=Budgets(0, 0),
                contest="",
                language="vi",
                now=time.time(),
            )

        for start in range(0, count, _PACE):
            await asyncio.gather(*(one(number) for number in range(start, min(start + _PACE, count))))
        for name, _ in await scratch.zrange(DUE, 0, -1, withscores=True):
            message = json.loads(await scratch.hget(MESSAGE + name.decode(), "message"))
            code = code_of(keys, message["nonce"])
            lines.append(json.dumps({"kind": "email", "identity": message["to"], "code": code}).encode())
        await scratch.delete(DUE)
    return b"\n".join(lines) + b"\n"


@contextmanager
def _codes_held(stack: Stack) -> Iterator[None]:
    """Holds the worker that would send the codes: nobody reads them here."""
    workers = [one["pid"] for one in json.loads(stack.command("ps", "--json")) if one["role"] == "worker"]
    held = [pid for pid in workers if "codes" in psutil.Process(pid).cmdline()]
    for pid in held:
        kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in held:
            kill(pid, signal.SIGCONT)


def _get(port: int, path: str) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
