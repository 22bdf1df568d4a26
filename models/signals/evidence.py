"""What an operator is shown of a cluster: numbers, and traces that lead to nobody by themselves.

`numbers`: `{"signals": [{"signal", "observed", "expected", "accounts"}], "devices", "networks", "domains", "gap_s",
"hasty_s", "series": {"from" (ms), "step_s", "votes": […], "openings": […], "entry": […]}}`: how many different
devices, networks and domains, the median gap between its votes, the median seconds from login to vote (None: unknown).
`traces`: `{"hints": […], "domains": [[domain, accounts]], "networks": [[prefix, accounts]]}`: networks as /24 and /48,
no address; erased after the retention period.
"""

from collections import defaultdict
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from sqlalchemy import Connection, text, update

from models.cluster import clusters
from models.signals.kinds import Signal
from models.times import milliseconds

STEPS = 48  # of the picture over time
MOST = 5  # domains and networks shown
HINTS = 8

_MEMBERS = """
CREATE TEMPORARY TABLE members ON COMMIT DROP AS
SELECT ca.cluster_id, s.* FROM clusters c JOIN cluster_accounts ca ON ca.cluster_id = c.id
JOIN seen s ON s.account_id = ca.account_id AND s.entry_id = c.entry_id WHERE c.id = ANY (:ids)
"""

_COUNTS = """
SELECT m.cluster_id, min(at) AS first_at, max(at) AS last_at, count(DISTINCT device) AS devices,
  count(DISTINCT network) AS networks, count(DISTINCT domain) AS domains,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) AS gap_s,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM at - opened_at)) AS hasty_s
FROM (
  SELECT *, extract(epoch FROM at - lag(at) OVER (PARTITION BY cluster_id ORDER BY at)) AS gap FROM members
) m GROUP BY m.cluster_id
"""

_SIGNALS = """
SELECT DISTINCT ON (t.cluster_id, g.signal, g.expected > 0) t.cluster_id, g.signal, g.observed, g.expected, count(*)
FROM found f JOIN targets t USING (component) JOIN flags fl USING (entry_id, account_id)
JOIN groups g ON g.id = fl.group_id
GROUP BY t.cluster_id, g.signal, g.id, g.observed, g.expected
ORDER BY t.cluster_id, g.signal, g.expected > 0, count(*) DESC, g.id
"""

_MIX = """
SELECT cluster_id, value, n FROM (
  SELECT cluster_id, value, n, row_number() OVER (PARTITION BY cluster_id ORDER BY n DESC, value) AS place FROM (
    SELECT cluster_id, {value} AS value, count(*) AS n FROM members WHERE {value} IS NOT NULL GROUP BY 1, 2
  ) counted
) placed WHERE place <= :most ORDER BY cluster_id, place
"""

_HINTS = """
SELECT m.cluster_id, o.hint FROM (
  SELECT cluster_id, account_id, row_number() OVER (PARTITION BY cluster_id ORDER BY at) AS place FROM members
) m CROSS JOIN LATERAL (
  SELECT hint FROM account_openings WHERE account_id = m.account_id AND contest_id = :contest LIMIT 1
) o WHERE m.place <= :most AND o.hint IS NOT NULL ORDER BY m.cluster_id, m.place
"""

_SPAN = "SELECT min(at), max(at) FROM seen"
_STEP_OF = "least(width_bucket(extract(epoch FROM {moment}), :first, :last, :steps), :steps)"
_SERIES = f"""
SELECT cluster_id, {_STEP_OF.format(moment="at")} AS step, count(*) FROM members GROUP BY 1, 2
"""  # noqa: S608 - constants of this file
_OPENINGS = f"""
SELECT cluster_id, {_STEP_OF.format(moment="opened_at")} AS step, count(*) FROM members
WHERE opened_at IS NOT NULL GROUP BY 1, 2
"""  # noqa: S608 - the same
_ENTRIES = f"""
SELECT entry_id, {_STEP_OF.format(moment="at")} AS step, count(*) FROM seen
WHERE entry_id IN (SELECT entry_id FROM clusters WHERE id = ANY (:ids)) GROUP BY 1, 2
"""  # noqa: S608 - the same


def write_evidence(connection: Connection, contest_id: int, ids: list[int]) -> None:
    """Writes numbers and traces of the clusters `ids`, of the votes that the run has seen."""
    if not ids:
        return
    connection.execute(text(_MEMBERS), {"ids": ids})
    counts = connection.execute(text(_COUNTS)).all()
    found = {row.cluster_id: _numbers(row) for row in counts}
    for row in connection.execute(text(_SIGNALS)):
        if row.cluster_id in found:
            found[row.cluster_id]["signals"].append(_signal(row))
    _add_series(connection, ids, found)
    traces = _traces(connection, contest_id)
    for row in counts:
        shown = {"numbers": found[row.cluster_id], "traces": traces[row.cluster_id]}
        moments = {"first_at": row.first_at, "last_at": row.last_at}
        connection.execute(update(clusters).where(clusters.c.id == row.cluster_id).values(shown | moments))


