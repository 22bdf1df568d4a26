"""Erasing what is kept of one account, on the request of the person whose it is (`models/personal_data.py`).

Accounts are the same in every contest of an installation, and so is what is erased here.
"""

from datetime import datetime

from sqlalchemy import Connection, and_, func, null, select, update

from models.account_opening import account_openings
from models.cluster import cluster_accounts, clusters
from models.data_request import data_requests
from models.erasing import What, claims_of_account, criteria_about_account, erase_claims, erase_criteria
from models.vote import votes


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
