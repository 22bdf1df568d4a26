"""`binhchon migrate`: bring the ledger's tables up to date."""

from models.migrate import migrate
from models.settings import Settings


def run(settings: Settings) -> int:
    migrate(settings.require_stack().database())
    return 0
