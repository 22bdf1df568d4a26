"""The ledger's side of a repair and of the proof by rows: ballots from the box laid beside the votes."""

import struct
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, text

from models.vote import copy_binary

_PAIR = struct.Struct(">hiqii")
_CHUNK = 10_000


def begin_balloted(connection: Connection) -> None:
    """An empty temporary table `balloted` (account_id, entry_id), which lives as long as the connection."""
    connection.exec_driver_sql("CREATE TEMPORARY TABLE IF NOT EXISTS balloted (account_id bigint, entry_id integer)")
    connection.exec_driver_sql("TRUNCATE balloted")


def add_balloted(connection: Connection, pairs: Iterable[tuple[int, int]]) -> None:
    """Adds (account, entry) pairs that the box's ballots hold."""
    rows = [_PAIR.pack(2, 8, account, 4, entry) for account, entry in pairs]
    copy_binary(connection, "COPY balloted (account_id, entry_id) FROM STDIN (FORMAT binary)", rows)


def index_balloted(connection: Connection) -> None:
    """To be called once, when all pairs are in: SCAN may have given some of them twice."""
    connection.exec_driver_sql("DROP TABLE IF EXISTS ballot_pairs")
    connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE ballot_pairs AS SELECT DISTINCT account_id, entry_id FROM balloted"
    )
    connection.exec_driver_sql("ANALYZE ballot_pairs")


def only_in_ballots(connection: Connection, *, parked: bool = True) -> Iterator[list[tuple[int, int]]]:
    """(account, entry) of ballots that the ledger has no vote for, in chunks.

    `parked`: those too whose event is parked.
    """
    query = (
        "SELECT b.account_id, b.entry_id FROM ballot_pairs b LEFT JOIN votes v USING (account_id, entry_id)"
        " WHERE v.account_id IS NULL"
    )
    if not parked:
        query += (
            " AND NOT EXISTS (SELECT 1 FROM parked_events p WHERE p.account_id = b.account_id"
            " AND p.entry_id = b.entry_id AND p.resolved_at IS NULL)"
        )
    return _stream(connection, query, {})


def only_in_ledger(connection: Connection, contest_id: int, shard: int) -> Iterator[list[tuple[int, int]]]:
    """(account, entry) of the shard's votes that no ballot holds, in chunks."""
    return _stream(
        connection,
        "SELECT v.account_id, v.entry_id FROM votes v LEFT JOIN ballot_pairs b USING (account_id, entry_id)"
        " WHERE b.account_id IS NULL AND v.shard = :shard"
        " AND v.entry_id IN (SELECT id FROM entries WHERE contest_id = :contest_id)",
        {"shard": shard, "contest_id": contest_id},
    )


def voided_pairs(connection: Connection, contest_id: int, shard: int) -> Iterator[list[tuple[int, int]]]:
    """(account, entry) of the shard's votes that are taken out, in chunks."""
    return _stream(
        connection,
        "SELECT account_id, entry_id FROM votes WHERE voided_at IS NOT NULL AND shard = :shard"
        " AND entry_id IN (SELECT id FROM entries WHERE contest_id = :contest_id)",
        {"shard": shard, "contest_id": contest_id},
    )


def _stream(connection: Connection, query: str, values: dict[str, int]) -> Iterator[list[tuple[int, int]]]:
    # Right after a spike PostgreSQL has no statistics of the votes yet, and a cursor prefers a plan with a fast first
    # row: together they gave a loop over all ballots for each vote, 207,001 × 207,001 rows.
    connection.exec_driver_sql("SET LOCAL enable_nestloop = off")
    streamed = {"stream_results": True, "yield_per": _CHUNK}
    for part in connection.execute(text(query), values, execution_options=streamed).partitions():
        yield [(account, entry) for account, entry in part]


def insert_recovered(connection: Connection, rows: list[tuple[int, int, int, int]]) -> int:
    """Votes that only a ballot proves: (account, entry, shard, receipt number). No cast time, no evidence.

    Returns how many were new.
    """
    result = connection.execute(
        text(
            "INSERT INTO votes (account_id, entry_id, shard, receipt, recovered_at)"
            " SELECT a, e, s, r, now() FROM unnest(CAST(:a AS bigint[]), CAST(:e AS integer[]), CAST(:s AS smallint[]),"
            " CAST(:r AS bigint[])) AS t(a, e, s, r) ORDER BY a, e ON CONFLICT (account_id, entry_id) DO NOTHING"
        ),
        {name: [row[at] for row in rows] for at, name in enumerate("aesr")},
    )
    return result.rowcount


def void_recovered(connection: Connection, pairs: list[tuple[int, int]]) -> int:
    """Takes out the votes that the box holds as taken out and for which the ledger has no decision at all.

    Returns how many.
    """
    result = connection.execute(
        text(
            "UPDATE votes v SET voided_at = now(), void_reason = 'recovered'"
            " FROM unnest(CAST(:a AS bigint[]), CAST(:e AS integer[])) AS t(a, e)"
            " WHERE v.account_id = t.a AND v.entry_id = t.e AND v.voided_at IS NULL AND v.decided_ms IS NULL"
        ),
        {"a": [pair[0] for pair in pairs], "e": [pair[1] for pair in pairs]},
    )
    return result.rowcount


def greatest_entry(connection: Connection) -> int:
    """The greatest entry id that a ballot names, 0 for none."""
    return int(connection.exec_driver_sql("SELECT coalesce(max(entry_id), 0) FROM ballot_pairs").scalar_one())


def try_repair_lock(connection: Connection, contest_id: int) -> bool:
    """Keeps a second repair of the contest from starting beside the first. A courtesy: the fence is the repair's token
    in the box.
    """
    return bool(
        connection.execute(text("SELECT pg_try_advisory_lock(7268, :contest_id)"), {"contest_id": contest_id}).scalar()
    )
