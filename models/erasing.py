"""Erasing personal data whose time is over, in batches: each is a short transaction, and erasing twice changes nothing.

Rows stay, with what is not personal: a vote keeps account number, entry, time and receipt, so that the count and its
proof are what they were. PostgreSQL keeps the old row versions until its next VACUUM, its write-ahead log and backups
for as long as those are kept (docs/privacy.md).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, and_, delete, func, null, or_, select, text, update
from sqlalchemy.dialects.postgresql import array

from models.claim import claims
from models.claim_answer import claim_answers
from models.cluster import cluster_accounts, clusters
from models.contest import entries
from models.correction import corrections
from models.correction_criteria import EVIDENCE
from models.correction_votes import correction_votes
from models.cursor import parked_events
from models.data_request import data_requests
from models.signal_run import signal_runs
from models.upload import KEEP, uploads


class What(StrEnum):
    """What is erased, as rows are counted. The first two are found page by page, by `erase_pages`."""

    EVIDENCE = "evidence"
    OPENINGS = "openings"
    CRITERIA = "criteria"
    """Networks and signatures of devices that corrections name."""
    CONTACTS = "contacts"
    CLAIMS = "claims"
    CLUSTERS = "clusters"
    REQUESTS = "requests"
    PARKED = "parked"
    UPLOADS = "uploads"
    LOG = "log"
    """Events that the box's log no longer holds."""


_PAGED = {
    What.EVIDENCE: ("votes", "evidence = NULL", "evidence IS NOT NULL AND entry_id = ANY(:of)"),
    What.OPENINGS: (
        "account_openings",
        "hint = NULL, domain = NULL, grams = NULL",
        "contest_id = ANY(:of) AND (hint IS NOT NULL OR domain IS NOT NULL OR grams IS NOT NULL)",
    ),
}


def entries_of(connection: Connection, contest_id: int) -> list[int]:
    return list(connection.scalars(select(entries.c.id).where(entries.c.contest_id == contest_id)))


def pages_of(connection: Connection, what: What) -> int:
    """How many pages the table has now; what is written later needs no erasing by this run."""
    query = "SELECT pg_relation_size(CAST(:table AS regclass)) / current_setting('block_size')::int"
    return int(connection.scalar(text(query), {"table": _PAGED[what][0]}) or 0)


def erase_pages(connection: Connection, what: What, of: Sequence[int], first: int, pages: int) -> int:
    """Erases in that many pages of the table from `first` on. `of`: entries for EVIDENCE, contests for OPENINGS.

    A row that another transaction holds is left to the next run: nobody waits for anybody. Returns how many rows.
    """
    table, change, condition = _PAGED[what]
    result = connection.execute(
        text(
            f"UPDATE {table} SET {change} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table}"  # noqa: S608 - constants
            " WHERE ctid >= CAST(:first AS tid) AND ctid < CAST(:until AS tid)"
            f" AND {condition} FOR UPDATE SKIP LOCKED))"
        ),
        {"of": list(of), "first": f"({first},0)", "until": f"({first + pages},0)"},
    )
    return result.rowcount


def count_paged(connection: Connection, what: What, of: Sequence[int]) -> int:
    """Rows that `erase_pages` would erase: a scan of the table."""
    table, _change, condition = _PAGED[what]
    query = f"SELECT count(*) FROM {table} WHERE {condition}"  # noqa: S608 - constants
    return int(connection.scalar(text(query), {"of": list(of)}) or 0)


def erase_contacts(connection: Connection, contest_id: int, days: int, *, count: bool = False) -> int:
    """The contact in claims that were answered so many days ago, and the address that the answer went to. An answer
    that waits to be sent keeps its address, and the claim its contact.
    """
    waiting = select(claim_answers.c.claim_id).where(claim_answers.c.state == "waiting")
    due = and_(
        claims.c.contest_id == contest_id,
        claims.c.state == "answered",
        claims.c.answered_at <= func.now() - timedelta(days=days),
        claims.c.id.not_in(waiting),
        or_(claims.c.contact != "", _sent_to_of_claim()),
    )
    if count:
        return _count(connection, claims.c.id, due)
    found = list(connection.scalars(update(claims).where(due).values(contact="").returning(claims.c.id)))
    connection.execute(update(claim_answers).where(claim_answers.c.claim_id.in_(found)).values(sent_to=""))
    return len(found)


def _sent_to_of_claim() -> ColumnElement[bool]:
    return (
        select(claim_answers.c.id)
        .where(claim_answers.c.claim_id == claims.c.id, claim_answers.c.sent_to != "")
        .exists()
    )


