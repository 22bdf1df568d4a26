"""Similar names, without names: grams that are much more frequent among an entry's voters than among others.

1. A gram is loaded, for an entry, when more of its voters have it than expected (as in `shares.py`, half of `times`: a
   part of a name is less telling than three of them together).
2. The stem of a voter is the three loaded grams of theirs that the entry has most too many of. Voters with one stem are
   candidates: no pair of accounts is ever looked at, and the digits that a script counts up with do not matter.
3. The common part of a group is what half of its voters have. Who shares `likeness` (Jaccard) with it, stays.
"""

from sqlalchemy import Connection, text

from models.limits import Limits
from models.signals.kinds import SURE_AT_MOST, Signal
from models.signals.shares import CERTAIN, OF_ENTRY, TIMES

_LOADED = f"""
CREATE TEMPORARY TABLE loaded ON COMMIT DROP AS
WITH named AS (SELECT s.entry_id, p.grams FROM seen s JOIN people p USING (account_id) WHERE cardinality(p.grams) > 0),
cells AS (
  SELECT entry_id, gram, CAST(count(*) AS double precision) AS n FROM named, unnest(grams) AS gram
  GROUP BY entry_id, gram
),
grams AS (SELECT gram, sum(n) AS d FROM cells GROUP BY gram),
by_entry AS (SELECT entry_id, CAST(count(*) AS double precision) AS m FROM named GROUP BY entry_id),
whole AS (SELECT sum(m) AS t FROM by_entry),
margins AS (
  SELECT entry_id, gram, n, m, CAST(d AS double precision) AS d, CAST(t AS double precision) AS t
  FROM cells JOIN grams USING (gram) JOIN by_entry USING (entry_id) CROSS JOIN whole WHERE n >= :accounts
),
compared AS (SELECT *, {OF_ENTRY} FROM margins)
SELECT entry_id, gram, n, x FROM compared WHERE {TIMES} AND {CERTAIN}
"""  # noqa: S608 - constants

_STEMS = """
CREATE TEMPORARY TABLE stems ON COMMIT DROP AS
SELECT entry_id, account_id, (array_agg(gram ORDER BY too_many DESC, gram))[1:3] AS stem FROM (
  SELECT s.entry_id, s.account_id, l.gram, l.n - l.x AS too_many
  FROM seen s JOIN people p USING (account_id) CROSS JOIN unnest(p.grams) AS held (gram)
  JOIN loaded l ON l.entry_id = s.entry_id AND l.gram = held.gram
  WHERE s.entry_id IN (SELECT entry_id FROM loaded GROUP BY entry_id HAVING count(*) >= 3)
) hits GROUP BY entry_id, account_id HAVING count(*) >= 3
"""

_STEMMED = """
CREATE TEMPORARY TABLE stemmed ON COMMIT DROP AS
SELECT entry_id, account_id, s.at, p.grams, stem
FROM (SELECT *, count(*) OVER (PARTITION BY entry_id, stem) AS n FROM stems) frequent
JOIN seen s USING (entry_id, account_id) JOIN people p USING (account_id) WHERE n >= :accounts
"""

_ALIKE = """
CREATE TEMPORARY TABLE alike ON COMMIT DROP AS
WITH sized AS (
  SELECT entry_id, stem, count(*) AS n FROM stemmed GROUP BY entry_id, stem HAVING count(*) >= :accounts
),
common AS (
  SELECT entry_id, stem, array_agg(gram) AS part FROM (
    SELECT entry_id, stem, gram FROM stemmed JOIN sized USING (entry_id, stem), unnest(grams) AS gram
    GROUP BY entry_id, stem, gram, n HAVING count(*) * 2 >= n
  ) half GROUP BY entry_id, stem
)
SELECT entry_id, stem, account_id, at
FROM stemmed JOIN common USING (entry_id, stem)
CROSS JOIN LATERAL (
  SELECT CAST(count(*) AS double precision) AS shared FROM unnest(grams) AS gram WHERE gram = ANY (part)
) c
WHERE shared >= :likeness * (cardinality(grams) + cardinality(part) - shared)
"""

_GROUPS = """
INSERT INTO groups (signal, entry_id, key, observed, expected, sure, last_at)
SELECT :signal, entry_id, convert_to(CAST(a.stem AS text), 'UTF8'), a.n, a.n * least_loaded.part,
  least(1 - least_loaded.part, :at_most), a.last_at
FROM (
  SELECT entry_id, stem, count(*) AS n, max(at) AS last_at FROM alike GROUP BY entry_id, stem
  HAVING count(*) >= :accounts
) a
CROSS JOIN LATERAL (
  SELECT max(x / n) AS part FROM loaded l WHERE l.entry_id = a.entry_id AND l.gram = ANY (a.stem)
) least_loaded
"""

_FLAG = """
INSERT INTO flags
SELECT a.entry_id, a.account_id, g.signal, g.id, g.sure, a.at
FROM alike a JOIN groups g
  ON g.signal = :signal AND g.entry_id = a.entry_id AND g.key = convert_to(CAST(a.stem AS text), 'UTF8')
"""


def find_names(connection: Connection, limits: Limits) -> int:
    """Groups of similar names, and who is in them. Returns how many groups."""
    connection.execute(
        text(_LOADED),
        {"accounts": limits.accounts, "times": max(limits.times / 2, 1.5), "certainty": limits.certainty},
    )
    connection.exec_driver_sql("ANALYZE loaded")
    connection.exec_driver_sql(_STEMS)
    connection.execute(text(_STEMMED), {"accounts": limits.accounts})
    connection.execute(text(_ALIKE), {"accounts": limits.accounts, "likeness": limits.likeness})
    found = connection.execute(
        text(_GROUPS), {"signal": str(Signal.NAMES), "accounts": limits.accounts, "at_most": SURE_AT_MOST}
    )
    connection.execute(text(_FLAG), {"signal": str(Signal.NAMES)})
    return found.rowcount
