"""Clusters that keep their ids: what a run found is added to the clusters that it is part of.

| what a run finds                                     | then                                                     |
|------------------------------------------------------|----------------------------------------------------------|
| the accounts of a cluster again                      | the same cluster; nothing else changes                   |
| these and more                                       | the cluster grows                                        |
| so many more that it has GROWTH times what it had    | it is `new` again, whatever had been decided             |
|   when an operator decided about it                  |                                                          |
| only some of them, or none                           | the cluster stays as it was                              |
| several signals for the accounts of a weak cluster   | they go over to the cluster of several signals           |
"""

from collections import defaultdict

from sqlalchemy import Connection, text

from models.audit import SYSTEM, record
from models.cluster import GROWTH

PART = 0.2
"""A component belongs to a cluster with which it shares so much of itself, or of the cluster."""

_OVERLAPS = """
SELECT f.component, c.id, c.accounts, count(*) FROM found f
JOIN cluster_accounts ca USING (account_id)
JOIN clusters c ON c.id = ca.cluster_id AND c.contest_id = :contest AND c.entry_id = f.entry_id
WHERE c.alone OR NOT f.alone
GROUP BY f.component, f.alone, c.id, c.accounts
HAVING NOT f.alone OR bool_and(c.alone)
ORDER BY f.component, count(*) DESC, c.id
"""

_NEW = """
INSERT INTO clusters (contest_id, entry_id, signals, alone, strength, accounts, counted)
VALUES (:contest, :entry, '{}', :alone, 0, 0, 0) RETURNING id
"""

_LEAVE_WEAK = """
DELETE FROM cluster_accounts ca USING clusters c, found f, targets t
WHERE c.id = ca.cluster_id AND c.contest_id = :contest AND c.alone AND NOT f.alone
AND f.entry_id = c.entry_id AND f.account_id = ca.account_id AND t.component = f.component AND t.cluster_id <> c.id
"""

_JOIN = """
INSERT INTO cluster_accounts (cluster_id, account_id, strength)
SELECT t.cluster_id, f.account_id, f.strength FROM found f JOIN targets t USING (component)
WHERE NOT EXISTS (
  SELECT 1 FROM cluster_accounts ca JOIN clusters c ON c.id = ca.cluster_id
  WHERE ca.account_id = f.account_id AND c.contest_id = :contest AND c.entry_id = f.entry_id AND c.id <> t.cluster_id
)
ON CONFLICT (cluster_id, account_id) DO UPDATE SET strength = excluded.strength
"""

# What is as it was is not written: a row that the run has touched is held, and with it operators, until the run ends.
_SIZE = """
UPDATE clusters c SET accounts = sized.accounts, strength = sized.strength, counted = sized.counted,
  changed_at = CASE WHEN c.accounts < sized.accounts THEN now() ELSE c.changed_at END
FROM (
  SELECT cl.id, count(*) AS accounts, avg(ca.strength) AS strength,
    count(v.account_id) FILTER (WHERE v.voided_at IS NULL) AS counted
  FROM clusters cl JOIN cluster_accounts ca ON ca.cluster_id = cl.id
  LEFT JOIN votes v ON v.account_id = ca.account_id AND v.entry_id = cl.entry_id
  WHERE cl.contest_id = :contest GROUP BY cl.id
) sized WHERE sized.id = c.id
AND (c.accounts, c.strength, c.counted) IS DISTINCT FROM (sized.accounts, sized.strength, sized.counted)
"""

_SIGNALS = """
UPDATE clusters c SET alone = told.alone,
  signals = ARRAY(SELECT DISTINCT unnest(c.signals || told.signals) ORDER BY 1)
FROM (
  SELECT t.cluster_id, bool_and(f.alone) AS alone, array_agg(DISTINCT fl.signal) AS signals
  FROM found f JOIN targets t USING (component) JOIN flags fl USING (entry_id, account_id)
  WHERE NOT f.alone OR fl.group_id = -f.component GROUP BY t.cluster_id
) told WHERE told.cluster_id = c.id
"""

_EMPTY = """
DELETE FROM clusters c WHERE contest_id = :contest AND alone AND state = 'new'
AND traces IS NOT NULL AND NOT EXISTS (SELECT 1 FROM cluster_accounts ca WHERE ca.cluster_id = c.id)
"""

_BACK = """
UPDATE clusters SET state = 'new' WHERE contest_id = :contest AND state <> 'new'
AND accounts >= :growth * decided_accounts
RETURNING id, accounts, decided_accounts
"""


def publish(connection: Connection, contest_id: int) -> list[int]:
    """Brings `found` into the clusters. Returns the ids of those that it touched; `targets` says which component went
    to which.
    """
    own = {"contest": contest_id}
    targets = _targets(connection, contest_id)
    connection.exec_driver_sql("CREATE TEMPORARY TABLE targets (component integer, cluster_id bigint) ON COMMIT DROP")
    if targets:
        rows = [{"component": component, "cluster": cluster} for component, cluster in targets.items()]
        connection.execute(text("INSERT INTO targets VALUES (:component, :cluster)"), rows)
        connection.execute(text(_LEAVE_WEAK), own)
        connection.execute(text(_JOIN), own)
        connection.exec_driver_sql(_SIGNALS)
    connection.execute(text(_SIZE), own)
    connection.execute(text(_EMPTY), own)
    for cluster, accounts, then in connection.execute(text(_BACK), own | {"growth": GROWTH}).all():
        record(
            connection,
            SYSTEM,
            "cluster.return",
            f"cluster:{cluster}",
            contest_id=contest_id,
            before={"accounts": then},
            after={"accounts": accounts, "state": "new"},
        )
    return sorted(set(targets.values()))


def _targets(connection: Connection, contest_id: int) -> dict[int, int]:
    """Component → cluster; a new one where it is part of none."""
    components = connection.execute(
        text("SELECT component, entry_id, alone, count(*) FROM found GROUP BY component, entry_id, alone ORDER BY 1")
    ).all()
    overlaps: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for component, cluster, accounts, shared in connection.execute(text(_OVERLAPS), {"contest": contest_id}):
        overlaps[component].append((cluster, accounts, shared))
    targets = {}
    for component, entry, alone, size in components:
        known = [cluster for cluster, accounts, shared in overlaps[component] if shared >= PART * min(size, accounts)]
        if known:
            targets[component] = known[0]
        else:
            values = {"contest": contest_id, "entry": entry, "alone": alone}
            targets[component] = connection.execute(text(_NEW), values).scalar_one()
    return targets
