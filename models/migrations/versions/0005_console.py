"""Operators, audit log, tasks, uploads; drafts and switches of contests, versions of entries"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NEVER_CHANGED = """
CREATE FUNCTION audit_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is never changed' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION audit_never_changes();
"""


def upgrade() -> None:
    op.create_table(
        "operators",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="what is typed at login, in small letters"),
        sa.Column("full_name", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default="vi", nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False, comment="argon2id"),
        sa.Column(
            "password_is_new",
            sa.Boolean(),
            server_default="true",
            nullable=False,
            comment="given by another: to be changed",
        ),
        sa.Column(
            "totp_secret",
            sa.LargeBinary(),
            nullable=True,
            comment="encrypted by a key derived from the identity key; none: not set up",
        ),
        sa.Column(
            "totp_step",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="latest used: each code counts once",
        ),
        sa.Column(
            "recovery_codes",
            ARRAY(sa.Text()),
            server_default="{}",
            nullable=False,
            comment="keyed digests of the unused",
        ),
        sa.Column(
            "openid", sa.Text(), nullable=True, comment="keyed digest of issuer and subject, where one is linked"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("logged_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'moderator', 'admin')", name=op.f("ck_operators_role")),
        sa.CheckConstraint("name = lower(name) AND name <> ''", name=op.f("ck_operators_name")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operators")),
        sa.UniqueConstraint("name", name=op.f("uq_operators_name")),
        sa.UniqueConstraint("openid", name=op.f("uq_operators_openid")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=True, comment="none: a command or the system itself"),
        sa.Column("operator", sa.Text(), nullable=False, comment="the name as it was then"),
        sa.Column("address", sa.Text(), server_default="", nullable=False, comment="where the operator came from"),
        sa.Column("contest_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False, comment="such as entry.publish"),
        sa.Column(
            "subject", sa.Text(), server_default="", nullable=False, comment="what it was done to, such as entry:12"
        ),
        sa.Column("before", JSONB(), nullable=True),
        sa.Column("after", JSONB(), nullable=True),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    op.execute(_NEVER_CHANGED)
    op.create_table(
        "tasks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("contest_id", sa.Integer(), nullable=True, comment="none: it concerns no one contest"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", JSONB(), server_default="{}", nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True, comment="none: not known yet"),
        sa.Column("result", JSONB(), nullable=True),
        sa.Column("problem", sa.Text(), server_default="", nullable=False, comment="why it failed, for people"),
        sa.Column("cancel_asked", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=True),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True, comment="of the worker that has it"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("runs", sa.Integer(), server_default="0", nullable=False, comment="how often a worker took it"),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_tasks_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="as the operator's machine called it"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.add_column(
        "contests",
        sa.Column(
            "draft", sa.Boolean(), server_default="false", nullable=False, comment="being prepared: not in the box"
        ),
    )
    op.add_column(
        "contests",
        sa.Column(
            "switches",
            sa.Text(),
            server_default="{}",
            nullable=False,
            comment="JSON: models.contest_switches.Switches",
        ),
    )
    op.add_column(
        "entries",
        sa.Column(
            "version",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="rises with every change of the entry",
        ),
    )


def downgrade() -> None:
    op.drop_column("entries", "version")
    op.drop_column("contests", "switches")
    op.drop_column("contests", "draft")
    op.drop_table("uploads")
    op.drop_table("tasks")
    op.drop_table("audit")
    op.execute("DROP FUNCTION audit_never_changes()")
    op.drop_table("operators")
