"""The ledger's connections: what PostgreSQL takes from a worker that hangs."""

import pytest

from models import database as database_module
from models.database import LedgerAway, ledger_errors, transaction, worker_engine
from models.recovery import try_repair_lock
from tests.servers import wait_for


def _is_free(database: str) -> bool:
    with transaction(worker_engine(database)) as connection:
        return try_repair_lock(connection, 1)


@pytest.mark.parametrize("where", ["between transactions", "in a transaction"])
def test_one_that_hangs_loses_the_lock_on_the_repair(
    database: str, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(database_module, "IDLE_MS", 500)
    monkeypatch.setattr(database_module, "IDLE_IN_TRANSACTION_MS", 500)
    with worker_engine(database).connect() as hanging:
        assert try_repair_lock(hanging, 1)
        if where == "between transactions":
            hanging.commit()
        assert not _is_free(database)
        wait_for(lambda: _is_free(database), 10)
        with pytest.raises(LedgerAway), ledger_errors():
            hanging.exec_driver_sql("SELECT 1")
