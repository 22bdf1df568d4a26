"""Logins for wrk: codes put into scratch beforehand, each of an identity that never logged in before."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from loadtests.bench.generator import PLAIN, Load, run_script
from loadtests.bench.stack import Stack, held
from models.identity import normalise
from models.scratch.codes import Budgets, code_of, issue
from models.scratch.connection import async_scratch
from models.scratch.outbox import DUE, MESSAGE

MOST_PER_S = 5_000
"""Codes for each second of a run: more than a process takes."""
MOST_S = 3
"""Seconds of a run, whatever is asked for: making the codes takes longer than using them."""
_PACE = 200  # codes asked for at a time


class Logins:
    """`bodies`: the file of the requests that are sent next."""

    def __init__(self, stack: Stack, bodies: Path) -> None:
        self._stack = stack
        self._bodies = bodies
        self._batch = 0

    def prepare(self, seconds: int) -> None:
        """Codes for a run of `seconds`."""
        self._batch += 1
        count = min(seconds, MOST_S) * MOST_PER_S
        with held(self._stack.workers("codes")):  # it would send them, and nobody reads them here
            self._bodies.write_bytes(asyncio.run(_issued(self._stack, f"{self._batch}.", count)))

    def run(self, seconds: int) -> Load:
        """Errors: BenchError."""
        return run_script(PLAIN, self._stack.port, min(seconds, MOST_S), "/api/login", str(self._bodies), "0")


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
        names: Any = await scratch.zrange(DUE, 0, -1)
        for name in names:
            kept: Any = await scratch.hget(MESSAGE + name.decode(), "message")
            message = json.loads(kept)
            code = code_of(keys, message["nonce"])
            lines.append(json.dumps({"kind": "email", "identity": message["to"], "code": code}).encode())
        await scratch.delete(DUE)
    return b"\n".join(lines) + b"\n"
