"""The ledger"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("texts", sa.Text(), nullable=False, comment="JSON: the other texts that pages show"),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False, comment="the first moment that is too late"),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("result_policy", sa.Text(), server_default="live", nullable=False),
        sa.Column("minted_sessions", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False, comment="rises with every decision"),
        sa.Column(
            "stops_seen",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="stops on the box alone, taken over",
        ),
        sa.Column("shards", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False, comment="0: never opened"),
        sa.Column("key_fingerprint", sa.Text(), nullable=False),
        sa.Column("sessions_from", sa.DateTime(timezone=True), server_default="epoch", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("result_policy IN ('live', 'hidden', 'published')", name=op.f("ck_contests_result_policy")),
        sa.CheckConstraint("state IN ('open', 'paused', 'closed', 'final')", name=op.f("ck_contests_state")),
        sa.CheckConstraint("opens_at < closes_at", name=op.f("ck_contests_window")),
        sa.CheckConstraint("shards BETWEEN 1 AND 64", name=op.f("ck_contests_shards")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contests")),
        sa.UniqueConstraint("slug", name=op.f("uq_contests_slug")),
    )
    op.create_table(
        "cursors",
        sa.Column("contest_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("log_ms", sa.BigInteger(), nullable=False),
        sa.Column("log_seq", sa.Integer(), nullable=False),
        sa.Column("checksum", sa.LargeBinary(), nullable=False, comment="of the bytes of the event at the cursor"),
        sa.Column("taken", sa.BigInteger(), nullable=False, comment="events taken from this log, `opened` included"),
        sa.Column(
            "conflicts", sa.BigInteger(), server_default="0", nullable=False, comment="votes that were there already"
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "shard", name=op.f("pk_cursors")),
    )
    op.create_table(
        "parked_events",
        sa.Column("contest_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("log_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("change", sa.SmallInteger(), nullable=False, comment="what it did to the box's count of the entry"),
        sa.Column("sqlstate", sa.String(length=5), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contest_id", "shard", "log_ms", "log_seq", name=op.f("pk_parked_events")),
    )
    op.create_table(
        "tallies",
        sa.Column("contest_id", sa.Integer(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("votes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "shard", "entry_id", name=op.f("pk_tallies")),
    )
    op.create_table(
        "votes",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "cast_at", sa.DateTime(timezone=True), nullable=True, comment="the box's TIME; unknown for a recovered vote"
        ),
        sa.Column(
            "log_ms", sa.BigInteger(), nullable=True, comment="log id, in two integers: as text -10 sorts before -9"
        ),
        sa.Column("receipt", sa.BigInteger(), nullable=False, comment="the receipt's 60-bit number"),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("log_seq", sa.Integer(), nullable=True),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("proof", sa.SmallInteger(), nullable=True, comment="how the identity was proven: models.event.Proof"),
        sa.Column(
            "evidence",
            sa.LargeBinary(),
            nullable=True,
            comment="models.event.pack_evidence; erased after the retention period",
        ),
        sa.Column("recovered_at", sa.DateTime(timezone=True), nullable=True, comment="only a ballot proved this vote"),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("decided_ms", sa.BigInteger(), nullable=True, comment="log id of the latest void or restore"),
        sa.Column("decided_seq", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "entry_id", name="uq_votes_account_id_entry_id"),
    )
    op.create_index(op.f("ix_votes_receipt"), "votes", ["receipt"], unique=False)
    op.create_table(
        "blocked_accounts",
        sa.Column("contest_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["contest_id"], ["contests.id"], name=op.f("fk_blocked_accounts_contest_id_contests")),
        sa.PrimaryKeyConstraint("contest_id", "account_id", name=op.f("pk_blocked_accounts")),
    )
    op.create_table(
        "categories",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("contest_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), server_default="", nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["contest_id"], ["contests.id"], name=op.f("fk_categories_contest_id_contests")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_categories")),
        sa.UniqueConstraint("contest_id", "slug", name=op.f("uq_categories_contest_id_slug")),
    )
    op.create_table(
        "epochs",
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contest_id", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["contest_id"], ["contests.id"], name=op.f("fk_epochs_contest_id_contests")),
        sa.PrimaryKeyConstraint("epoch", name=op.f("pk_epochs")),
    )
    op.create_table(
        "entries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("contest_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("author", sa.Text(), server_default="", nullable=False),
        sa.Column("unit", sa.Text(), server_default="", nullable=False),
        sa.Column("summary", sa.Text(), server_default="", nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="published", nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('draft', 'published', 'withdrawn')", name=op.f("ck_entries_state")),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name=op.f("fk_entries_category_id_categories")),
        sa.ForeignKeyConstraint(["contest_id"], ["contests.id"], name=op.f("fk_entries_contest_id_contests")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sa.UniqueConstraint("contest_id", "slug", name=op.f("uq_entries_contest_id_slug")),
    )


def downgrade() -> None:
    op.drop_table("entries")
    op.drop_table("epochs")
    op.drop_table("categories")
    op.drop_table("blocked_accounts")
    op.drop_index(op.f("ix_votes_receipt"), table_name="votes")
    op.drop_table("votes")
    op.drop_table("tallies")
    op.drop_table("parked_events")
    op.drop_table("cursors")
    op.drop_table("contests")
