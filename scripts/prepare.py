"""`binhchon prepare`: what `up` does before anything is served: migrations, and a contest where there is none."""

from models.contest import all_contests
from models.database import transaction, worker_engine
from models.settings import ROOT, Settings
from scripts import import_contest, migrate

DEMO_CONTEST = ROOT / "contests" / "demo.toml"


def run(settings: Settings) -> int:
    """Migrate; import the demo contest into a ledger without any, but for production.

    Returns the exit code of the step that failed, else 0.
    """
    status = migrate.run(settings)
    if status or settings.environment == "production" or _has_contest(settings):
        return status
    return import_contest.run(settings, DEMO_CONTEST)


def _has_contest(settings: Settings) -> bool:
    engine = worker_engine(settings.database())
    try:
        with transaction(engine) as connection:
            return bool(all_contests(connection))
    finally:
        engine.dispose()
