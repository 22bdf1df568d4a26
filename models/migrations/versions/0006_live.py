"""Figures for the live view: votes and logins by minute"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COUNT_VOTES = """
INSERT INTO minute_counts (contest_id, minute, shard, entry_id, proof, votes)
SELECT e.contest_id, date_trunc('minute', v.cast_at, 'UTC'), v.shard, v.entry_id, v.proof, count(*)
FROM votes v JOIN entries e ON e.id = v.entry_id WHERE v.recovered_at IS NULL AND v.cast_at IS NOT NULL
GROUP BY 1, 2, 3, 4, 5
"""
_COUNT_TOTALS = """
INSERT INTO minute_totals (contest_id, minute, shard, proof, votes, voters)
SELECT contest_id, minute, shard, proof, count(*), count(*) FILTER (WHERE first) FROM (
  SELECT e.contest_id, date_trunc('minute', v.cast_at, 'UTC') AS minute, v.shard, v.proof,
    row_number() OVER (PARTITION BY e.contest_id, v.account_id ORDER BY v.cast_at, v.entry_id) = 1 AS first
  FROM votes v JOIN entries e ON e.id = v.entry_id WHERE v.recovered_at IS NULL AND v.cast_at IS NOT NULL) marked
GROUP BY 1, 2, 3, 4
"""
_COUNT_LOGINS = """
INSERT INTO minute_totals (contest_id, minute, shard, proof, logins, accounts)
SELECT contest_id, minute, shard, proof, count(*), count(*) FILTER (WHERE first) FROM (
  SELECT contest_id, date_trunc('minute', opened_at, 'UTC') AS minute, shard, proof,
    row_number() OVER (PARTITION BY contest_id, account_id ORDER BY log_ms, log_seq) = 1 AS first
  FROM account_openings) marked
GROUP BY 1, 2, 3, 4
ON CONFLICT (contest_id, minute, shard, proof) DO UPDATE SET logins = excluded.logins, accounts = excluded.accounts
"""


def upgrade() -> None:
    op.create_table(
        "minute_counts",
        sa.Column("contest_id", sa.Integer(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False, comment="its beginning, UTC"),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column(
            "proof", sa.SmallInteger(), nullable=False, comment="how the identity was proven: models.event.Proof"
        ),
        sa.Column("votes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "minute", "shard", "entry_id", "proof", name="pk_minute_counts"),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "minute_totals",
        sa.Column("contest_id", sa.Integer(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False, comment="its beginning, UTC"),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("proof", sa.SmallInteger(), nullable=False),
        sa.Column("votes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "voters", sa.BigInteger(), server_default="0", nullable=False, comment="accounts whose first vote it was"
        ),
        sa.Column("logins", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "accounts",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="accounts whose first login it was",
        ),
        sa.PrimaryKeyConstraint("contest_id", "minute", "shard", "proof", name="pk_minute_totals"),
        postgresql_with={"fillfactor": 50},
    )
    for statement in (_COUNT_VOTES, _COUNT_TOTALS, _COUNT_LOGINS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("minute_totals")
    op.drop_table("minute_counts")
