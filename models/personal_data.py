"""Everything that is kept of one account, for the person whose it is; and erasing it on their request.

Accounts are the same in every contest of an installation, and so is what is found here.
"""

from dataclasses import asdict
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from sqlalchemy import Connection, and_, func, null, select, update

from models.account_opening import account_openings
from models.agreement import Purpose
from models.claim import claims, spelled
from models.claim_answer import answers_of
from models.cluster import cluster_accounts, clusters
from models.contest import blocked_accounts, contests, entries
from models.data_request import DataRequest, data_requests
from models.erasing import What, claims_of_account, criteria_about_account, erase_claims, erase_criteria
from models.event import DEVICE_BYTES, Proof
from models.receipt import Receipts
from models.secrets import KeyRing
from models.times import rfc3339_of
from models.vote import votes


def everything_of(connection: Connection, keys: KeyRing, account: int) -> dict[str, Any]:
    """`{"account", "votes", "logins", "claims", "blocks", "clusters", "requests"}`: JSON, times as RFC 3339. What was
    erased or never given is null or empty.
    """
    return {
        "account": str(account),
        "votes": _votes(connection, keys, account),
        "logins": _logins(connection, account),
        "claims": _claims(connection, account),
        "blocks": _blocks(connection, account),
        "clusters": _clusters(connection, account),
        "requests": _requests(connection, account),
    }


def latest_hint(connection: Connection, account: int) -> str:
    """The masked identity of the latest login that has one; empty where none has."""
    query = (
        select(account_openings.c.hint)
        .where(account_openings.c.account_id == account, account_openings.c.hint.is_not(None))
        .order_by(account_openings.c.opened_at.desc())
    )
    return connection.scalar(query.limit(1)) or ""


def erase_account(connection: Connection, account: int, until: datetime) -> dict[str, int]:
    """Erases what was kept of the account up to `until`: evidence of votes, hints, domains and fragments of logins,
    claims with their answers, the traces of clusters that it is in, networks and devices that corrections of its votes
    name. Votes stay, as those of a number. Again: nothing.

    Returns what → rows.
    """
    hinted = and_(data_requests.c.account_id == account, data_requests.c.hint != "")
    connection.execute(update(data_requests).where(hinted).values(hint=""))
    counts = {
        What.EVIDENCE: _erase_evidence(connection, account, until),
        What.OPENINGS: _erase_openings(connection, account, until),
        What.CRITERIA: erase_criteria(connection, criteria_about_account(account, until)),
        What.CLUSTERS: _erase_traces(connection, account, until),
        What.CLAIMS: erase_claims(connection, claims_of_account(account, until)),
    }
    return {what.value: rows for what, rows in counts.items() if rows}


def _erase_evidence(connection: Connection, account: int, until: datetime) -> int:
    """Of recovered votes too, which have no time."""
    cast = func.coalesce(votes.c.cast_at, until) <= until
    mine = and_(votes.c.account_id == account, votes.c.evidence.is_not(None), cast)
    return connection.execute(update(votes).where(mine).values(evidence=None)).rowcount


def _erase_openings(connection: Connection, account: int, until: datetime) -> int:
    own = account_openings.c
    kept = func.num_nonnulls(own.hint, own.domain, own.grams) > 0
    mine = and_(own.account_id == account, own.opened_at <= until, kept)
    return connection.execute(update(account_openings).where(mine).values(hint=None, domain=None, grams=None)).rowcount


def _erase_traces(connection: Connection, account: int, until: datetime) -> int:
    mine = select(cluster_accounts.c.cluster_id).where(cluster_accounts.c.account_id == account)
    due = and_(clusters.c.id.in_(mine), clusters.c.traces.is_not(None), clusters.c.changed_at <= until)
    return connection.execute(update(clusters).where(due).values(traces=null())).rowcount


def erased_accounts(connection: Connection) -> list[tuple[int, datetime]]:
    """(account, until when) of each request that was erased: what of that time came into the ledger later (what the log
    still had, a repair, a restored backup) is erased again.
    """
    query = select(data_requests.c.account_id, func.max(data_requests.c.erased_at))
    rows = connection.execute(query.where(data_requests.c.erased_at.is_not(None)).group_by(data_requests.c.account_id))
    return [(account, until) for account, until in rows]


