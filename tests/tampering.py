"""What the guards of the ledger refuse, done all the same: by its owner, who can take them off."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def votes_unguarded(execute: Any) -> Iterator[None]:
    """Takes the guards off the votes meanwhile. `execute`: runs one statement as the ledger's owner."""
    execute("ALTER TABLE votes DISABLE TRIGGER USER")
    try:
        yield
    finally:
        execute("ALTER TABLE votes ENABLE TRIGGER USER")
