"""Results and minutes"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "results",
        sa.Column("contest_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("minutes", sa.Text(), nullable=False, comment="canonical JSON: models/minutes.py"),
        sa.Column("signature", sa.LargeBinary(), nullable=False, comment="Ed25519, of the minutes' bytes"),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "files", sa.Text(), server_default="{}", nullable=False, comment="JSON: where the published files lie"
        ),
        sa.ForeignKeyConstraint(["contest_id"], ["contests.id"], name=op.f("fk_results_contest_id_contests")),
        sa.PrimaryKeyConstraint("contest_id", name=op.f("pk_results")),
    )


def downgrade() -> None:
    op.drop_table("results")
