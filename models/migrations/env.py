"""Alembic's environment: one connection handed over by models/migrate.py, one transaction for all migrations."""

from alembic import context

import models.account_opening
import models.audit
import models.claim
import models.contest
import models.cursor
import models.operator
import models.task
import models.upload
import models.vote  # noqa: F401 - each import adds its tables to the metadata
from models.database import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, compare_server_default=True
)
with context.begin_transaction():
    context.run_migrations()
