"""The ledger's connections: what PostgreSQL takes from a worker that hangs."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models import database as database_module
from models.database import LedgerAway, async_engine, console_engine, ledger_errors, transaction, worker_engine
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


def _errors(database: str) -> list[str]:
    """What each engine says of a statement that fails on a value."""
    said = []
    failing = text("SELECT CAST(:told AS integer)")
    for engine in (worker_engine(database), console_engine(database)):
        with pytest.raises(DBAPIError) as failed, engine.connect() as connection:
            connection.execute(failing, {"told": 2**62})
        said.append(str(failed.value))
        engine.dispose()

    async def of_the_api() -> None:
        engine = async_engine(database)
        try:
            async with engine.connect() as connection:
                await connection.execute(failing, {"told": 2**62})
        finally:
            await engine.dispose()

    with pytest.raises(DBAPIError) as failed:
        asyncio.run(of_the_api())
    return [*said, str(failed.value)]


def test_an_error_that_is_logged_does_not_say_of_whom_it_spoke(database: str) -> None:
    said = _errors(database)
    assert len(said) == 3
    for one in said:
        assert "SELECT CAST" in one, "which statement failed is worth knowing"
        assert "parameters hidden" in one
        assert str(2**62) not in one
