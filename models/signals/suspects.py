"""Who several signals agree on, and which of them belong together."""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, text

from models.limits import Limits
from models.signals.kinds import CROWD, LINKS, ONE_PLACE, SURE_AT_MOST, WEAK, Signal

TOGETHER = 0.5
"""Two groups are one cluster's where they share so much of the smaller one."""

_BEST = """
CREATE TEMPORARY TABLE best ON COMMIT DROP AS
SELECT f.entry_id, f.account_id, f.signal, max(f.sure) AS sure, bool_and(g.crowd) AS crowd
FROM flags f JOIN groups g ON g.id = f.group_id GROUP BY f.entry_id, f.account_id, f.signal
"""

_CROWDS = """
UPDATE groups SET crowd = true WHERE signal = ANY (:crowd) OR id IN (
  SELECT id FROM (
    SELECT g.id, s.network, count(*) AS n FROM groups g
    JOIN seen s ON s.entry_id = g.entry_id AND s.device = g.key
    WHERE g.signal = :device AND s.network IS NOT NULL GROUP BY g.id, s.network
  ) spread GROUP BY id HAVING max(n) >= :one_place * sum(n)
)
"""

_SUSPECTS = """
CREATE TEMPORARY TABLE suspects ON COMMIT DROP AS
SELECT entry_id, account_id, 1 - exp(sum(ln(1 - least(sure, :at_most)))) AS strength
FROM best GROUP BY entry_id, account_id
HAVING count(*) >= 2 AND NOT bool_and(crowd)
AND 1 - exp(sum(ln(1 - least(sure, :at_most)))) >= :sureness
"""

_SIZES = """
SELECT f.group_id, f.signal, count(DISTINCT f.account_id)
FROM flags f JOIN suspects s USING (entry_id, account_id) GROUP BY f.group_id, f.signal
"""

_SHARED = """
WITH linking AS (
  SELECT DISTINCT f.entry_id, f.account_id, f.group_id
  FROM flags f JOIN suspects USING (entry_id, account_id) WHERE f.signal = ANY (:links)
)
SELECT a.group_id, b.group_id, count(*)
FROM linking a JOIN linking b USING (entry_id, account_id) WHERE a.group_id < b.group_id GROUP BY 1, 2
"""

_FOUND = """
CREATE TEMPORARY TABLE found ON COMMIT DROP AS
SELECT DISTINCT ON (s.entry_id, s.account_id) s.entry_id, s.account_id, s.strength, c.component, false AS alone
FROM suspects s JOIN flags f USING (entry_id, account_id) JOIN components c USING (group_id)
ORDER BY s.entry_id, s.account_id, c.size DESC, c.component
"""

_ALONE = """
INSERT INTO found
SELECT DISTINCT ON (f.entry_id, f.account_id) f.entry_id, f.account_id, f.sure * :weak, -f.group_id, true
FROM flags f JOIN groups g ON g.id = f.group_id
WHERE NOT g.crowd
AND NOT EXISTS (SELECT 1 FROM suspects s WHERE s.entry_id = f.entry_id AND s.account_id = f.account_id)
ORDER BY f.entry_id, f.account_id, g.observed DESC, g.id
"""

_SMALL = """
DELETE FROM found WHERE component IN (
  SELECT component FROM found GROUP BY component, alone
  HAVING count(*) < CASE WHEN alone THEN 2 * :accounts ELSE :accounts END
)
"""


def find_suspects(connection: Connection, limits: Limits) -> None:
    """Makes `found`: entry, account, strength, component, whether one signal stands alone. A component is a new
    cluster, or what a cluster has grown by: of several signals above 0, of one below.
    """
    crowd = sorted(str(signal) for signal in CROWD)
    connection.execute(text(_CROWDS), {"crowd": crowd, "device": str(Signal.DEVICE), "one_place": ONE_PLACE})
    connection.exec_driver_sql(_BEST)
    connection.execute(text(_SUSPECTS), {"at_most": SURE_AT_MOST, "sureness": limits.sureness})
    connection.exec_driver_sql("ANALYZE flags")
    connection.exec_driver_sql("ANALYZE suspects")
    sizes = [(group, signal, size) for group, signal, size in connection.execute(text(_SIZES))]
    links = {"links": sorted(str(signal) for signal in LINKS)}
    shared = [(one, other, count) for one, other, count in connection.execute(text(_SHARED), links)]
    connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE components (group_id integer, component integer, size bigint) ON COMMIT DROP"
    )
    rows = [
        {"group": group, "component": component, "size": size} for group, component, size in together(sizes, shared)
    ]
    if rows:
        connection.execute(text("INSERT INTO components VALUES (:group, :component, :size)"), rows)
    connection.exec_driver_sql(_FOUND)
    connection.execute(text(_ALONE), {"weak": WEAK})
    connection.execute(text(_SMALL), {"accounts": limits.accounts})
    connection.exec_driver_sql("ANALYZE found")


def together(
    sizes: Iterable[tuple[int, str, int]], shared: Iterable[tuple[int, int, int]]
) -> list[tuple[int, int, int]]:
    """(group, component, weight) of every group: those that share enough accounts have one component.

    `sizes`: (group, signal, suspects in it); `shared`: (group, group, suspects in both), of linking groups. An account
    goes to the component of its heaviest group; a group that links nothing weighs 0, for accounts that have no other.
    """
    size_of = {group: size for group, _signal, size in sizes}
    root = {group: group for group in size_of}

    def find(group: int) -> int:
        while root[group] != group:
            root[group] = root[root[group]]
            group = root[group]
        return group

    for one, other, count in shared:
        if count >= TOGETHER * min(size_of[one], size_of[other]):
            root[max(find(one), find(other))] = min(find(one), find(other))
    weight: dict[int, int] = defaultdict(int)
    for group, signal, size in sizes:
        weight[group] = size if Signal(signal) in LINKS else 0
    return [(group, find(group), weight[group]) for group in size_of]
