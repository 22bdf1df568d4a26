"""`binhchon migrate`: bring the ledger's tables up to date, and the functions of this release into the box."""

from contextlib import closing, suppress

from models.ballot_box.connection import BoxAway, BoxFull, BoxRefused, box_client, load_functions
from models.migrate import migrate
from models.settings import Settings


def run(settings: Settings) -> int:
    """An API may not load the functions itself. A box that is away gets them from workers and ticker."""
    stack = settings.require_stack()
    migrate(stack.database())
    with suppress(BoxAway, BoxFull, BoxRefused), closing(box_client(stack.box(), timeout=5.0)) as box:
        load_functions(box)
    return 0
