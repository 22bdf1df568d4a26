"""Voids and restores as objects"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _text(name: str, server_default: str | None = None, comment: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=server_default, comment=comment)


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("contest_id", sa.Integer(), nullable=False),
        _text("action"),
        sa.Column("criteria", JSONB(), nullable=False, comment="models.correction_criteria.Criteria"),
        sa.Column(
            "undoes",
            sa.BigInteger(),
            nullable=True,
            comment="the correction whose votes, those that it changed, this one turns back",
        ),
        _text("reason", comment="public, Vietnamese; what receipts and the public log say"),
        _text("reason_en", server_default=""),
        _text("note", server_default="", comment="for operators only"),
        _text("state", server_default="counting"),
        sa.Column("numbers", JSONB(), nullable=True, comment="of the dry run: models.correction_votes.Numbers"),
        sa.Column(
            "large", sa.Boolean(), server_default="false", nullable=False, comment="so many that it must be typed"
        ),
        _text("problem", server_default="", comment="why it was refused, for people"),
        sa.Column("proposed_by", sa.Integer(), nullable=True, comment="operator"),
        _text("proposed_name"),
        _text("proposed_role"),
        sa.Column("proposed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True, comment="operator"),
        _text("decided_name", server_default=""),
        _text("decided_role", server_default=""),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        _text("decision_note", server_default=""),
        sa.Column("task_id", sa.BigInteger(), nullable=True, comment="the latest: counts it, or does it"),
        sa.Column(
            "settled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was written down what had been so before",
        ),
        sa.Column("result", JSONB(), nullable=True, comment="models.correction_votes.Result"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("action IN ('void', 'restore')", name=op.f("ck_corrections_action")),
        sa.CheckConstraint(
            "state IN ('counting', 'refused', 'proposed', 'rejected', 'approved', 'running', 'done', 'cancelled')",
            name=op.f("ck_corrections_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(op.f("ix_corrections_contest_id"), "corrections", ["contest_id"], unique=False)
    op.create_table(
        "correction_votes",
        sa.Column("correction_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="models.correction_votes.VoteState",
        ),
        sa.PrimaryKeyConstraint("correction_id", "account_id", "entry_id", name=op.f("pk_correction_votes")),
    )


def downgrade() -> None:
    op.drop_table("correction_votes")
    op.drop_table("corrections")
