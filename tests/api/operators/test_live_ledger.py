"""The ledger's reader of the live view, beside the pool of the console."""

from typing import Any

from sqlalchemy import event

from api.operators.live_facts import Fact, LedgerFacts
from api.operators.live_ledger import LedgerReader
from api.snapshot import Watch
from models.database import console_engine
from tests.servers import wait_for
from tests.workers.contests import KEYS


def test_it_gives_no_open_connection_to_a_pool_that_may_have_ended(database: str) -> None:
    """What is given back after `dispose` is closed by nobody."""
    made: list[Any] = []
    engine, fact = console_engine(database), Fact[LedgerFacts]()
    event.listen(engine, "connect", lambda connection, _record: made.append(connection))
    watch = Watch("unix:///nonexistent", slug=None, keys=KEYS, origin="", aim=lambda *_: None)
    reader = LedgerReader(watch, engine, fact, lambda: False)
    reader.look()
    wait_for(lambda: fact.asked, what="the ledger was read")
    reader.stop()
    assert fact.problem is None
    assert [connection.closed for connection in made] == [True]
    engine.dispose()
