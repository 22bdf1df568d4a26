"""`binhchon status`: votes in box and ledger, log, drift, lag. What is down is null, and the exit code 3."""

import asyncio
import json
from contextlib import closing
from typing import Any

from models.ballot_box.connection import BoxAway, BoxRefused, async_box, box_client
from models.ballot_box.reading import Memory, Reading, read_memory
from models.contest import UnknownContestError, find_contest
from models.database import LedgerAway, transaction, worker_engine
from models.settings import Settings
from models.tally import count_votes
from scripts.contest_parts import read_contest
from workers.books import Books, compare

DOWN = 3


def run(settings: Settings, *, as_json: bool) -> int:
    """Returns 0, or 3 when something is down."""
    stack = settings.require_stack()
    status, complete = gather(stack)
    if as_json:
        print(json.dumps(status))
    else:
        _print(status)
    return 0 if complete else DOWN


def gather(settings: Settings) -> tuple[dict[str, Any], bool]:
    """The status of the current contest, and whether all of it could be told.

    `{"contest", "box": {"votes", "state", "memory": {"used", "limit"}}, "ledger": {"votes"}, "log": {"pending",
    "parked"}, "drift", "flush_lag_s", "conflicts"}`: votes and events in numbers, memory in bytes, lag in seconds.
    """
    ledger_up, ledger, books = _read_ledger(settings)
    box_up, reading = _read_box(settings)  # later, so that under load the ledger never seems to be ahead of the box
    status: dict[str, Any] = {
        "contest": reading.site["contest"]["slug"] if reading else None,
        "box": _box(settings, reading) if reading else None,
        "ledger": {"votes": ledger} if ledger is not None else None,
        "log": {"pending": books.pending, "parked": books.parked} if books else None,
        "drift": books.drift if books else None,
        "flush_lag_s": round(books.lag_s, 3) if books else None,
        "conflicts": books.conflicts if books else None,
    }
    no_contest = box_up and ledger_up and reading is None and ledger is None
    told = bool(reading and reading.state and books and books.drift is not None)
    return status, no_contest or told


def _read_box(settings: Settings) -> tuple[bool, Reading | None]:
    """Whether the box answers, and what it has of the current contest."""
    try:
        return True, asyncio.run(read_contest(settings))
    except (BoxAway, BoxRefused):
        return False, None


def _box(settings: Settings, reading: Reading) -> dict[str, Any]:
    memory = asyncio.run(_read_memory(settings))
    return {
        "votes": sum(reading.tallies.values()),
        "state": reading.state or "not_ready",
        "memory": {"used": memory.used, "limit": memory.limit} if memory else None,
    }


async def _read_memory(settings: Settings) -> Memory | None:
    """None where the box has gone since."""
    client = async_box(settings.box())
    try:
        return await read_memory(client)
    except (BoxAway, BoxRefused):
        return None
    finally:
        await client.aclose()


def _read_ledger(settings: Settings) -> tuple[bool, int | None, Books | None]:
    """Whether the ledger answers, its votes, and the books; None without a contest, or where the box is away."""
    engine = worker_engine(settings.database())
    try:
        with transaction(engine) as connection:
            contest = find_contest(connection, settings.contest)
            votes = count_votes(connection, contest.id)
    except LedgerAway:
        return False, None, None
    except UnknownContestError:
        return True, None, None
    try:
        with closing(box_client(settings.box(), timeout=5.0)) as box:
            return True, votes, compare(engine, box, contest)
    except (BoxAway, BoxRefused, LedgerAway):
        return True, votes, None


def _print(status: dict[str, Any]) -> None:
    def shown(value: Any) -> str:
        return "—" if value is None else str(value)

    box, ledger, log = (status[name] or {} for name in ("box", "ledger", "log"))
    print(f"contest     {shown(status['contest'])}")
    print(f"box         {shown(box.get('votes'))} votes, {box.get('state', 'down')}{_memory(box.get('memory'))}")
    print(f"ledger      {shown(ledger.get('votes'))} votes{'' if ledger else ', down'}")
    print(f"log         {shown(log.get('pending'))} pending, {shown(log.get('parked'))} parked")
    print(f"drift       {shown(status['drift'])}")
    print(f"flush lag   {shown(status['flush_lag_s'])} s")


def _memory(memory: dict[str, int] | None) -> str:
    return f", {memory['used'] / memory['limit']:.0%} of its memory used" if memory else ""
