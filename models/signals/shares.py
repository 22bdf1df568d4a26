"""Shares that are no chance: of one entry's votes compared with everybody else's.

In a table of entries and keys, n votes stand for an entry and a key, m for the entry, d for the key, t altogether. By
what all others do, one expects

    x = m · (d − n) / (t − m)    of an entry's votes with a device, in a burst, from a domain, with a part of a name
    x = d · (m − n) / (t − d)    of a network's votes for an entry

so that neither the size of a carrier's network nor a wave of voters after a push message is a signal, only where their
votes go. A group is one with n ≥ `times` · x; of networks, one where the odds of voting for the entry are `times` those
elsewhere (an entry that a third of all like cannot be liked four times as much; a half is added to each count, Haldane
1956). And it must be no chance: G of the likelihood ratio test is at least `certainty` (Dunning 1993, “Accurate Methods
for the Statistics of Surprise and Coincidence”).
"""

from typing import NamedTuple

from sqlalchemy import Connection, text

from models.limits import Limits
from models.signals.kinds import SURE_AT_MOST, Signal


class Key(NamedTuple):
    """What votes are grouped by: an SQL expression of type bytea over `seen`, and which votes have it."""

    expression: str
    condition: str


KEYS = {
    Signal.DEVICE: Key("device", "device IS NOT NULL"),
    Signal.NETWORK: Key("network", "network IS NOT NULL"),
    Signal.BURST: Key(
        "int8send(CAST(floor(extract(epoch FROM opened_at) / (60 * :burst_minutes)) AS bigint))",
        "NOT known AND at < opened_at + interval '1 hour'",
    ),
    Signal.DOMAIN: Key("convert_to(domain, 'UTF8')", "domain IS NOT NULL"),
}

OF_ENTRY = "m * (d - n + 0.5) / (t - m + 1) AS x, m AS whole"
_OF_NETWORK = "d * (m - n + 0.5) / (t - d + 1) AS x, d AS whole"
TIMES = "n >= :times * x"
_ODDS = "n > x AND (n + 0.5) * (t - m - d + n + 0.5) >= :times * (d - n + 0.5) * (m - n + 0.5)"
CERTAIN = """
2 * (n * ln(n / x) + CASE WHEN whole > n AND whole > x THEN (whole - n) * ln((whole - n) / (whole - x)) ELSE 0 END)
  >= :certainty
"""
"""SQL over the columns n, m, d, t, x, whole of type double precision."""

_FIND = """
INSERT INTO groups (signal, entry_id, key, observed, expected, sure, last_at)
WITH cells AS (
  SELECT entry_id, key, CAST(count(*) AS double precision) AS n, max(at) AS last_at
  FROM (SELECT entry_id, {expression} AS key, at FROM seen WHERE {condition}) s GROUP BY entry_id, key
),
keys AS (SELECT key, sum(n) AS d FROM cells GROUP BY key),
by_entry AS (SELECT entry_id, sum(n) AS m FROM cells GROUP BY entry_id),
whole AS (SELECT sum(n) AS t FROM cells),
margins AS (
  SELECT entry_id, key, n, last_at, CAST(m AS double precision) AS m, CAST(d AS double precision) AS d,
    CAST(t AS double precision) AS t
  FROM cells JOIN keys USING (key) JOIN by_entry USING (entry_id) CROSS JOIN whole WHERE n >= :accounts
),
compared AS (SELECT *, {expected} FROM margins)
SELECT :signal, entry_id, key, n, x, least(1 - x / n, :at_most), last_at FROM compared
WHERE {different} AND {certain}
"""

_FLAG = """
INSERT INTO flags
SELECT s.entry_id, s.account_id, g.signal, g.id, g.sure, s.at
FROM (SELECT entry_id, account_id, {expression} AS key, at FROM seen WHERE {condition}) s
JOIN groups g ON g.signal = :signal AND g.entry_id = s.entry_id AND g.key = s.key
"""


def find_shares(connection: Connection, signal: Signal, limits: Limits) -> int:
    """Groups of one kind. Returns how many."""
    key = KEYS[signal]
    found = connection.execute(
        text(
            _FIND.format(
                expression=key.expression,
                condition=key.condition,
                expected=_OF_NETWORK if signal is Signal.NETWORK else OF_ENTRY,
                different=_ODDS if signal is Signal.NETWORK else TIMES,
                certain=CERTAIN,
            )
        ),
        _values(signal, limits)
        | {
            "accounts": limits.accounts,
            "times": limits.times,
            "certainty": limits.certainty,
            "at_most": SURE_AT_MOST,
        },
    )
    return found.rowcount


def flag(connection: Connection, signal: Signal, limits: Limits) -> None:
    """Writes down which votes are in the groups of one kind."""
    key = KEYS[signal]
    query = _FLAG.format(expression=key.expression, condition=key.condition)
    connection.execute(text(query), _values(signal, limits))


def _values(signal: Signal, limits: Limits) -> dict[str, str | float]:
    own = {"burst_minutes": limits.burst_minutes} if signal is Signal.BURST else {}
    return {"signal": str(signal), **own}
