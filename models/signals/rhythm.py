"""What one can tell from the clock, and throw-away mail.

The gaps between the votes of people who know nothing of each other are spread: their middle half is about 1.6 medians
wide. A machine that takes its turns leaves gaps that are all alike. It is looked for inside the groups that other
signals have found (a device, a network, similar names): mixed with other people's votes, every rhythm is lost.
"""

from collections.abc import Callable

from sqlalchemy import Connection, text

from models.limits import Limits
from models.signals.kinds import LINKS, SURE_OF_DOMAIN, SURE_OF_HASTE, SURE_OF_RHYTHM, Signal

_EVEN = """
INSERT INTO groups (signal, entry_id, key, observed, expected, sure, last_at)
SELECT :signal, entry_id, int4send(group_id), n, (q[3] - q[1]) / q[2], :sure, last_at FROM (
  SELECT entry_id, group_id, count(*) + 1 AS n, max(at) AS last_at,
    percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY gap) AS q
  FROM (
    SELECT entry_id, group_id, at,
      CAST(extract(epoch FROM at - lag(at) OVER (PARTITION BY group_id ORDER BY at)) AS double precision) AS gap
    FROM flags WHERE signal = ANY (:links)
  ) gaps WHERE gap IS NOT NULL GROUP BY entry_id, group_id HAVING count(*) >= :accounts
) measured
WHERE q[2] > 0 AND (q[3] - q[1]) <= :evenness * q[2]
"""

_FLAG_EVEN = """
INSERT INTO flags
SELECT f.entry_id, f.account_id, g.signal, g.id, g.sure, f.at
FROM flags f JOIN groups g ON g.signal = :signal AND g.key = int4send(f.group_id)
WHERE f.signal = ANY (:links)
"""

_ONE_GROUP = """
WITH members AS MATERIALIZED (SELECT entry_id, account_id, at FROM seen WHERE {condition}),
made AS (
  INSERT INTO groups (signal, entry_id, key, observed, expected, sure, last_at)
  SELECT :signal, entry_id, '\\x', count(*), 0, :sure, max(at) FROM members
  GROUP BY entry_id HAVING count(*) >= :accounts RETURNING id, entry_id
)
INSERT INTO flags SELECT m.entry_id, m.account_id, :signal, made.id, :sure, m.at
FROM members m JOIN made USING (entry_id)
"""

_HASTY = "at >= opened_at AND at < opened_at + make_interval(secs => :haste_s)"


def find_rhythm(connection: Connection, limits: Limits) -> None:
    """Groups with even gaps, and for each entry those whose vote came faster after login than hands are."""
    values = {"signal": str(Signal.RHYTHM), "links": sorted(str(signal) for signal in LINKS)}
    connection.execute(
        text(_EVEN), values | {"accounts": limits.accounts, "evenness": limits.evenness, "sure": SURE_OF_RHYTHM}
    )
    connection.execute(text(_FLAG_EVEN), values)
    connection.execute(
        text(_ONE_GROUP.format(condition=_HASTY)),
        {
            "signal": str(Signal.RHYTHM),
            "sure": SURE_OF_HASTE,
            "accounts": limits.accounts,
            "haste_s": limits.haste_s,
        },
    )


def find_disposable(connection: Connection, limits: Limits, is_disposable: Callable[[str], bool]) -> None:
    """For each entry those who proved themselves by throw-away mail."""
    known = connection.scalars(text("SELECT DISTINCT domain FROM people WHERE domain IS NOT NULL"))
    bad = [domain for domain in known if is_disposable(domain)]
    if bad:
        connection.execute(
            text(_ONE_GROUP.format(condition="domain = ANY (:bad)")),
            {"signal": str(Signal.DOMAIN), "sure": SURE_OF_DOMAIN, "accounts": limits.accounts, "bad": bad},
        )
