"""`binhchon import-contest FILE`: create or change a contest from a TOML file."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from models.contest_file import ContestFileError, read_contest_file
from models.contest_import import ImportRefusedError, import_contest
from models.contest_media import take_media
from models.database import transaction, worker_engine
from models.media import MediaFolder
from models.settings import Settings


def run(settings: Settings, file: Path) -> int:
    """Returns 0, or 1 for a file that is not taken; then nothing has changed."""
    stack = settings.require_stack()
    try:
        contest_file = read_contest_file(file, datetime.now(UTC))
        media = take_media(file, contest_file, MediaFolder(stack.media()))
        with transaction(worker_engine(stack.database())) as connection:
            report = import_contest(connection, contest_file, stack.keys().fingerprint(), media)
    except ContestFileError as error:
        print(error, file=sys.stderr)
        return 1
    except ImportRefusedError as error:
        print(f"{file}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{stack.media()}: cannot keep the pictures: {error.strerror}", file=sys.stderr)
        return 1
    what = "created" if report.created else "changed" if report.changed else "unchanged"
    print(
        f"Contest {report.slug} {what}: {report.added} entries added, {report.altered} altered,"
        f" {report.withdrawn} withdrawn"
    )
    if report.created and settings.contest in (None, report.slug):
        print("It is served from now on, in place of any older one; the setting CONTEST names another.")
    return 0