def _at(moment: datetime | None) -> str | None:
    return rfc3339_of(moment) if moment else None


def _proof(number: int | None) -> str | None:
    return Proof(number).name.lower() if number in set(Proof) else None


def _votes(connection: Connection, keys: KeyRing, account: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(votes, entries.c.title, entries.c.contest_id, contests.c.title.label("contest"))
        .outerjoin(entries, entries.c.id == votes.c.entry_id)
        .outerjoin(contests, contests.c.id == entries.c.contest_id)
        .where(votes.c.account_id == account)
        .order_by(votes.c.cast_at, votes.c.entry_id)
    )
    return [
        {
            "contest": row.contest,
            "entry": row.entry_id,
            "title": row.title,
            "cast_at": _at(row.cast_at),
            "receipt": Receipts(keys, row.contest_id).code(row.receipt) if row.contest_id is not None else None,
            "proof": _proof(row.proof),
            "recovered_at": _at(row.recovered_at),
            "voided_at": _at(row.voided_at),
            "void_reason": row.void_reason,
            "device": bytes(row.evidence[:DEVICE_BYTES]).hex() if row.evidence else None,
            "address": _address(row.evidence),
        }
        for row in rows
    ]


def _address(evidence: bytes | None) -> str | None:
    packed = bytes(evidence[DEVICE_BYTES:]) if evidence else b""
    return str(ip_address(packed)) if len(packed) in (4, 16) else None


def _logins(connection: Connection, account: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(account_openings, contests.c.title)
        .outerjoin(contests, contests.c.id == account_openings.c.contest_id)
        .where(account_openings.c.account_id == account)
        .order_by(account_openings.c.opened_at)
    )
    return [
        {
            "contest": row.title,
            "opened_at": _at(row.opened_at),
            "proof": _proof(row.proof),
            "hint": row.hint,
            "domain": row.domain,
            "fragments": row.grams,
            "agreed": {_purpose(purpose): version for purpose, version in row.agreed.items()},
        }
        for row in rows
    ]


def _purpose(number: str) -> str:
    return Purpose(int(number)).name.lower() if int(number) in set(Purpose) else number


def _claims(connection: Connection, account: int) -> list[dict[str, Any]]:
    rows = connection.execute(select(claims).where(claims.c.account_id == account).order_by(claims.c.received_at)).all()
    return [
        {
            "reference": spelled(row.reference),
            "received_at": _at(row.received_at),
            "happened": row.happened,
            "entry": row.entry,
            "moment": row.moment,
            "contact": row.contact,
            "state": row.state,
            "erased_at": _at(row.erased_at),
            "answers": [
                {"way": answer.way, "made_at": _at(answer.made_at), "sent_at": _at(answer.sent_at), "body": answer.body}
                for answer in answers_of(connection, row.id)
            ],
        }
        for row in rows
    ]


def _blocks(connection: Connection, account: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(contests.c.title, blocked_accounts.c.reason, blocked_accounts.c.blocked_at)
        .join(contests, contests.c.id == blocked_accounts.c.contest_id)
        .where(blocked_accounts.c.account_id == account)
    )
    return [{"contest": row.title, "reason": row.reason, "blocked_at": _at(row.blocked_at)} for row in rows]


def _clusters(connection: Connection, account: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(clusters.c.entry_id, clusters.c.signals, clusters.c.state, clusters.c.found_at)
        .join(cluster_accounts, cluster_accounts.c.cluster_id == clusters.c.id)
        .where(cluster_accounts.c.account_id == account)
        .order_by(clusters.c.id)
    )
    return [
        {"entry": row.entry_id, "signals": row.signals, "state": row.state, "found_at": _at(row.found_at)}
        for row in rows
    ]


def _requests(connection: Connection, account: int) -> list[dict[str, Any]]:
    columns = [data_requests.c[name] for name in DataRequest.__dataclass_fields__]
    rows = connection.execute(
        select(*columns).where(data_requests.c.account_id == account).order_by(data_requests.c.id)
    )
    shown = ("kind", "received_at", "due_at", "erased_at", "answered_at", "note")
    return [
        {
            name: _at(value) if isinstance(value, datetime) else value
            for name, value in asdict(found).items()
            if name in shown
        }
        for found in (DataRequest(*row) for row in rows)
    ]
