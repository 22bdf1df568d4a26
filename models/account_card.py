"""What operators see of one account beside its votes (`models/finding.py`): its logins, whether and why it is blocked,
the clusters that it is in. And blocking it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from models.account_opening import account_openings
from models.audit import Actor, record
from models.cluster import cluster_accounts, clusters
from models.contest import blocked_accounts, contest_by_id, raise_version

MOST_LOGINS = 20


@dataclass(frozen=True)
class Login:
    """One login that was recorded. `proof`: models.event.Proof; `hint` is empty once it was erased."""

    at: datetime
    proof: int
    hint: str


@dataclass(frozen=True)
class Block:
    reason: str
    at: datetime


@dataclass(frozen=True)
class AccountCard:
    """`logins`: the latest, newest first."""

    logins: list[Login]
    block: Block | None
    clusters: list[int]


def account_card(connection: Connection, contest_id: int, account: int) -> AccountCard:
    own = account_openings.c
    openings = connection.execute(
        select(own.opened_at, own.proof, own.hint)
        .where(own.account_id == account, own.contest_id == contest_id)
        .order_by(own.opened_at.desc())
        .limit(MOST_LOGINS)
    )
    found = connection.scalars(
        select(clusters.c.id)
        .join(cluster_accounts, cluster_accounts.c.cluster_id == clusters.c.id)
        .where(cluster_accounts.c.account_id == account, clusters.c.contest_id == contest_id)
        .order_by(clusters.c.id)
    )
    logins = [Login(at, proof, hint or "") for at, proof, hint in openings]
    return AccountCard(logins, block_of(connection, contest_id, account), list(found))


def block_of(connection: Connection, contest_id: int, account: int) -> Block | None:
    query = select(blocked_accounts.c.reason, blocked_accounts.c.blocked_at).where(
        blocked_accounts.c.contest_id == contest_id, blocked_accounts.c.account_id == account
    )
    row = connection.execute(query).first()
    return Block(row.reason, row.blocked_at) if row else None


def block_account(connection: Connection, contest_id: int, account: int, reason: str, actor: Actor) -> bool:
    """From now on the account may not vote in this contest; its votes stay. False where it was blocked before."""
    contest_by_id(connection, contest_id, lock=True)
    values = {"contest_id": contest_id, "account_id": account, "reason": reason}
    added = insert(blocked_accounts).values(values).on_conflict_do_nothing().returning(blocked_accounts.c.account_id)
    if connection.execute(added).first() is None:
        return False
    _decided(connection, contest_id, account, actor, blocked=True, why=reason)
    return True


def unblock_account(connection: Connection, contest_id: int, account: int, reason: str, actor: Actor) -> bool:
    """False where it was not blocked."""
    contest_by_id(connection, contest_id, lock=True)
    own = (blocked_accounts.c.contest_id == contest_id, blocked_accounts.c.account_id == account)
    if not connection.execute(delete(blocked_accounts).where(*own)).rowcount:
        return False
    _decided(connection, contest_id, account, actor, blocked=False, why=reason)
    return True


def _decided(connection: Connection, contest_id: int, account: int, actor: Actor, *, blocked: bool, why: str) -> None:
    raise_version(connection, contest_id)
    verb = "block" if blocked else "unblock"
    record(
        connection,
        actor,
        f"account.{verb}",
        f"account:{account}",
        contest_id=contest_id,
        before={"blocked": not blocked},
        after={"blocked": blocked},
        why=why,
    )


def count_blocked(connection: Connection, contest_id: int) -> int:
    query = select(func.count()).where(blocked_accounts.c.contest_id == contest_id)
    return int(connection.scalar(query) or 0)


def blocked_lately(connection: Connection, contest_id: int, limit: int = 200) -> list[tuple[int, Block]]:
    """(account, why and since when), the latest first."""
    own = blocked_accounts.c
    rows = connection.execute(
        select(own.account_id, own.reason, own.blocked_at)
        .where(own.contest_id == contest_id)
        .order_by(own.blocked_at.desc(), own.account_id)
        .limit(limit)
    )
    return [(account, Block(reason, at)) for account, reason, at in rows]
