"""`make rehearse`: the spike before the campaign, and a verdict.

Exit status 0: go; 1: no-go, or it could not be held.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from loadtests.rehearsal import capacity
from loadtests.rehearsal.advice import advice
from loadtests.rehearsal.capacity_report import write_capacity
from loadtests.rehearsal.limits import Limits
from loadtests.rehearsal.processes import ROOT, RehearsalError
from loadtests.rehearsal.rehearse import Order, new_folder, rehearse
from loadtests.rehearsal.shapes import SHAPES
from loadtests.rehearsal.turnout import Turnout, TurnoutError
from loadtests.rehearsal.verdict import GO, NO_GO, passed

Say = Callable[[str], None]

EXAMPLES = """examples:
  make rehearse
      3,000 voters in two minutes after a push message, on a stack of its own; about four minutes in all
  make rehearse ARGS="--inhabitants 300000 --reached 0.05 --minutes 10"
      15,000 voters in ten minutes
  make rehearse URL=https://dien-tap.example.vn TOKENS=tokens ARGS="--inhabitants 300000 --minutes 5"
      an installation elsewhere; its contest must be made for rehearsal, TOKENS come from `binhchon mint-sessions` there
  make rehearse ARGS="--capacity --voters-a-minute 30000"
      how many voters a minute this machine carries, and what to add for 30,000; with URL and TOKENS: that installation

Exit status 0 is go, 1 no-go or not held. Reports: .data/rehearsals/<time>/report.html. More: docs/rehearsal.md
"""


def main() -> int:
    """Returns the exit status."""
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))  # so that what was started is stopped
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    console = Console(highlight=False, soft_wrap=True, markup=False)
    try:
        turnout = Turnout(given.inhabitants, given.reached, given.minutes, given.votes_each, given.shape)
        _must_make_sense(given)
        folder = new_folder(given.folder)
        try:
            return (_capacity if given.capacity else _rehearse)(given, turnout, folder, console.print)
        finally:
            with suppress(OSError):  # of what was refused before it began nothing is kept
                folder.rmdir()
    except (RehearsalError, TurnoutError) as error:
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"rehearse: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _rehearse(given: argparse.Namespace, turnout: Turnout, folder: Path, say: Say) -> int:
    order = Order(turnout, folder, given.url, given.tokens, given.processes)
    checks = rehearse(order, Limits(), say)
    for check in checks:
        if check.ok is False:
            say(f"✗ {check.vi}: {check.seen} (cho phép {check.allowed})\n  {check.en}")
        elif check.ok is None:
            say(f"– {check.vi}: không kiểm tra được\n  {check.en}: not checked")
    go = passed(checks)
    say(f"\n{GO if go else NO_GO} ({'go' if go else 'no-go'}): {folder / 'report.html'}")
    return 0 if go else 1


def _capacity(given: argparse.Namespace, turnout: Turnout, folder: Path, say: Say) -> int:
    began = datetime.now(UTC)
    place = capacity.Place(given.url, given.tokens, given.api_processes, given.cores or given.api_processes)
    found = capacity.measure(place, folder, given.step_seconds, say)
    holds = write_capacity(folder, found, turnout.votes_each, given.voters_a_minute, began)
    say("")
    for vi, en in advice(found, turnout.votes_each, given.voters_a_minute):
        say(f"{vi}\n  {en}")
    if not holds:
        say(f"\n{NO_GO}: the books do not hold what was acknowledged, so these rates mean nothing")
    say(f"\n{folder / 'report.html'}")
    return 0 if holds else 1


def _must_make_sense(given: argparse.Namespace) -> None:
    """Errors: RehearsalError for what does not go together."""
    if given.url and not given.tokens:
        raise RehearsalError(
            "an address needs TOKENS too: `binhchon mint-sessions --count N --out FILE` there makes them,"
            " then make rehearse URL=… TOKENS=FILE"
        )
    if given.tokens and not given.url:
        raise RehearsalError(
            "TOKENS are for an installation elsewhere, and there is no URL: make rehearse URL=https://… TOKENS=FILE."
            " Without both the rehearsal has a stack and tokens of its own"
        )
    if given.tokens and not given.tokens.is_file():
        raise RehearsalError(f"there is no file {given.tokens}")
    if min(given.processes, given.step_seconds, given.api_processes) < 1:
        raise RehearsalError("processes and seconds of a step: from 1")
    if given.voters_a_minute is not None and not given.capacity:
        raise RehearsalError("--voters-a-minute belongs to --capacity; a rehearsal has --inhabitants and --reached")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make rehearse",
        usage='make rehearse [URL=… TOKENS=…] [ARGS="…"]',
        description="Voters come as after a push message, then the books are checked: ĐẠT or KHÔNG ĐẠT (go or no-go).",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    turnout = parser.add_argument_group("what turnout to rehearse")
    turnout.add_argument("--inhabitants", type=int, default=60_000, help="whom the message reaches (60,000)")
    turnout.add_argument("--reached", type=float, default=0.05, help="share of them who come to vote, 0 to 1 (0.05)")
    turnout.add_argument("--minutes", type=float, default=2.0, help="within how many minutes they come (2)")
    turnout.add_argument("--votes-each", type=float, default=3.0, help="votes of each at an average, 1 to 5 (3)")
    turnout.add_argument(
        "--shape",
        choices=list(SHAPES),
        default="push",
        help="how they come: push, all at once with a long tail; news, a plateau; last-hour, most at the end;"
        " soak, the same all the time (push)",
    )
    elsewhere = parser.add_argument_group("an installation elsewhere; without, a stack of its own that goes afterwards")
    elsewhere.add_argument("--url", help="its address (URL=…); its contest must be made for rehearsal")
    elsewhere.add_argument("--tokens", type=Path, help="file of `binhchon mint-sessions` there (TOKENS=…)")
    climb = parser.add_argument_group("how much it carries")
    climb.add_argument("--capacity", action="store_true", help="raise the load step by step to the knee (needs wrk)")
    climb.add_argument("--voters-a-minute", type=float, help="say what to add for so many")
    climb.add_argument("--step-seconds", type=int, default=4, help="of each step (4)")
    climb.add_argument("--api-processes", type=int, default=1, help="with --url: WEB_CONCURRENCY there (1)")
    climb.add_argument("--cores", type=int, help="with --url: cores of its machine (as many as API processes)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="of Locust (one for each core)")
    data = Path(os.environ.get("DATA_DIR") or ROOT / ".data").expanduser().absolute()
    parser.add_argument("--folder", type=Path, default=data / "rehearsals", help="where reports are kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
