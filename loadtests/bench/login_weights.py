"""What a login weighs and takes: its opening in the box and in the ledger, its code in scratch.

Openings are written straight into the box, as votes are when they are weighed, and flushed; codes go into scratch by
the function that the API calls.
"""

import asyncio
import secrets
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from sqlalchemy import Engine, func, select

from loadtests.bench.generator import BenchError
from loadtests.bench.ledger import wait_until_flushed
from loadtests.bench.logins import MOST_PER_S, Logins
from loadtests.bench.processor import cpu_seconds, spent_between
from loadtests.bench.stack import Stack
from loadtests.bench.tables import wal_bytes
from models.account_opening import account_openings
from models.agreement import VERSIONS
from models.ballot_box.connection import BoxClient, call
from models.database import ledger_errors, transaction
from models.event import HEAD, AccountOpened, pack_account_opened
from models.identity import normalise
from models.ngrams import grams_of
from models.scratch.connection import async_scratch, scratch_client
from models.scratch.openings import keep
from models.secrets import KeyRing

OPENINGS = 20_000
_CALL = 1_000  # openings a call, as the API sends at most
_STREAM = "weighed"


@dataclass(frozen=True)
class LoginWeight:
    """Bytes. `log`, `aof`, `ledger`, `wal`: of an opening in the box's log and in its file, in the ledger with its
    indexes, and in PostgreSQL's log; `scratch`: of all that scratch keeps of one login, while all of it is there.
    `cpu_us`: role → µs of processor time; of scratch without the look at the code that was typed. `fresh_us`: the same
    of PostgreSQL in a ledger without openings, which it has not analysed yet: in the first minute of voting.
    """

    log: float
    aof: float
    ledger: float
    wal: float
    scratch: float
    cpu_us: dict[str, float]
    fresh_us: float


def weigh_logins(stack: Stack, folder: Path) -> LoginWeight:
    """OPENINGS openings of accounts that nobody had, twice, and codes for others. Errors: BenchError."""
    fresh = _open_directly(stack, OPENINGS)
    _vacuum(stack.engine)
    aof = aof_bytes(stack.box)
    ledger, wal = _ledger_bytes(stack.engine), wal_bytes(stack.engine)
    spent = _open_directly(stack, OPENINGS)
    aof = aof_bytes(stack.box) - aof
    ledger, wal = _ledger_bytes(stack.engine) - ledger, wal_bytes(stack.engine) - wal
    _vacuum(stack.engine)
    scratch, scratch_us = _scratch(stack, folder)
    return LoginWeight(
        log=_event_bytes(stack),
        aof=aof / OPENINGS,
        ledger=ledger / OPENINGS,
        wal=wal / OPENINGS,
        scratch=scratch,
        cpu_us={role: us for role, us in spent.items() if role != "api"} | {"scratch": scratch_us},
        fresh_us=fresh["postgres"],
    )


def aof_bytes(box: BoxClient) -> int:
    """Size of the box's append-only file, which only grows until it is rewritten: not below 256 MB."""
    info: Any = box.info("persistence")
    return int(info["aof_current_size"])


def _open_directly(stack: Stack, number: int) -> dict[str, float]:
    """Into the box, from there into the ledger. Returns role → µs of processor time for each. Errors: BenchError."""
    keys = stack.settings.keys()
    head = (str(stack.contest.shards), str(stack.contest.epoch), keys.fingerprint())
    before = cpu_seconds(stack.pids)
    for _ in range(number // _CALL):
        letters = call(stack.box, "open_account", stack.keys, *head, *(_opening(keys) for _ in range(_CALL)))
        if letters.strip(b"o"):
            raise BenchError(f"the box did not take openings of new accounts: {letters[:20]!r}")
    wait_until_flushed(stack)
    return spent_between(before, cpu_seconds(stack.pids), number)


def _opening(keys: KeyRing) -> bytes:
    """Of an address with a name of ten letters, with all that may be agreed to."""
    proven = normalise("email", f"{secrets.token_hex(5)}@example.vn").proven(keys)
    agreed = tuple(sorted((int(purpose), version) for purpose, version in VERSIONS.items()))
    grams = grams_of(keys.derived("ngrams"), proven.name)
    return pack_account_opened(AccountOpened(proven.account, proven.proof, proven.hint, proven.domain, grams, agreed))


def _scratch(stack: Stack, folder: Path) -> tuple[float, float]:
    """Bytes of code, message, counters, solution and the mark that the account has logged in today; and µs."""
    with closing(scratch_client(stack.settings.scratch())) as scratch:
        before, began = _used(scratch), _spent_s(stack.pids["scratch"])
        Logins(stack, folder / "codes").prepare(1)
        asyncio.run(_logged_in(stack, MOST_PER_S))
        used, spent = _used(scratch) - before, _spent_s(stack.pids["scratch"]) - began
    return used / MOST_PER_S, spent / MOST_PER_S * 1e6


async def _logged_in(stack: Stack, number: int) -> None:
    async with async_scratch(stack.settings.scratch()) as scratch:
        await keep(scratch, stack.contest.id, [secrets.randbits(63) for _ in range(number)])


def _used(scratch: Any) -> int:
    """Bytes, without what its clients and its file need for the moment."""
    info = scratch.info("memory")
    return int(info["used_memory"]) - int(info["mem_clients_normal"]) - int(info["mem_aof_buffer"])


def _spent_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _event_bytes(stack: Stack) -> float:
    """Of an opening in a stream of its own: the log may be cut off meanwhile."""
    keys = stack.settings.keys()
    with stack.box.pipeline(transaction=False) as pipe:
        for _ in range(_CALL):
            pipe.xadd(_STREAM, {"e": bytes(HEAD.size) + _opening(keys)})
        pipe.memory_usage(_STREAM, samples=0)
        pipe.unlink(_STREAM)
        used: int = pipe.execute()[_CALL]
    return used / _CALL


def _vacuum(engine: Engine) -> None:
    """What PostgreSQL does by itself within a minute."""
    with ledger_errors(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"VACUUM (ANALYZE) {account_openings.name}")


def _ledger_bytes(engine: Engine) -> int:
    with transaction(engine) as connection:
        return int(connection.scalar(select(func.pg_total_relation_size(account_openings.name))) or 0)
