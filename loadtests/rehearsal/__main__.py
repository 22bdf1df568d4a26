"""`make rehearse`: the spike before the campaign, and a verdict.

Exit status 0: go; 1: no-go, or it could not be held.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from loadtests.rehearsal import capacity
from loadtests.rehearsal.limits import Limits
from loadtests.rehearsal.processes import ROOT, RehearsalError
from loadtests.rehearsal.rehearse import Order, new_folder, rehearse
from loadtests.rehearsal.shapes import SHAPES
from loadtests.rehearsal.turnout import Turnout, TurnoutError
from loadtests.rehearsal.verdict import GO, NO_GO, passed


def main() -> int:
    """Returns the exit status."""
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))  # so that what was started is stopped
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    console = Console(highlight=False, soft_wrap=True, markup=False)
    try:
        turnout = Turnout(given.inhabitants, given.reached, given.minutes, given.votes_each, given.shape)
        folder = new_folder(given.folder)
        if given.capacity:
            return _capacity(given, folder, console.print)
        order = Order(turnout, folder, given.url, given.tokens, given.processes)
        checks = rehearse(order, Limits(), console.print)
    except (RehearsalError, TurnoutError) as error:
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"rehearse: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    for check in checks:
        if check.ok is False:
            console.print(f"✗ {check.vi}: {check.seen} (cho phép {check.allowed})\n  {check.en}")
    go = passed(checks)
    console.print(f"\n{GO if go else NO_GO} ({'go' if go else 'no-go'}): {folder / 'report.html'}")
    return 0 if go else 1


def _capacity(given: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> int:
    if given.url:
        raise RehearsalError("--capacity measures this machine, on a stack of its own; run it there")
    say("Starting a stack of its own …")
    found = capacity.as_document(
        capacity.measure(folder, given.step_seconds, say), given.votes_each, given.voters_a_minute
    )
    path = folder / "capacity.json"
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    say("\n".join(["", *found["advice"], f"All numbers: {path}"]))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.rehearsal", description="Rehearses a vote.")
    parser.add_argument("--inhabitants", type=int, default=60_000, help="whom the message reaches (60,000)")
    parser.add_argument("--reached", type=float, default=0.05, help="share of them who come to vote, 0 to 1 (0.05)")
    parser.add_argument("--minutes", type=float, default=2.0, help="within how many minutes they come (2)")
    parser.add_argument("--votes-each", type=float, default=3.0, help="votes of each at an average, 1 to 5 (3)")
    parser.add_argument("--shape", choices=list(SHAPES), default="push", help="how they come (push)")
    parser.add_argument("--url", help="an installation elsewhere, whose contest was made for rehearsal")
    parser.add_argument("--tokens", type=Path, help="with --url: file of `binhchon mint-sessions`")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="of Locust (one for each core)")
    parser.add_argument("--capacity", action="store_true", help="how much this machine carries (needs wrk)")
    parser.add_argument("--voters-a-minute", type=float, help="with --capacity: say what to add for so many")
    parser.add_argument("--step-seconds", type=int, default=4, help="with --capacity: of each step (4)")
    data = Path(os.environ.get("DATA_DIR") or ROOT / ".data").expanduser().absolute()
    parser.add_argument("--folder", type=Path, default=data / "rehearsals", help="where reports are kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
