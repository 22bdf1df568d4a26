"""Shares that are no chance: of one entry's votes compared with everybody else's.

One statistic serves devices, networks, bursts and domains. In a table of entries and keys, n votes stand for an entry
and a key, m for the entry, d for the key, t altogether. Expected are

    m · (d − n) / (t − m)    the key's share of the other entries' votes, in this entry's (devices, bursts, domains)
    d · (m − n) / (t − d)    the entry's share of the other networks' votes, in this network's

so that neither the size of a carrier's network nor a wave of voters after a push message is a signal, only where their
votes go. A group is one with at least `times` as many as expected and G = 2(n ln(n/x) − (n − x)) ≥ `certainty`
(likelihood ratio test; Dunning 1993, “Accurate Methods for the Statistics of Surprise and Coincidence”).
"""

from typing import NamedTuple

from sqlalchemy import Connection, text

from models.limits import Limits
from models.signals.kinds import SURE_AT_MOST, Signal


class Key(NamedTuple):
    """What votes are grouped by: an SQL expression of type bytea over `seen`, and which votes have it."""

    expression: str
    condition: str
    expected: str


_OF_ENTRY = "m * (d - n + 0.5) / (t - m + 1)"
_OF_KEY = "d * (m - n + 0.5) / (t - d + 1)"

KEYS = {
    Signal.DEVICE: Key("device", "device IS NOT NULL", _OF_ENTRY),
    Signal.NETWORK: Key("network", "network IS NOT NULL", _OF_KEY),
    Signal.BURST: Key(
        "int8send(CAST(floor(extract(epoch FROM opened_at) / (60 * :burst_minutes)) AS bigint))",
        "NOT known AND at < opened_at + interval '1 hour'",
        _OF_ENTRY,
    ),
    Signal.DOMAIN: Key("convert_to(domain, 'UTF8')", "domain IS NOT NULL", _OF_ENTRY),
}

_FIND = """
INSERT INTO groups (signal, entry_id, key, observed, expected, sure, last_at)
WITH cells AS (
  SELECT entry_id, key, CAST(count(*) AS double precision) AS n, max(at) AS last_at
  FROM (SELECT entry_id, {expression} AS key, at FROM seen WHERE {condition}) s GROUP BY entry_id, key
),
keys AS (SELECT key, sum(n) AS d FROM cells GROUP BY key),
by_entry AS (SELECT entry_id, sum(n) AS m FROM cells GROUP BY entry_id),
whole AS (SELECT sum(n) AS t FROM cells),
compared AS (
  SELECT entry_id, key, n, last_at, {expected} AS x
  FROM cells JOIN keys USING (key) JOIN by_entry USING (entry_id) CROSS JOIN whole WHERE n >= :accounts
)
SELECT :signal, entry_id, key, n, x, least(1 - x / n, :at_most), last_at FROM compared
WHERE n >= :times * x AND 2 * (n * ln(n / x) - (n - x)) >= :certainty
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
        text(_FIND.format(expression=key.expression, condition=key.condition, expected=key.expected)),
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
