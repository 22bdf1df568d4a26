"""What the commands that speak of the current contest have in common: its row, and the clients to box and ledger."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from models.ballot_box.connection import BoxClient, box_client
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
