"""The public documents, made from a reading of the box. The contest's result policy is applied here and only here:
nothing further out ever sees a count that may not be shown.
"""

from typing import Any

from models.ballot_box.reading import Reading
from models.contest_switches import SHOWN
from models.contest_texts import TEXTS
from models.times import rfc3339

_CONTEST_FIELDS = ("id", "slug", "title", *TEXTS, "result_policy", "minted_sessions")


def visible_tallies(reading: Reading) -> dict[int, int] | None:
    """Votes of each published entry; None where the contest's policy hides them: `published` does until there are
    results that an admin has published.
    """
    policy = reading.site["contest"]["result_policy"]
    if policy != "live" and not (policy == "published" and reading.site["results"]):
        return None
    return {entry["id"]: reading.tallies.get(entry["id"], 0) for entry in reading.site["entries"]}


def contest_document(reading: Reading, minutes_key: str) -> dict[str, Any]:
    """`GET /api/contest`. `state` is the box's word, or `not_ready`; `minutes_key`: of `models/minutes.py`."""
    contest, results = reading.site["contest"], reading.site["results"]
    return {name: contest[name] for name in _CONTEST_FIELDS} | {
        "state": reading.state or "not_ready",
        "opens_at": rfc3339(reading.opens_at or contest["opens_at"]),
        "closes_at": rfc3339(reading.closes_at or contest["closes_at"]),
        "categories": reading.site["categories"],
        "switches": {name: contest["switches"][name] for name in SHOWN},
        "minutes_key": minutes_key,
        "minutes": results["files"] if results else None,
    }


def entries_document(reading: Reading) -> dict[str, Any]:
    """`GET /api/entries`, in the order of the published document: never by votes."""
    return {"entries": reading.site["entries"]}


def tallies_document(tallies: dict[int, int] | None, at_ms: int) -> dict[str, Any]:
    """`GET /api/tallies`. `at`: when the box was asked."""
    return {
        "tallies": None if tallies is None else {str(entry): votes for entry, votes in tallies.items()},
        "total": None if tallies is None else sum(tallies.values()),
        "at": rfc3339(at_ms),
    }


def public_corrections(site: dict[str, Any], *, counts_shown: bool) -> list[dict[str, Any]]:
    """The public log of corrections, newest first: `{id, at (ms), action, votes, entries: [{entry_id, votes}], whole,
    undoes, turned_back, reason, reason_en, proposed_by, approved_by}`. How many votes of each entry: only where counts
    may be shown, else None. `turned_back`: votes that later corrections put back, or took out again.
    """
    lines: list[dict[str, Any]] = site["corrections"]
    turned_back: dict[int, int] = {}
    for line in lines:
        if line["undoes"] is not None:
            turned_back[line["undoes"]] = turned_back.get(line["undoes"], 0) + line["votes"]
    return [
        {name: value for name, value in line.items() if name != "by_entry"}
        | {
            "entries": [
                {"entry_id": int(entry), "votes": votes if counts_shown else None}
                for entry, votes in line["by_entry"].items()
            ],
            "turned_back": turned_back.get(line["id"], 0),
        }
        for line in lines
    ]


def corrections_document(corrections: list[dict[str, Any]]) -> dict[str, Any]:
    """`GET /api/corrections`, of `public_corrections`."""
    return {"corrections": [line | {"at": rfc3339(line["at"])} for line in corrections]}
