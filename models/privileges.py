"""What each role of the ledger may do: the API, workers and ticker, an auditor who only reads.

The owner owns the tables, migrates, and runs the commands of people. The others are created by
`deploy/postgres/roles.sql` or, without a password, here where the owner may; after each migration they are granted what
stands below and nothing else. Where they are missing, one role does everything, as it always did
(docs/decisions/0030-least-privilege.md).
"""

import re
from collections.abc import Mapping

import structlog
from sqlalchemy import Connection, text

from models.database import metadata

log = structlog.get_logger()

API, WORKER, AUDITOR = "binhchon_api", "binhchon_worker", "binhchon_auditor"
ROLES = (API, WORKER, AUDITOR)

_ALL = "SELECT, INSERT, UPDATE, DELETE"
_GROWS = "SELECT, INSERT"
_KEPT = "SELECT, INSERT, UPDATE"

GRANTS: Mapping[str, tuple[str, str]] = {
    # table: (API, workers)
    "account_openings": ("SELECT, UPDATE (hint, domain, grams)", f"{_GROWS}, UPDATE (hint, domain, grams)"),
    "alembic_version": ("SELECT", "SELECT"),
    "audit": (_GROWS, _GROWS),
    "blocked_accounts": ("SELECT, INSERT, DELETE", "SELECT"),
    "categories": (_ALL, "SELECT, UPDATE"),
    "claim_answers": (_KEPT, "SELECT, UPDATE"),
    "claims": ("SELECT, UPDATE", _KEPT),
    "cluster_accounts": ("SELECT", _ALL),
    "clusters": ("SELECT, UPDATE", _ALL),
    "contests": (_ALL, "SELECT, UPDATE"),
    "correction_votes": ("SELECT", _ALL),
    "corrections": (_KEPT, "SELECT, UPDATE"),
    "cursors": ("SELECT", _KEPT),
    "data_requests": (_KEPT, "SELECT, UPDATE (hint)"),
    "disposable_domains": (_ALL, "SELECT"),
    "entries": (_ALL, _KEPT),
    "epochs": ("SELECT", _GROWS),
    "erasures": (_KEPT, _KEPT),
    "holidays": (_ALL, "SELECT"),
    "honest_networks": (_ALL, "SELECT"),
    "limits": (_ALL, "SELECT"),
    "minute_counts": ("SELECT", _KEPT),
    "minute_totals": ("SELECT", _KEPT),
    "operators": (_KEPT, ""),
    "parked_events": ("SELECT", _KEPT),
    "results": ("SELECT, UPDATE (published_at, published_by, files)", _GROWS),
    "retention_rules": (_ALL, "SELECT"),
    "signal_runs": ("SELECT", _KEPT),
    "tallies": ("SELECT", _ALL),
    "tasks": (_KEPT, _KEPT),
    "uploads": ("SELECT, INSERT, DELETE", "SELECT, DELETE"),
    "votes": (
        "SELECT, UPDATE (evidence)",
        f"{_GROWS}, UPDATE (voided_at, void_reason, decided_ms, decided_seq, evidence)",
    ),
}

HIDDEN_FROM_AUDITORS: Mapping[str, frozenset[str]] = {
    "account_openings": frozenset({"hint", "domain", "grams"}),
    "audit": frozenset({"address"}),
    "claim_answers": frozenset({"sent_to", "body"}),
    "claims": frozenset({"happened", "entry", "moment", "contact"}),
    "clusters": frozenset({"traces"}),
    "corrections": frozenset({"criteria"}),
    "data_requests": frozenset({"hint", "note"}),
    "operators": frozenset({"password_hash", "totp_secret", "totp_step", "recovery_codes", "openid"}),
    "parked_events": frozenset({"packed"}),
    "signal_runs": frozenset({"alerts"}),
    "tasks": frozenset({"payload"}),
    "uploads": frozenset({"content"}),
    "votes": frozenset({"evidence"}),
}
"""Secrets, and what is personal but for account numbers."""


def grant(connection: Connection) -> None:
    """Gives the roles what they need, and takes away what else they had, in the transaction of the migrations."""
    _create(connection)
    there = set(
        connection.scalars(text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles)"), {"roles": [*ROLES]})
    )
    if missing := sorted(set(ROLES) - there):
        log.warning(
            "the ledger has one role for everything: run deploy/postgres/roles.sql, then `binhchon migrate`",
            missing=missing,
        )
    database = connection.exec_driver_sql("SELECT quote_ident(current_database())").scalar_one()
    for role in sorted(there):
        connection.exec_driver_sql(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
        connection.exec_driver_sql(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}")
        temporary = ", TEMPORARY" if role == WORKER else ""
        connection.exec_driver_sql(f"GRANT CONNECT{temporary} ON DATABASE {database} TO {role}")
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {role}")
        for table, rights in _rights(role).items():
            if rights:
                connection.exec_driver_sql(f"GRANT {rights} ON {table} TO {role}")
            if re.search(r"\bINSERT\b", rights):
                _grant_sequences(connection, table, role)


def _rights(role: str) -> dict[str, str]:
    if role == AUDITOR:
        return {name: _readable(name) for name in GRANTS}
    return {name: rights[ROLES.index(role)] for name, rights in GRANTS.items()}


def _readable(table: str) -> str:
    hidden = HIDDEN_FROM_AUDITORS.get(table)
    if not hidden:
        return "SELECT"
    return (
        f"SELECT ({', '.join(column.name for column in metadata.tables[table].columns if column.name not in hidden)})"
    )


def _grant_sequences(connection: Connection, table: str, role: str) -> None:
    """Those that its numbers come from; UPDATE is for `setval`, which an import needs."""
    query = (
        "SELECT s.oid::regclass::text FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')"
        " WHERE s.relkind = 'S' AND d.refobjid = CAST(:table AS regclass)"
    )
    for sequence in connection.scalars(text(query), {"table": table}).all():
        connection.exec_driver_sql(f"GRANT USAGE, SELECT, UPDATE ON SEQUENCE {sequence} TO {role}")


def _create(connection: Connection) -> None:
    """Roles belong to the whole server: another database's migration may create them at the same moment."""
    may = "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"
    if not connection.exec_driver_sql(may).scalar():
        return
    for role in ROLES:
        connection.exec_driver_sql(
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
            f" THEN CREATE ROLE {role}; END IF; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