def _numbers(row: Any) -> dict[str, Any]:
    return {
        "signals": [],
        "devices": row.devices,
        "networks": row.networks,
        "domains": row.domains,
        "gap_s": None if row.gap_s is None else round(float(row.gap_s), 2),
        "hasty_s": None if row.hasty_s is None else round(float(row.hasty_s), 2),
    }


def _signal(row: Any) -> dict[str, Any]:
    """`expected` of a rhythm: width of the gaps' middle half in medians; 0 for haste and throw-away mail."""
    return {
        "signal": row.signal,
        "observed": round(row.observed),
        "expected": round(row.expected, 2),
        "accounts": row[4],
    }


def _add_series(connection: Connection, ids: list[int], found: dict[int, dict[str, Any]]) -> None:
    first, last = connection.execute(text(_SPAN)).one()
    first_s, last_s = first.timestamp(), max(last.timestamp(), first.timestamp() + 1)
    span = {"first": first_s, "last": last_s, "steps": STEPS}
    votes = _steps(connection.execute(text(_SERIES), span))
    openings = _steps(connection.execute(text(_OPENINGS), span))
    entries = _steps(connection.execute(text(_ENTRIES), span | {"ids": ids}))
    owners = connection.execute(text("SELECT id, entry_id FROM clusters WHERE id = ANY (:ids)"), {"ids": ids})
    entry_of: dict[int, int] = dict(owners.all())
    for cluster, numbers in found.items():
        numbers["series"] = {
            "from": milliseconds(first),
            "step_s": (last_s - first_s) / STEPS,
            "votes": votes[cluster],
            "openings": openings[cluster],
            "entry": entries[entry_of[cluster]],
        }


def _steps(rows: Any) -> dict[int, list[int]]:
    """Counts by step; what was before the first vote that was seen is left out."""
    found: dict[int, list[int]] = defaultdict(lambda: [0] * STEPS)
    for key, step, count in rows:
        if step >= 1:
            found[key][step - 1] += count
    return found


def _traces(connection: Connection, contest_id: int) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = defaultdict(lambda: {"hints": [], "domains": [], "networks": []})
    for cluster, hint in connection.execute(text(_HINTS), {"contest": contest_id, "most": HINTS}):
        found[cluster]["hints"].append(hint)
    for name, value in (("domains", "domain"), ("networks", "network")):
        for cluster, key, count in connection.execute(text(_MIX.format(value=value)), {"most": MOST}):
            found[cluster][name].append([key if name == "domains" else prefix(bytes(key)), count])
    return found


def prefix(network: bytes) -> str:
    """The first three bytes of an IPv4 address as /24, the first six of an IPv6 address as /48."""
    full = network + bytes(1 if len(network) == 3 else 10)
    return str(ip_network((full, 8 * len(network))))


_TRENDS = """
SELECT signal, entry_id, key, observed, expected, last_at FROM groups
WHERE signal = ANY (:signals) AND last_at >= :since ORDER BY (observed - expected) DESC, id LIMIT :most
"""
TRENDS = (Signal.NETWORK, Signal.DOMAIN, Signal.BURST)
MOST_TRENDS = 30


def trends(connection: Connection, since: datetime) -> list[dict[str, Any]]:
    """Where an entry's share runs ahead: networks, domains and bursts whose latest vote is not older than `since`.

    `[{"signal", "entry_id", "what", "observed", "expected", "last_at" (ms)}]`. A hint to look, no finding: a school
    that votes for its own entry is here too.
    """
    rows = connection.execute(
        text(_TRENDS), {"signals": [str(one) for one in TRENDS], "since": since, "most": MOST_TRENDS}
    )
    return [
        {
            "signal": row.signal,
            "entry_id": row.entry_id,
            "what": _what(Signal(row.signal), bytes(row.key)),
            "observed": round(row.observed),
            "expected": round(row.expected, 1),
            "last_at": milliseconds(row.last_at),
        }
        for row in rows
    ]


def _what(signal: Signal, key: bytes) -> str:
    """Network or domain in letters; nothing for a burst, whose time is told by `last_at`."""
    if signal is Signal.NETWORK:
        return prefix(key)
    return key.decode() if signal is Signal.DOMAIN else ""
