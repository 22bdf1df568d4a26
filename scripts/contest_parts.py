"""What the commands that speak of the current contest have in common: how it stands in the box, its row in the ledger,
and clients to both.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from models.ballot_box.connection import BoxClient, async_box, box_client
from models.ballot_box.reading import Reading, read_box
from models.contest import Contest, find_contest
from models.database import Engine, transaction, worker_engine
from models.settings import Settings


@dataclass(frozen=True)
class Parts:
    """Ledger, box and the current contest."""

    engine: Engine
    box: BoxClient
    contest: Contest


@contextmanager
def contest_parts(settings: Settings) -> Iterator[Parts]:
    """Errors: LedgerAway, UnknownContestError; BoxAway on the first use of the box."""
    stack = settings.require_stack()
    engine = worker_engine(stack.database())
    with transaction(engine) as connection:
        contest = find_contest(connection, stack.contest)
    with closing(box_client(stack.box(), timeout=10.0)) as box:
        yield Parts(engine, box, contest)


async def read_contest(settings: Settings) -> Reading | None:
    """The current contest as the box has it, None where it has none. Errors: BoxAway, BoxRefused."""
    client = async_box(settings.box())
    try:
        return await read_box(client, settings.contest, None)
    finally:
        await client.aclose()
