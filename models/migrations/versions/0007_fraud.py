"""Signals and clusters"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _moment(name: str, *, now: bool = False, comment: str | None = None) -> sa.Column[datetime]:
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not now, comment=comment)


def upgrade() -> None:
    op.create_table(
        "clusters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("contest_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False, comment="what its accounts voted for"),
        sa.Column("state", sa.Text(), server_default="new", nullable=False),
        sa.Column(
            "signals", postgresql.ARRAY(sa.Text()), nullable=False, comment="models.signals.kinds.Signal, that agree"
        ),
        sa.Column(
            "alone",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="one signal only: a weak cluster",
        ),
        sa.Column(
            "strength",
            sa.Float(),
            nullable=False,
            comment="0 to 1: how sure the signals are of one of its accounts",
        ),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column(
            "counted",
            sa.Integer(),
            nullable=False,
            comment="its votes for the entry that are not voided, at the latest run",
        ),
        _moment("first_at", comment="of its votes"),
        _moment("last_at"),
        sa.Column(
            "numbers",
            postgresql.JSONB(),
            server_default="{}",
            nullable=False,
            comment="the evidence in numbers; kept",
        ),
        sa.Column(
            "traces",
            postgresql.JSONB(),
            nullable=True,
            comment="masked hints, domains, networks; erased after the retention period",
        ),
        _moment("found_at", now=True),
        _moment("changed_at", now=True),
        _moment("decided_at"),
        sa.Column("decided_by", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "decided_accounts",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="how many it had then",
        ),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("state IN ('new', 'dismissed', 'handed')", name=op.f("ck_clusters_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clusters")),
    )
    op.create_index(op.f("ix_clusters_contest_id_entry_id"), "clusters", ["contest_id", "entry_id"], unique=False)
    op.create_table(
        "cluster_accounts",
        sa.Column("cluster_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("strength", sa.Float(), nullable=False, comment="0 to 1, of this account"),
        sa.PrimaryKeyConstraint("cluster_id", "account_id", name=op.f("pk_cluster_accounts")),
        comment="whose votes for the cluster's entry it is about; erased after the retention period",
    )
    op.create_index(op.f("ix_cluster_accounts_account_id"), "cluster_accounts", ["account_id"], unique=False)
    op.create_table(
        "signal_runs",
        sa.Column("contest_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("runs", sa.Integer(), server_default="0", nullable=False),
        _moment("ended_at", comment="none: none has ended yet"),
        sa.Column("took_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "whole",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="all votes, not those of the window",
        ),
        sa.Column("votes", sa.BigInteger(), server_default="0", nullable=False, comment="that were looked at"),
        sa.Column("clusters", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "alerts",
            postgresql.JSONB(),
            server_default="[]",
            nullable=False,
            comment="models.signals.evidence.trends; erased in the end",
        ),
        sa.PrimaryKeyConstraint("contest_id", name=op.f("pk_signal_runs")),
    )
    op.create_table(
        "limits",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_limits")),
    )
    op.create_table(
        "disposable_domains",
        sa.Column("domain", sa.Text(), nullable=False, comment="in the form that addresses are normalised to"),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        _moment("added_at", now=True),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_disposable_domains")),
    )
    op.create_table(
        "honest_networks",
        sa.Column("network", sa.Text(), nullable=False, comment="CIDR, host bits zero"),
        sa.Column("note", sa.Text(), nullable=False, comment="whose it is"),
        sa.Column("added_by", sa.Text(), nullable=False),
        _moment("added_at", now=True),
        sa.PrimaryKeyConstraint("network", name=op.f("pk_honest_networks")),
    )
    op.create_index(op.f("ix_votes_log_ms"), "votes", ["log_ms"], unique=False, postgresql_using="brin")


def downgrade() -> None:
    op.drop_index(op.f("ix_votes_log_ms"), table_name="votes")
    op.drop_table("honest_networks")
    op.drop_table("disposable_domains")
    op.drop_table("limits")
    op.drop_table("signal_runs")
    op.drop_table("cluster_accounts")
    op.drop_table("clusters")
