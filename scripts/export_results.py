"""`binhchon export-results --out FOLDER`: ranking, minutes and, where they are asked for, the votes, as files."""

import sys
from pathlib import Path

from models.audit import Actor, record
from models.contest import Contest
from models.database import Engine, transaction
from models.export_results import FORMATS, exported, rows_of
from models.export_stream import Export
from models.export_votes import votes_query
from models.result import Result, find_result
from models.secrets import KeyRing
from models.settings import Settings
from scripts.contest_parts import contest_parts

ACTOR = Actor("binhchon export-results")


def run(settings: Settings, *, out: Path, votes: bool) -> int:
    """Returns 0, or 1 where the folder cannot be written."""
    with contest_parts(settings) as parts:
        with transaction(parts.engine) as connection:
            result = find_result(connection, parts.contest.id)
            rows = rows_of(connection, parts.contest, result)
            record(connection, ACTOR, "export.results", f"folder:{out}", contest_id=parts.contest.id)
            if votes:
                record(connection, ACTOR, "export.votes", f"folder:{out}", contest_id=parts.contest.id)
        name = f"{'ket-qua' if result else 'tam-tinh'}-{parts.contest.slug}"
        files = {f"{name}.{kind}": exported(kind, parts.contest, rows, result) for kind in FORMATS}
        try:
            out.mkdir(parents=True, exist_ok=True)
            for path, content in (files | _minutes(parts.contest, result)).items():
                (out / path).write_bytes(content)
                print(out / path)
            if votes:
                print(_votes(parts.engine, settings.keys(), parts.contest, out))
        except OSError as error:
            print(f"binhchon: {out}: {error.strerror}", file=sys.stderr)
            return 1
    return 0


def _minutes(contest: Contest, result: Result | None) -> dict[str, bytes]:
    if result is None:
        return {}
    name = f"bien-ban-{contest.slug}"
    return {
        f"{name}.pdf": result.pdf,
        f"{name}.json": result.minutes.encode(),
        f"{name}.json.sig": result.signature,
    }


def _votes(engine: Engine, keys: KeyRing, contest: Contest, out: Path) -> Path:
    """Whole, or not under its name."""
    path, partial = out / f"phieu-{contest.slug}.csv", out / f".phieu-{contest.slug}.csv.part"
    with partial.open("wb") as file, Export(engine, votes_query(keys, contest.id)) as export:
        while chunk := export.read():
            file.write(chunk)
    return partial.replace(path)
