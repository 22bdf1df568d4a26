"""A rehearsal from its beginning to its report."""

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from loadtests.bench import processor
from loadtests.rehearsal import plan as plans
from loadtests.rehearsal.board import shared_board
from loadtests.rehearsal.books import check_books, settled_tallies
from loadtests.rehearsal.check import Check, Seen
from loadtests.rehearsal.counts import merged
from loadtests.rehearsal.generators import running_generators
from loadtests.rehearsal.journal import Seconds
from loadtests.rehearsal.limits import Limits
from loadtests.rehearsal.notes import held, notes
from loadtests.rehearsal.processes import RehearsalError
from loadtests.rehearsal.report import write_report
from loadtests.rehearsal.series import charts
from loadtests.rehearsal.stack import Stack, running_stack
from loadtests.rehearsal.target import Target, find_target
from loadtests.rehearsal.turnout import ARRIVING, BOT, Profile, Turnout, profile
from loadtests.rehearsal.verdict import judge
from loadtests.rehearsal.watching import watch

OUTBOX = "/demo/hop-thu"


@dataclass(frozen=True)
class Order:
    """What is rehearsed. `url` and `tokens`: an installation elsewhere, None for a stack of our own; `workers`: of
    Locust.
    """

    turnout: Turnout
    folder: Path
    url: str | None
    tokens: Path | None
    workers: int


def rehearse(order: Order, limits: Limits, say: Callable[[str], None]) -> list[Check]:
    """Holds the rehearsal and writes its report into the folder. Errors: RehearsalError."""
    with _target(order, say) as (target, stack):
        load = profile(order.turnout, first_view=1 + len(target.assets), logins=stack is not None)
        tokens = _tokens(order, load, stack)
        plan = _plan(order, load, target, tokens)
        plans.write(plan, order.folder / plans.PLAN)
        before = settled_tallies(target)
        if before is None:
            raise RehearsalError(f"{target.address} does not tell its counts (/api/tallies)")
        say(described(order.turnout, load))
        began = datetime.now(UTC)
        with (
            shared_board(order.folder / plans.BOARD) as board,
            running_generators(order.folder, plan, board, order.workers) as generators,
        ):
            say(f"Locust's page: {generators.page}")
            quiet = processor.machine()
            samples = watch(target, order.folder, plan, board, generators, say)
            others = processor.others_share(quiet, processor.machine())
        say("Waiting until every vote is in the ledger, then checking the books …")
        books = check_books(target, order.folder, tokens, before, stack)
        restarts = stack.restarts() if stack else None
    seconds = Seconds(order.folder).read()
    seen = Seen(merged(seconds.values()), samples, books, load.people, restarts, others)
    checks = judge(seen, limits)
    facts = {
        "turnout": asdict(order.turnout),
        "profile": _shown(load),
        "books": asdict(books) | {"counted": books.counted},
        "limits": asdict(limits),
        "machine": machine(order, began) | {"others_share": round(others, 2)},
        "counted": dict(sorted(_told(seen).items())),
    }
    told = [held(order.turnout, load, began, order.url), *notes(seen, elsewhere=order.url is not None)]
    write_report(order.folder, checks, facts, told, charts(seconds, samples))
    return checks


@contextmanager
def _target(order: Order, say: Callable[[str], None]) -> Iterator[tuple[Target, Stack | None]]:
    if order.url:
        yield find_target(order.url), None
        return
    say("Starting a stack of its own …")
    try:
        with running_stack(order.folder) as stack:
            yield find_target(stack.address), stack
            say("Stopping the stack …")
    finally:
        (order.folder / plans.TOKENS).unlink(missing_ok=True)  # of a stack that is gone


def _tokens(order: Order, load: Profile, stack: Stack | None) -> Path:
    """The file of tokens, with enough in it. Errors: RehearsalError."""
    if stack:
        path = order.folder / plans.TOKENS
        stack.command("mint-sessions", "--count", str(load.tokens), "--out", str(path))
        return path
    if order.tokens is None:
        raise RehearsalError("tokens are needed: `binhchon mint-sessions` there makes them")
    try:
        lines = order.tokens.read_bytes().split(b"\n")
    except OSError as error:
        raise RehearsalError(f"cannot read {order.tokens}: {error.strerror}") from None
    lines = lines[:-1] if not lines[-1] else lines
    if len(lines) < load.tokens:
        raise RehearsalError(
            f"{order.tokens} has {len(lines):,} tokens, this turnout needs {load.tokens:,}:"
            f" binhchon mint-sessions --count {load.tokens} --out FILE"
        )
    if len({len(one) for one in lines}) != 1 or any(one.endswith(b"\r") for one in lines):
        raise RehearsalError(f"{order.tokens} is no file of tokens, all of one length, one a line")
    return order.tokens.absolute()


def _plan(order: Order, load: Profile, target: Target, tokens: Path) -> plans.Plan:
    first, next_token = {}, 0
    for kind in (*ARRIVING, BOT):
        first[kind] = next_token
        next_token += load.people[kind]
    return plans.Plan(
        address=target.address,
        folder=str(order.folder),
        tokens=str(tokens),
        entries=target.entries,
        assets=target.assets,
        shape=load.shape,
        people=load.people,
        slots=load.slots,
        first_token=first,
        votes_each=order.turnout.votes_each,
        logins=load.logins,
        outbox=OUTBOX,
    )


def described(turnout: Turnout, load: Profile) -> str:
    """The load in a sentence for people."""
    return (
        f"{load.voters:,} voters in {turnout.minutes:g} min ({turnout.shape}), about {load.votes:,} votes and"
        f" {load.requests:,} requests; at the peak {load.peak_arrivals_per_s:,.0f} people,"
        f" {load.peak_votes_per_s:,.0f} votes and {load.peak_requests_per_s:,.0f} requests a second"
    )


def _shown(load: Profile) -> dict[str, Any]:
    values = asdict(load)
    del values["shape"]
    return {name: round(value, 1) if isinstance(value, float) else value for name, value in values.items()}


def _told(seen: Seen) -> dict[str, int]:
    """What was counted, times aside: they stand in the charts."""
    return {name: n for name, n in seen.counts.items() if not name.startswith(("ms.", "wait.", "late."))}


def machine(order: Order, began: datetime) -> dict[str, Any]:
    """The machine that the load came from, and that carried it where the stack is our own."""
    return {
        "began": began.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "target": order.url or "a stack of its own on this machine",
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3, 1),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "system": platform.platform(),
        "python": platform.python_version(),
        "locust_processes": order.workers,
    }


def new_folder(parent: Path) -> Path:
    """A new folder, named by the time. Errors: RehearsalError."""
    name = time.strftime("%Y-%m-%dT%H-%M-%S")
    for number in range(1, 100):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise RehearsalError(f"cannot write to {parent}: {error.strerror}") from None
        return folder
    raise RehearsalError(f"there is no free name in {parent}")
