"""Alembic's environment: one connection handed over by models/migrate.py, one transaction for all migrations."""

from alembic import context

import models.account_opening
import models.audit
import models.claim
import models.claim_answer
import models.cluster
import models.contest
import models.correction
import models.correction_votes
import models.cursor
import models.data_request
import models.limits
import models.minute_count
import models.operator
import models.result
import models.retention
import models.signal_lists
import models.signal_run
import models.tally
import models.task
import models.upload
import models.vote
import models.working_days  # noqa: F401 - each import adds its tables to the metadata
from models.database import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, compare_server_default=True
)
with context.begin_transaction():
    context.run_migrations()
