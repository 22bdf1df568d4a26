"""The published document: what voters see of a contest and its entries."""

import json
from typing import Any

from sqlalchemy import Connection, select

from models.contest import Contest, categories, entries
from models.contest_texts import completed
from models.correction_log import published_corrections
from models.result import published_result
from models.times import milliseconds

_PUBLISHED = (
    *("id", "slug", "title", "title_en", "author", "unit", "summary", "summary_en", "text", "text_en"),
    *("video", "pictures", "attachments"),
)
"""Columns of an entry that everybody sees."""


def _entry(row: Any) -> dict[str, Any]:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return values | {name: json.loads(values[name]) for name in ("pictures", "attachments")}


def site_document(connection: Connection, contest: Contest) -> bytes:
    """The published contest and entries as JSON: what an API needs of the ledger to show pages.

    `{"version", "contest": {id, slug, title, …texts, result_policy, minted_sessions, opens_at, closes_at (ms),
    switches: those of `models/contest_switches.py`},
    "categories": [{slug, title, title_en}], "entries": [{id, slug, title, title_en, author, unit, summary, summary_en,
    text, text_en, video, pictures: [{alt, alt_en, sizes: [{width, height, address}]}],
    attachments: [{title, title_en, address, bytes}], category}], "corrections": those of `models/correction_log.py`,
    "results": that of `models/result.py` or None}`; the texts are those of `models/contest_texts.py`.
    """
    category_rows = connection.execute(
        select(categories.c.slug, categories.c.title, categories.c.title_en)
        .where(categories.c.contest_id == contest.id)
        .order_by(categories.c.position)
    )
    entry_rows = connection.execute(
        select(*(entries.c[name] for name in _PUBLISHED), categories.c.slug.label("category"))
        .join(categories, categories.c.id == entries.c.category_id)
        .where(entries.c.contest_id == contest.id, entries.c.state == "published")
        .order_by(entries.c.position, entries.c.id)
    )
    document = {
        "version": contest.version,
        "contest": contest.texts
        | {
            "id": contest.id,
            "slug": contest.slug,
            "title": contest.title,
            "result_policy": contest.result_policy,
            "minted_sessions": contest.minted_sessions,
            "opens_at": milliseconds(contest.opens_at),
            "closes_at": milliseconds(contest.closes_at),
            "switches": contest.switches.model_dump(),
        },
        "categories": [dict(row._mapping) for row in category_rows],  # noqa: SLF001 - SQLAlchemy's public name
        "entries": [_entry(row) for row in entry_rows],
        "corrections": published_corrections(connection, contest.id),
        "results": published_result(connection, contest.id),
    }
    return json.dumps(completed(document), ensure_ascii=False, separators=(",", ":")).encode()
