"""What the search works on: temporary tables that live until the transaction ends."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from models.network import Network, range_of
from models.times import milliseconds

MEMORY = "32MB"
"""Of each sort and hash; what does not fit goes to PostgreSQL's temporary files, so memory does not grow with votes."""

_PEOPLE = """
CREATE TEMPORARY TABLE people ON COMMIT DROP AS
SELECT DISTINCT ON (account_id) account_id, opened_at, domain, grams FROM account_openings
WHERE contest_id = :contest ORDER BY account_id, opened_at
"""

_HONEST = """
CREATE TEMPORARY TABLE honest (low bytea, high bytea, octets integer) ON COMMIT DROP
"""

_SEEN = """
CREATE TEMPORARY TABLE seen ON COMMIT DROP AS
SELECT v.account_id, v.entry_id, v.cast_at AS at, v.voided_at IS NULL AS counted, p.opened_at, p.domain,
  CASE WHEN v.known THEN NULL ELSE substring(v.evidence FROM 1 FOR 8) END AS device,
  CASE WHEN v.known THEN NULL
    WHEN octet_length(v.evidence) = 12 THEN substring(v.evidence FROM 9 FOR 3)
    WHEN octet_length(v.evidence) = 24 THEN substring(v.evidence FROM 9 FOR 6) END AS network,
  v.known
FROM (
  SELECT *, EXISTS (
    SELECT 1 FROM honest h WHERE octet_length(evidence) = h.octets
    AND substring(evidence FROM 9) BETWEEN h.low AND h.high
  ) AS known
  FROM votes
  WHERE entry_id IN (SELECT id FROM entries WHERE contest_id = :contest) AND cast_at IS NOT NULL
  AND (CAST(:since AS bigint) IS NULL OR log_ms >= :since)
) v
LEFT JOIN people p USING (account_id)
"""

_TABLES = """
CREATE TEMPORARY TABLE groups (
  id integer GENERATED ALWAYS AS IDENTITY, signal text, entry_id integer, key bytea,
  observed double precision, expected double precision, sure double precision, last_at timestamptz,
  crowd boolean NOT NULL DEFAULT false
) ON COMMIT DROP;
CREATE TEMPORARY TABLE flags (
  entry_id integer, account_id bigint, signal text, group_id integer, sure double precision, at timestamptz
) ON COMMIT DROP;
"""


def gather(connection: Connection, contest_id: int, since: datetime | None, honest: Sequence[Network]) -> int:
    """Makes `people`, `seen` (one row a vote), and the empty `groups` and `flags`. Returns how many votes are seen.

    `since` None: all votes. Votes from networks that are known to be honest keep neither network nor device: they are
    in no group of either and in no burst. Voided votes are seen too: an attack that goes on is found by what it was.
    """
    connection.exec_driver_sql(f"SET LOCAL work_mem = '{MEMORY}'")
    connection.exec_driver_sql("SET LOCAL hash_mem_multiplier = 1")
    connection.exec_driver_sql("SET LOCAL max_parallel_workers_per_gather = 0")  # the other cores are the voters'
    connection.exec_driver_sql("SET LOCAL jit = off")
    connection.execute(text(_PEOPLE), {"contest": contest_id})
    connection.exec_driver_sql(_HONEST)
    if honest:
        connection.execute(
            text("INSERT INTO honest VALUES (:low, :high, :octets)"),
            [range_of(network)._asdict() for network in honest],
        )
    after = milliseconds(since) if since else None
    seen = connection.execute(text(_SEEN), {"contest": contest_id, "since": after}).rowcount
    connection.exec_driver_sql("ANALYZE people")
    connection.exec_driver_sql("ANALYZE seen")
    connection.exec_driver_sql(_TABLES)
    return seen
