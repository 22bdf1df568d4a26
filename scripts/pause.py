"""`binhchon pause`: stop voting for now, on the box at once, also while the ledger is away."""

import asyncio
import sys
from contextlib import closing

from models.ballot_box.connection import BoxClient, async_box, box_client
from models.ballot_box.keys import shard_keys
from models.ballot_box.reading import Reading, read_box
from models.ballot_box.steer import stop
from models.database import LedgerAway
from models.settings import Settings
from scripts.contest_parts import contest_parts
from workers.decisions import pause


def run(settings: Settings) -> int:
    """Returns 0 when voting is paused, 1 when there is no contest in the box."""
    try:
        with contest_parts(settings) as parts:
            pause(parts.engine, parts.box, parts.contest)
            print(f"Voting is paused: {parts.contest.slug}")
            return 0
    except LedgerAway as error:
        return _pause_box_alone(settings, str(error))


def _pause_box_alone(settings: Settings, why: str) -> int:
    stack = settings.require_stack()
    reading = asyncio.run(_read(stack))
    if reading is None:
        print("binhchon: there is no contest in the box", file=sys.stderr)
        return 1
    with closing(box_client(stack.box(), timeout=10.0)) as box:
        _stop_all(box, reading)
    print(f"Voting is paused on the box alone; the ledger will be told when it is back ({why})")
    return 0


def _stop_all(box: BoxClient, reading: Reading) -> None:
    for number in range(reading.shards):
        stop(box, shard_keys(reading.contest_id, number))


async def _read(settings: Settings) -> Reading | None:
    client = async_box(settings.box())
    try:
        return await read_box(client, settings.contest, None)
    finally:
        await client.aclose()
