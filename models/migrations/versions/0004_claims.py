"""Claims of lost votes"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "claims",
        sa.Column("id", sa.Uuid(), nullable=False, comment="made with the claim: storing it twice is storing it once"),
        sa.Column("reference", sa.String(length=10), nullable=False, comment="what the voter was shown"),
        sa.Column("contest_id", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, comment="by the box's clock"),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False, comment="of the page: the language to answer in"),
        sa.Column("happened", sa.Text(), nullable=False),
        sa.Column(
            "entry_id",
            sa.Integer(),
            nullable=True,
            comment="of the published entry that `entry` names, where it names one",
        ),
        sa.Column("entry", sa.Text(), nullable=False, comment="the entry as it was typed"),
        sa.Column("moment", sa.Text(), nullable=False, comment="when it happened, as it was typed"),
        sa.Column("receipt", sa.BigInteger(), nullable=True, comment="the 60-bit number of a genuine receipt"),
        sa.Column(
            "contact",
            sa.Text(),
            nullable=False,
            comment="an address to answer to, as it was typed; erased after answering",
        ),
        sa.Column("account_id", sa.BigInteger(), nullable=True, comment="of the session; none: nobody was logged in"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
    )
    op.create_index(op.f("ix_claims_reference"), "claims", ["reference"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_claims_reference"), table_name="claims")
    op.drop_table("claims")
