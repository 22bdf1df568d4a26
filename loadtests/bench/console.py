"""`python -m loadtests.bench.console`: how old live figures are in a spike, and what consoles cost the intake.

A stack of the bench's own with one API process. First votes at a rate (5,000/s), then all that wrk can send, with and
without consoles that look, in turn. The consoles are raw streams in a process of their own, which asks the box for its
clock whenever figures come: their age is that clock less what `at` says. How old the figures are that stand on a screen
is the age just before the next ones come.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rich.console import Console

from loadtests.bench.generator import CONNECTIONS, SCRIPT, BenchError, Load, find_wrk, run_script
from loadtests.bench.ledger import wait_until_flushed
from loadtests.bench.processor import machine, others_share
from loadtests.bench.stack import Stack, running_stack
from models.database import transaction
from models.operator import Role, operator_named
from models.scratch import operator_sessions
from models.scratch.connection import scratch_client

PACED = Path(__file__).with_name("paced.lua")
ACCOUNTS = 300_000


@dataclass
class Votes:
    """Which votes have been sent: (account, entry) must not come twice. `number`: of the next one."""

    tokens: Path
    number: int = 0


@dataclass
class Seen:
    """What the consoles saw, in ms. `ages`: of figures when they came; `shown`: just before the next ones came."""

    ages: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)


def main() -> int:
    """Measures and prints. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.console", description="Measures the live view.")
    parser.add_argument("--consoles", type=int, default=20, help="streams that are open (default: 20)")
    parser.add_argument("--rate", type=int, default=5_000, help="votes a second of the spike (default: 5,000)")
    parser.add_argument("--rounds", type=int, default=5, help="runs with and without consoles (default: 5)")
    parser.add_argument("--seconds", type=int, default=6, help="seconds of each run (default: 6)")
    arguments = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True, markup=False)
    try:
        find_wrk()
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, running_stack(Path(folder)) as stack:
            before = machine()
            _measure(Path(folder), stack, arguments, console)
            console.print(f"other work took {others_share(before, machine()):.0%} of the machine")
    except BenchError as error:
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"bench: {error}")
        return 1
    return 0


def _measure(folder: Path, stack: Stack, wanted: argparse.Namespace, console: Console) -> None:
    votes = Votes(folder / "tokens")
    stack.command("mint-sessions", "--count", str(ACCOUNTS), "--out", str(votes.tokens))
    token = _viewer(stack)
    _vote(stack, votes, 2)
    with _consoles(stack, token, wanted.consoles) as seen:
        paced = _vote(stack, votes, 2 * wanted.seconds, rate=wanted.rate)
    _tell(console, f"{paced.per_s:,.0f} votes/s (asked for {wanted.rate:,}), {wanted.consoles} consoles", seen)
    rates: dict[bool, list[float]] = {False: [], True: []}
    spike = Seen()
    for number in range(wanted.rounds):
        for watched in (False, True) if number % 2 == 0 else (True, False):
            with _consoles(stack, token, wanted.consoles if watched else 0) as seen:
                rates[watched].append(_vote(stack, votes, wanted.seconds).per_s)
            spike.ages += seen.ages
            spike.shown += seen.shown
            console.print(
                f"round {number + 1}: {wanted.consoles if watched else 0:>3} consoles {rates[watched][-1]:>8,.0f}/s"
            )
    _tell(console, f"all that wrk sends, {wanted.consoles} consoles", spike)
    without, beside = median(rates[False]), median(rates[True])
    console.print(f"intake, median: {without:,.0f}/s without, {beside:,.0f}/s with: {beside / without - 1:+.1%}")


def _tell(console: Console, what: str, seen: Seen) -> None:
    if not seen.ages or not seen.shown:
        raise BenchError("no figures came")
    ages, shown = sorted(seen.ages), sorted(seen.shown)
    console.print(
        f"{what}: {len(ages):,} times figures came; age when they come p50 {_share(ages, 0.5):.0f} ms,"
        f" p99 {_share(ages, 0.99):.0f} ms; on the screen at most p50 {_share(shown, 0.5):.0f} ms,"
        f" p99 {_share(shown, 0.99):.0f} ms, greatest {shown[-1]:.0f} ms"
    )


def _share(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _vote(stack: Stack, votes: Votes, seconds: int, *, rate: int | None = None) -> Load:
    """One run of wrk, after which the log is flushed."""
    words = [str(votes.tokens), str(votes.number), *(str(entry) for entry in stack.entries)]
    if rate is None:
        load = run_script(SCRIPT, stack.port, seconds, *words)
    else:
        load = run_script(PACED, stack.port, seconds, str(rate), str(CONNECTIONS), *words)
    votes.number += load.made
    wait_until_flushed(stack)
    return load


def _viewer(stack: Stack) -> str:
    """The token of an operator's session, made past the login."""
    with transaction(stack.engine) as connection:
        created = connection.exec_driver_sql(
            "INSERT INTO operators (name, role, password_hash) VALUES ('bench', 'viewer', 'no password fits')"
        )
        operator = operator_named(connection, "bench")
    if created.rowcount != 1 or operator is None:
        raise BenchError("the operator cannot be made")
    client = scratch_client(stack.settings.scratch())
    return operator_sessions.begin(
        client, operator, full=True, address="127.0.0.1", agent=f"bench of {Role.VIEWER}", now=time.time()
    )


@contextmanager
def _consoles(stack: Stack, token: str, number: int) -> Iterator[Seen]:
    """So many open streams, each with its first figures; afterwards what they saw."""
    seen = Seen()
    if not number:
        yield seen
        return
    words = [str(stack.port), token, str(number), stack.settings.box()]
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "loadtests.bench.console_streams", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101 - asked for above
        assert process.stdout is not None  # noqa: S101 - the same
        if process.stdout.readline() != "ready\n":
            raise BenchError("the consoles do not open")
        try:
            yield seen
        except BaseException:
            process.kill()
            raise
        process.stdin.close()
        found = json.loads(process.stdout.readline())
    seen.ages, seen.shown = found["ages"], found["shown"]


if __name__ == "__main__":
    sys.exit(main())
