"""Openings of accounts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_openings",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False, comment="the box's TIME"),
        sa.Column(
            "log_ms", sa.BigInteger(), nullable=False, comment="log id, in two integers: as text -10 sorts before -9"
        ),
        sa.Column("contest_id", sa.Integer(), nullable=False),
        sa.Column("log_seq", sa.Integer(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column(
            "proof", sa.SmallInteger(), nullable=False, comment="how the identity was proven: models.event.Proof"
        ),
        sa.Column("hint", sa.Text(), nullable=True, comment="masked identity; erased after the retention period"),
        sa.Column(
            "domain",
            sa.Text(),
            nullable=True,
            comment="of the address, or host of the OpenID issuer; erased after the retention period",
        ),
        sa.Column(
            "grams",
            postgresql.ARRAY(sa.Integer()),
            nullable=True,
            comment="keyed fragments of the name: models/ngrams.py; erased after the retention period",
        ),
        sa.Column(
            "agreed",
            postgresql.JSONB(),
            nullable=False,
            comment="models.agreement.Purpose → version of its text; kept with the account",
        ),
        sa.PrimaryKeyConstraint("contest_id", "shard", "log_ms", "log_seq", name=op.f("pk_account_openings")),
    )
    op.create_index(op.f("ix_account_openings_account_id"), "account_openings", ["account_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_account_openings_account_id"), table_name="account_openings")
    op.drop_table("account_openings")
