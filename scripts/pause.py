"""`binhchon pause`: stop voting for now, on the box first, so that it works at once and without the ledger too."""

import asyncio
import sys
from contextlib import closing

from models.ballot_box.connection import box_client
from models.database import LedgerAway, transaction
from models.decisions import COMMAND, bring, note_pause, pause_box
from models.settings import Settings
from scripts.contest_parts import contest_parts, read_contest


def run(settings: Settings) -> int:
    """Returns 0 when voting is paused, 1 when there is no contest in the box, or one that is not open."""
    stack = settings.require_stack()
    reading = asyncio.run(read_contest(stack))
    if reading is None:
        print("binhchon: there is no contest in the box", file=sys.stderr)
        return 1
    with closing(box_client(stack.box(), timeout=10.0)) as box:
        states = pause_box(box, reading.contest_id, reading.shards)
    if states != {"paused"}:
        print(f"binhchon: voting is not open: {', '.join(sorted(states)) or 'not ready'}", file=sys.stderr)
        return 1
    try:
        with contest_parts(settings) as parts:
            with transaction(parts.engine) as connection:
                note_pause(connection, parts.contest, COMMAND, "binhchon pause")
            bring(parts.engine, parts.box, parts.contest)
        print("Voting is paused")
    except LedgerAway as error:
        print(f"Voting is paused on the box; the ledger will be told when it is back ({error})")
    return 0
