"""`binhchon prepare`: what `up` does before anything is served: migrations, a contest where there is none, and every
contest open in the box. A box that is away holds nothing up: workers open what is missing when it is back.
"""

import sys
from contextlib import closing

from models.ballot_box.connection import BoxAway, BoxFull, BoxRefused, box_client
from models.ballot_box.steer import RepairTakenOverError
from models.contest import Contest, all_contests
from models.database import transaction, worker_engine
from models.decisions import bring
from models.settings import ROOT, Settings
from scripts import import_contest, migrate
from workers.repair import RepairRefusedError, repair

DEMO_CONTEST = ROOT / "contests" / "demo.toml"


def run(settings: Settings) -> int:
    """Migrate; import the demo contest into a ledger without any, but for production; open what the box lacks.

    Returns the exit code of the step that failed, else 0.
    """
    status = migrate.run(settings)
    if not status and settings.environment != "production" and not _contests(settings):
        status = import_contest.run(settings, DEMO_CONTEST)
    if not status:
        for contest in _contests(settings):
            if not contest.draft and contest.state != "final":
                _open(settings, contest)
    return status


def _contests(settings: Settings) -> list[Contest]:
    with transaction(worker_engine(settings.database())) as connection:
        return all_contests(connection)


def _open(settings: Settings, contest: Contest) -> None:
    engine = worker_engine(settings.database())
    with closing(box_client(settings.box(), timeout=10.0)) as box:
        try:
            if not bring(engine, box, contest):
                repair(engine, box, contest.id, settings.keys(), unless_open=True)
        except (BoxAway, BoxFull, BoxRefused, RepairRefusedError, RepairTakenOverError) as error:
            print(f"binhchon: {contest.slug} is not open in the box yet: {error}", file=sys.stderr)