def erase_claims(connection: Connection, where: ColumnElement[bool], *, count: bool = False) -> int:
    """Everything that the voter wrote and was answered; reference, times, entry and account number stay."""
    due = and_(where, claims.c.erased_at.is_(None))
    if count:
        return _count(connection, claims.c.id, due)
    blank = {"happened": "", "entry": "", "moment": "", "contact": "", "erased_at": func.now()}
    found = list(connection.scalars(update(claims).where(due).values(blank).returning(claims.c.id)))
    mine = claim_answers.c.claim_id.in_(found)
    connection.execute(
        update(claim_answers)
        .where(mine, claim_answers.c.state == "waiting")
        .values(state="failed", problem="erased before it was sent")
    )
    connection.execute(update(claim_answers).where(mine).values(body="", sent_to=""))
    return len(found)


def claims_of_contest(contest_id: int) -> ColumnElement[bool]:
    return claims.c.contest_id == contest_id


def claims_of_account(account: int, until: datetime) -> ColumnElement[bool]:
    return and_(claims.c.account_id == account, claims.c.received_at <= until)


def erase_clusters(connection: Connection, contest_id: int, *, count: bool = False) -> int:
    """Which accounts a cluster had, its traces, and the networks and domains of the latest trends; numbers stay."""
    mine = select(clusters.c.id).where(clusters.c.contest_id == contest_id)
    due = cluster_accounts.c.cluster_id.in_(mine)
    if count:
        return _count(connection, cluster_accounts.c.cluster_id, due)
    connection.execute(
        update(clusters)
        .where(clusters.c.contest_id == contest_id, clusters.c.traces.is_not(None))
        .values(traces=null())
    )
    connection.execute(update(signal_runs).where(signal_runs.c.contest_id == contest_id).values(alerts=[]))
    return connection.execute(delete(cluster_accounts).where(due)).rowcount


def erase_criteria(connection: Connection, where: ColumnElement[bool], *, count: bool = False) -> int:
    """Network and device among the criteria of corrections that have been counted: their votes are written down one by
    one, and nothing looks for them again. That one was given stays.
    """
    given = corrections.c.criteria.has_any(array(EVIDENCE))
    due = and_(where, corrections.c.state != "counting", given)
    if count:
        return _count(connection, corrections.c.id, due)
    kept = text(
        "criteria - CAST(:names AS text[]) || jsonb_build_object('erased',"
        " (SELECT jsonb_agg(name) FROM jsonb_object_keys(criteria) name WHERE name = ANY(CAST(:names AS text[]))))"
    ).bindparams(names=list(EVIDENCE))
    return connection.execute(update(corrections).where(due).values(criteria=kept)).rowcount


def criteria_of_contest(contest_id: int) -> ColumnElement[bool]:
    return corrections.c.contest_id == contest_id


def criteria_about_account(account: int, until: datetime) -> ColumnElement[bool]:
    """Of corrections of the account's votes, proposed by then."""
    mine = select(correction_votes.c.correction_id).where(
        correction_votes.c.correction_id == corrections.c.id, correction_votes.c.account_id == account
    )
    return and_(mine.exists(), corrections.c.proposed_at <= until)


def erase_requests(connection: Connection, contest_id: int, *, count: bool = False) -> int:
    """The masked hints in answered requests of data subjects; that there was a request, and when, stays."""
    due = and_(
        data_requests.c.contest_id == contest_id,
        data_requests.c.answered_at.is_not(None),
        data_requests.c.hint != "",
    )
    if count:
        return _count(connection, data_requests.c.id, due)
    return connection.execute(update(data_requests).where(due).values(hint="")).rowcount


def erase_parked(connection: Connection, contest_id: int, *, count: bool = False) -> int:
    """The bytes of parked events that are resolved: the vote or opening stands in its table."""
    due = and_(
        parked_events.c.contest_id == contest_id,
        parked_events.c.resolved_at.is_not(None),
        func.length(parked_events.c.packed) > 0,
    )
    if count:
        return _count(connection, parked_events.c.log_ms, due)
    return connection.execute(update(parked_events).where(due).values(packed=b"")).rowcount


def erase_uploads(connection: Connection, *, count: bool = False) -> int:
    """Files that operators handed in, a day after that."""
    due = uploads.c.uploaded_at < func.now() - KEEP
    if count:
        return _count(connection, uploads.c.id, due)
    return connection.execute(delete(uploads).where(due)).rowcount


def _count(connection: Connection, column: ColumnElement[object], where: ColumnElement[bool]) -> int:
    return int(connection.scalar(select(func.count(column)).where(where)) or 0)
