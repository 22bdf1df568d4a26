"""Everything that is kept of one account, for the person whose it is. Erasing it: `models/account_erasing.py`.

Accounts are the same in every contest of an installation, and so is what is found here.
"""

from dataclasses import asdict
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from sqlalchemy import Connection, select

from models.account_opening import account_openings
from models.agreement import Purpose
from models.claim import claims, spelled
from models.claim_answer import answers_of
from models.cluster import cluster_accounts, clusters
from models.contest import blocked_accounts, contests, entries
from models.correction import corrections
from models.correction_votes import VoteState, correction_votes
from models.data_request import DataRequest, data_requests
from models.event import DEVICE_BYTES, Proof
from models.receipt import Receipts
from models.secrets import KeyRing
from models.times import rfc3339_of
from models.vote import votes


def everything_of(connection: Connection, keys: KeyRing, account: int) -> dict[str, Any]:
    """`{"account", "votes", "logins", "claims", "blocks", "clusters", "corrections", "requests"}`: JSON, times as RFC
    3339. What was erased or never given is null or empty.
    """
    return {
        "account": str(account),
        "votes": _votes(connection, keys, account),
        "logins": _logins(connection, account),
        "claims": _claims(connection, account),
        "blocks": _blocks(connection, account),
        "clusters": _clusters(connection, account),
        "corrections": _corrections(connection, account),
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


def _corrections(connection: Connection, account: int) -> list[dict[str, Any]]:
    """`changed`: whether the correction has voided or restored the vote."""
    rows = connection.execute(
        select(corrections, correction_votes.c.entry_id, correction_votes.c.state.label("vote"))
        .join(correction_votes, correction_votes.c.correction_id == corrections.c.id)
        .where(correction_votes.c.account_id == account)
        .order_by(corrections.c.id, correction_votes.c.entry_id)
    )
    return [
        {
            "number": row.id,
            "action": row.action,
            "entry": row.entry_id,
            "reason": row.reason,
            "state": row.state,
            "proposed_at": _at(row.proposed_at),
            "ended_at": _at(row.ended_at),
            "changed": row.vote == VoteState.DONE,
        }
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
