"""The rounds: every contender in turn, the order turned round from one round to the next."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.bench.generator import CONNECTIONS, BenchError, Load, Requests, run_wrk
from loadtests.bench.ledger import Audit, FlushRun, audit, flush_full_log, plain_copy, wait_until_flushed
from loadtests.bench.processor import cpu_seconds, machine, others_share, spent_between
from loadtests.bench.stack import Stack, running_apps, running_stack
from loadtests.bench.tables import count_inserted, create_tables

VOTES = "durable_votes"
CONTENDERS = ("empty_asgi", VOTES, "empty_fastapi", "insert_per_vote")
WARM_UP_S = 1


@dataclass(frozen=True)
class Plan:
    """How much is measured: rounds, seconds of a run, rows of a flush and of a COPY, accounts that get a token."""

    rounds: int
    seconds: int
    rows: int
    accounts: int


@dataclass
class Contender:
    """One server under load, and how many votes it was sent."""

    name: str
    port: int
    runs: list[Load] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    """For each run, the share of the machine that went to processes that are not the bench's."""
    answered: int = 0
    sent_at_most: int = 0


@dataclass(frozen=True)
class Measured:
    """Everything that was seen. `cpu_us`: for each round of votes, role → µs of processor time for each vote."""

    loads: dict[str, list[Load]]
    others: dict[str, list[float]]
    cpu_us: list[dict[str, float]]
    flushes: list[FlushRun]
    copies_s: list[float]
    audit: Audit


def measure(folder: Path, plan: Plan, say: Callable[[str], None]) -> Measured:
    """Starts everything in `folder`, measures, counts what is in the ledger, stops everything. Errors: BenchError."""
    say("Starting a stack of its own …")
    with running_stack(folder) as stack:
        create_tables(stack.engine)
        tokens = folder / "tokens"
        stack.command("mint-sessions", "--count", str(plan.accounts), "--out", str(tokens))
        with _contenders(folder, stack) as contenders:
            cpu_us = _rounds(stack, contenders, tokens, plan, say)
        say("The flush alone, and COPY …")
        flushes = [flush_full_log(stack, plan.rows) for _ in range(plan.rounds)]
        copies_s = [plain_copy(stack, plan.rows) for _ in range(plan.rounds)]
        votes, inserts = (next(c for c in contenders if c.name == name) for name in (VOTES, "insert_per_vote"))
        _check_inserted(stack, inserts)
        counted = audit(
            stack,
            seen_by_wrk=votes.answered,
            unseen_at_most=votes.sent_at_most - votes.answered,
            cast_directly=plan.rows * plan.rounds,
        )
    loads, others = {c.name: c.runs for c in contenders}, {c.name: c.others for c in contenders}
    return Measured(loads, others, cpu_us, flushes, copies_s, counted)


@contextmanager
def _contenders(folder: Path, stack: Stack) -> Iterator[list[Contender]]:
    with running_apps(folder, stack, [name for name in CONTENDERS if name != VOTES]) as ports:
        ports[VOTES] = stack.port
        yield [Contender(name, ports[name]) for name in CONTENDERS]


def _rounds(
    stack: Stack, contenders: list[Contender], tokens: Path, plan: Plan, say: Callable[[str], None]
) -> list[dict[str, float]]:
    for contender in contenders:
        _load(stack, contender, tokens, WARM_UP_S)
        contender.runs.clear()
        contender.others.clear()
    cpu_us = []
    for number in range(plan.rounds):
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            before = cpu_seconds(stack.pids)
            load = _load(stack, contender, tokens, plan.seconds)
            say(f"round {number + 1}: {contender.name:<16} {load.per_s:>8,.0f}/s")
            if contender.name == VOTES:
                cpu_us.append(spent_between(before, cpu_seconds(stack.pids), load.requests))
    return cpu_us


def _load(stack: Stack, contender: Contender, tokens: Path, seconds: int) -> Load:
    """One run of wrk; after it the log is flushed, so that no contender pays for another's votes."""
    before = machine()
    load = run_wrk(contender.port, seconds, Requests(tokens, stack.entries, contender.sent_at_most))
    contender.others.append(others_share(before, machine()))
    contender.runs.append(load)
    contender.answered += load.requests
    contender.sent_at_most += load.requests + CONNECTIONS + 1  # wrk asks its script for one request more, to look at it
    wait_until_flushed(stack)
    return load


def _check_inserted(stack: Stack, inserts: Contender) -> None:
    rows = count_inserted(stack.engine)
    if not inserts.answered <= rows <= inserts.sent_at_most:
        raise BenchError(f"the INSERT of each vote answered {inserts.answered} times and left {rows} rows")
