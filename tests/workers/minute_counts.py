"""What the counts by minute must be, told from the rows themselves."""

from tests.workers.contests import Stage

_BY_ENTRY = """
SELECT date_trunc('minute', cast_at), shard, entry_id, proof, count(*) FROM votes WHERE recovered_at IS NULL
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
_BY_MINUTE = """
SELECT minute, shard, proof, sum(votes)::bigint, sum(logins)::bigint FROM (
  SELECT date_trunc('minute', cast_at) AS minute, shard, proof, 1 AS votes, 0 AS logins
  FROM votes WHERE recovered_at IS NULL
  UNION ALL SELECT date_trunc('minute', opened_at), shard, proof, 0, 1 FROM account_openings) everything
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def assert_minutes_fit(made: Stage, *, first_recovered: int = 0) -> None:
    """The counts by minute are those of the rows of the ledger's one contest: votes, logins, and accounts by first.

    `first_recovered`: accounts that voted again after their first vote was recovered; they are no minute's voters.
    """
    columns = "minute, shard, entry_id, proof"
    assert made.rows(f"SELECT {columns}, votes FROM minute_counts ORDER BY {columns}") == made.rows(_BY_ENTRY)
    columns = "minute, shard, proof"
    found = made.rows(f"SELECT {columns}, votes, logins FROM minute_totals ORDER BY {columns}")
    assert found == made.rows(_BY_MINUTE)
    assert made.rows("SELECT coalesce(sum(voters), 0), coalesce(sum(accounts), 0) FROM minute_totals") == made.rows(
        f"SELECT (SELECT count(DISTINCT account_id) - {first_recovered} FROM votes WHERE recovered_at IS NULL),"
        " (SELECT count(DISTINCT account_id) FROM account_openings)"
    )
