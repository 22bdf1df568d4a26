"""`binhchon repair`: bring box and ledger together again, with a progress bar."""

import sys
from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from models.ballot_box.steer import RepairTakenOverError
from models.settings import Settings
from scripts.contest_parts import contest_parts
from workers.books import compare
from workers.repair import RepairRefusedError, repair

STEPS = {
    "shut": "Take the contest away",
    "log": "Log → ledger",
    "ballots": "Ballots beside the ledger",
    "refill": "Ledger → ballots",
    "reopen": "Open again",
}


def run(settings: Settings, *, accept_epoch: bool) -> int:
    """Returns 0, or 1 where the repair was refused or another one took over."""
    with contest_parts(settings) as parts:
        before = compare(parts.engine, parts.box, parts.contest)
        totals = {"log": before.pending or None, "ballots": sum(s.box_votes for s in before.shards) or None}
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            tasks = {step: bar.add_task(text, total=totals.get(step)) for step, text in STEPS.items()}
            done: Counter[str] = Counter()

            def progress(step: str, items: int) -> None:
                done[step] += items
                bar.update(tasks[step], completed=done[step])

            try:
                report = repair(
                    parts.engine,
                    parts.box,
                    parts.contest.id,
                    settings.keys(),
                    accept_epoch=accept_epoch,
                    progress=progress,
                )
            except (RepairRefusedError, RepairTakenOverError) as error:
                print(f"binhchon: {error}", file=sys.stderr)
                return 1
            for step, task in tasks.items():
                bar.update(task, total=done[step], completed=done[step])
    print(
        f"Repaired: {report.poured} events of the log, {report.recovered} votes recovered from ballots,"
        f" {report.voided} voids recovered, {report.refilled} votes put back into ballots"
    )
    return 0
