"""What this system wants to reach on two cores, the generator included. Said, and failing nothing: the machine may be
busy, or another.
"""

from typing import Any

AIMS = {
    "durable_votes_per_s / empty_asgi_per_s": (1.25, None),
    "durable_votes_per_s / insert_per_vote_per_s": (25.0, None),
    "durable_votes_per_s": (1_300_000 / 60, None),  # every adult of a province within a minute
    "latency p99 at 75 %, ms": (None, 50.0),
    "ack_to_ledger_s p99": (None, 5.0),
    "page_per_s / empty_asgi_get_per_s": (1.0, None),
    "flush_rows_per_s / copy_rows_per_s": (0.5, None),
    "logins_per_s": (1_500.0, None),
    "box_bytes_per_account": (None, 100.0),
    "cost of a vote beside the most stored / beside none": (None, 1.1),
}
"""Name → the least or the greatest value."""


def against_aims(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """For each aim its value in this run, and whether it was reached."""
    values = {
        **summary,
        **summary["ratios"],
        "latency p99 at 75 %, ms": summary["latency_ms"]["75"]["p99"],
        "ack_to_ledger_s p99": summary["ack_to_ledger_s"]["p99"],
        "cost of a vote beside the most stored / beside none": summary["cost_by_stored_votes"][-1]["ratio"],
    }
    found = []
    for name, (least, greatest) in AIMS.items():
        reached = (least is None or values[name] >= least) and (greatest is None or values[name] <= greatest)
        found.append({"name": name, "value": values[name], "least": least, "greatest": greatest, "reached": reached})
    return found
