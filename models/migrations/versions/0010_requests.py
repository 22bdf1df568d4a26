"""Answers to claims, data subjects' requests, retention"""

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Only days that the Labour Code (Điều 112) surely makes holidays, on working days: a term that ends too early does no
# harm. Admins add the further days that the government announces each year.
_HOLIDAYS = {
    "2026-01-01": "Tết Dương lịch",
    "2026-02-16": "Tết Nguyên đán",
    "2026-02-17": "Tết Nguyên đán",
    "2026-02-18": "Tết Nguyên đán",
    "2026-02-19": "Tết Nguyên đán",
    "2026-02-20": "Tết Nguyên đán",
    "2026-04-27": "Nghỉ bù Giỗ Tổ Hùng Vương",
    "2026-04-30": "Ngày Chiến thắng",
    "2026-05-01": "Ngày Quốc tế lao động",
    "2026-09-02": "Quốc khánh",
    "2027-01-01": "Tết Dương lịch",
    "2027-02-05": "Tết Nguyên đán",
    "2027-02-08": "Tết Nguyên đán",
    "2027-02-09": "Tết Nguyên đán",
    "2027-02-10": "Tết Nguyên đán",
    "2027-04-16": "Giỗ Tổ Hùng Vương",
    "2027-04-30": "Ngày Chiến thắng",
    "2027-05-03": "Nghỉ bù Ngày Quốc tế lao động",
    "2027-09-02": "Quốc khánh",
    "2028-01-03": "Nghỉ bù Tết Dương lịch",
    "2028-01-25": "Tết Nguyên đán",
    "2028-01-26": "Tết Nguyên đán",
    "2028-01-27": "Tết Nguyên đán",
    "2028-01-28": "Tết Nguyên đán",
    "2028-04-04": "Giỗ Tổ Hùng Vương",
    "2028-05-01": "Ngày Quốc tế lao động",
    "2028-05-02": "Nghỉ bù Ngày Chiến thắng",
    "2028-09-04": "Nghỉ bù Quốc khánh",
}


def upgrade() -> None:
    _claims()
    _requests()
    _retention()


def _claims() -> None:
    op.add_column("claims", sa.Column("state", sa.Text(), server_default="open", nullable=False))
    op.add_column(
        "claims",
        sa.Column(
            "version",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="rises with every change by an operator",
        ),
    )
    op.add_column("claims", sa.Column("answered_at", sa.DateTime(timezone=True), comment="the latest answer"))
    op.add_column("claims", sa.Column("erased_at", sa.DateTime(timezone=True), comment="when its words were erased"))
    op.create_check_constraint(op.f("ck_claims_state"), "claims", "state IN ('open', 'answered', 'reopened')")
    op.create_index(op.f("ix_claims_account_id"), "claims", ["account_id"])
    op.create_index(op.f("ix_claims_contest_id_received_at"), "claims", ["contest_id", "received_at"])
    op.create_table(
        "claim_answers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column(
            "sent_to", sa.Text(), nullable=False, comment="the address that it goes to; erased with the claim's contact"
        ),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="erased with the claim's words"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="of the next try",
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column(
            "problem", sa.Text(), server_default="", nullable=False, comment="why it was not sent, without the address"
        ),
        sa.Column("operator_id", sa.Integer()),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("way IN ('email', 'phone')", name=op.f("ck_claim_answers_way")),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed', 'told')", name=op.f("ck_claim_answers_state")),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name=op.f("fk_claim_answers_claim_id_claims")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_answers")),
    )
    op.create_index(op.f("ix_claim_answers_claim_id"), "claim_answers", ["claim_id"])
    op.create_index(
        "ix_claim_answers_due_at", "claim_answers", ["due_at"], postgresql_where=sa.text("state = 'waiting'")
    )


def _requests() -> None:
    op.create_table(
        "data_requests",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("contest_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("found_by", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False, comment="masked identity; erased after the retention period"),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="the first moment that is too late"),
        sa.Column(
            "erased_at",
            sa.DateTime(timezone=True),
            comment="what stood there then has been erased",
        ),
        sa.Column("note", sa.Text(), server_default="", nullable=False, comment="what the person was answered"),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False, comment="rises with every change"),
        sa.Column("operator", sa.Text(), nullable=False, comment="who wrote it down"),
        sa.CheckConstraint("kind IN ('see', 'correct', 'erase', 'withdraw')", name=op.f("ck_data_requests_kind")),
        sa.CheckConstraint("found_by IN ('email', 'sms', 'receipt', 'claim')", name=op.f("ck_data_requests_found_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_requests")),
    )
    op.create_index(op.f("ix_data_requests_account_id"), "data_requests", ["account_id"])
    op.create_index(
        "ix_data_requests_due_at", "data_requests", ["due_at"], postgresql_where=sa.text("answered_at IS NULL")
    )
    days = op.create_table(
        "holidays",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_holidays")),
    )
    rows = [{"day": date.fromisoformat(day), "name": name} for day, name in _HOLIDAYS.items()]
    op.bulk_insert(days, rows)


def _retention() -> None:
    op.create_table(
        "retention_rules",
        sa.Column("contest_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("evidence_days", sa.Integer(), nullable=False, comment="network evidence, after the end of voting"),
        sa.Column(
            "personal_days", sa.Integer(), nullable=False, comment="everything else that is personal, after the same"
        ),
        sa.Column("contact_days", sa.Integer(), nullable=False, comment="contact in a claim, after the answer"),
        sa.Column(
            "early_reason", sa.Text(), server_default="", nullable=False, comment="why not to wait for final results"
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False, comment="rises with every change"),
        sa.CheckConstraint(
            "evidence_days BETWEEN 1 AND 3650 AND personal_days BETWEEN 1 AND 3650 AND contact_days BETWEEN 0 AND 3650",
            name=op.f("ck_retention_rules_days"),
        ),
        sa.ForeignKeyConstraint(["contest_id"], ["contests.id"], name=op.f("fk_retention_rules_contest_id_contests")),
        sa.PrimaryKeyConstraint("contest_id", name=op.f("pk_retention_rules")),
    )
    op.create_table(
        "erasures",
        sa.Column("day", sa.Date(), nullable=False, comment="by the clock of Viet Nam"),
        sa.Column("contest_id", sa.Integer(), autoincrement=False, nullable=False, comment="0: of no contest"),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False, comment="that were erased, by batches that were committed"),
        sa.Column(
            "told", sa.BigInteger(), server_default="0", nullable=False, comment="of these, those in the audit log"
        ),
        sa.PrimaryKeyConstraint("day", "contest_id", "what", name=op.f("pk_erasures")),
    )


def downgrade() -> None:
    op.drop_table("erasures")
    op.drop_table("retention_rules")
    op.drop_table("holidays")
    op.drop_table("data_requests")
    op.drop_table("claim_answers")
    op.drop_index(op.f("ix_claims_contest_id_received_at"), "claims")
    op.drop_index(op.f("ix_claims_account_id"), "claims")
    op.drop_constraint(op.f("ck_claims_state"), "claims")
    for column in ("erased_at", "answered_at", "version", "state"):
        op.drop_column("claims", column)
