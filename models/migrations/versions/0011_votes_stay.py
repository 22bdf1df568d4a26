"""Votes stay: nobody deletes one, and of one that stands only what a void, a restore or the erasing needs is changed"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# By statement, and by the columns that a statement names: nothing is asked for each row of a void of a million votes,
# and nothing at all of COPY and INSERT. A column that comes later belongs into the list, or among those that a void
# changes (tests/models/test_votes_stay.py).
_VOTES_STAY = """
CREATE FUNCTION votes_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a vote stays what it was: it is voided, and never changed or deleted'
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER votes_stay BEFORE DELETE OR TRUNCATE ON votes
  FOR EACH STATEMENT EXECUTE FUNCTION votes_stay();
CREATE TRIGGER votes_stay_as_cast BEFORE UPDATE OF
    account_id, cast_at, log_ms, receipt, entry_id, log_seq, shard, proof, recovered_at ON votes
  FOR EACH STATEMENT EXECUTE FUNCTION votes_stay();
CREATE TRIGGER votes_evidence_is_only_erased BEFORE UPDATE OF evidence ON votes
  FOR EACH ROW WHEN (NEW.evidence IS NOT NULL AND NEW.evidence IS DISTINCT FROM OLD.evidence)
  EXECUTE FUNCTION votes_stay();
"""


def upgrade() -> None:
    op.execute(_VOTES_STAY)


def downgrade() -> None:
    op.execute("DROP TRIGGER votes_evidence_is_only_erased ON votes")
    op.execute("DROP TRIGGER votes_stay_as_cast ON votes")
    op.execute("DROP TRIGGER votes_stay ON votes")
    op.execute("DROP FUNCTION votes_stay")
