"""Exports of any size as a stream: COPY … TO STDOUT, a chunk at a time, so that memory does not grow with the rows."""

from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self

import psycopg

from models.database import Engine, LedgerAway, ledger_errors
from models.export_cells import BOM

CHUNK = 64 * 1024  # bytes, at least; the last may be shorter

Query = tuple[str, dict[str, Any], dict[str, str]]
"""SELECT, its values by name, and settings for the transaction (`current_setting`): what may stand in no statement."""


class Export:
    """One export under way: `with Export(engine, query) as export:`, then `read` until it gives nothing.

    A query sees the ledger at one moment. `read` is called by one thread at a time; `cancel` by any.
    """

    def __init__(self, engine: Engine, query: Query) -> None:
        self.rows = 0
        self._engine = engine
        self._query = query
        self._stack = ExitStack()
        self._pooled: Any = None
        self._driver: Any = None
        self._copy: Any = None
        self._left = True

    def __enter__(self) -> Self:
        """Errors: LedgerAway."""
        self.open()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Errors: LedgerAway."""
        statement, values, settings = self._query
        with ledger_errors():
            self._pooled = self._engine.raw_connection()
            self._driver = self._pooled.driver_connection
            try:
                cursor = self._driver.cursor()
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                cursor.execute("SET LOCAL statement_timeout = 0")
                for name, value in settings.items():
                    cursor.execute("SELECT set_config(%s, %s, true)", (name, value))
                copied = f"COPY ({statement}) TO STDOUT (FORMAT csv, HEADER)"
                self._copy = self._stack.enter_context(cursor.copy(copied, values))
            except BaseException:
                self._pooled.invalidate()
                raise
        self.rows = -1  # the head

    def close(self) -> None:
        """Ends the query too, where not all of it was read: with its connection, which knows no other way out of it."""
        if self._left:
            self.cancel()
            self._pooled.invalidate()
        with suppress(psycopg.Error):  # of a connection that is gone: nothing was written, and `read` has told it
            self._stack.close()
        if not self._left:
            self._pooled.close()

    def read(self) -> bytes:
        """The next chunk of the file; empty at its end. Errors: LedgerAway."""
        parts: list[bytes] = [BOM.encode()] if self.rows == -1 else []
        size = 0
        try:
            while size < CHUNK and (row := self._copy.read()):
                parts.append(bytes(row))
                size += len(row)
                self.rows += 1
        except psycopg.Error as error:
            raise LedgerAway(str(error).strip().split("\n")[0]) from error
        self._left = size >= CHUNK
        return b"".join(parts)

    def cancel(self) -> None:
        """Stops the query, so that `read` ends. Nothing is said where the ledger does not answer any more."""
        with suppress(psycopg.Error):
            self._driver.cancel()
