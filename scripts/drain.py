"""`binhchon drain`: flush the whole log of every contest into the ledger, and end (what `up` does before it stops)."""

import sys
import time
from contextlib import closing

from models.ballot_box.connection import box_client
from models.contest import all_contests
from models.database import transaction, worker_engine
from models.settings import Settings
from workers.flush import LogFaultError, NotReadyError, drain


def run(settings: Settings, *, seconds: float) -> int:
    """Returns 0 when nothing is pending, 1 when that was not reached within `seconds`."""
    stack = settings.require_stack()
    engine = worker_engine(stack.database())
    until = time.monotonic() + seconds
    complete = True
    with closing(box_client(stack.box(), timeout=5.0)) as box:
        with transaction(engine) as connection:
            contests = [contest for contest in all_contests(connection) if contest.epoch]
        for contest in contests:
            for shard in range(contest.shards):
                try:
                    done = drain(engine, box, contest.id, shard, seconds=max(0.1, until - time.monotonic()))
                except (NotReadyError, LogFaultError) as error:
                    print(
                        f"binhchon: contest {contest.slug}, shard {shard}: {error or 'not in the box'}", file=sys.stderr
                    )
                    done = False
                complete = complete and done
    return 0 if complete else 1
