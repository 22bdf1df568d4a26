"""How operators notice that somebody tries passwords or codes at the console's login: the live view's alarm counts the
wrong tries, of whatever names, and the audit log has a line where they become many.
"""

import time

from api.operators.access import Acting
from api.operators.console import Console
from models.audit import Actor, record
from models.scratch.wrong_tries import note_wrong

NOTED = (10, 100, 1_000, 10_000)
"""Wrong tries in half an hour at which a line is written: so many that a flood of them fills no log."""


def note_guess(console: Console, acting: Acting) -> None:
    """One more wrong try. Errors: LedgerAway, ScratchAway."""
    tries = note_wrong(console.scratch, time.time())
    if tries in NOTED:
        nobody = Actor("login", None, acting.address)  # where the latest came from
        with console.ledger() as connection:
            record(connection, nobody, "operator.guesses", after={"wrong_tries": tries})
