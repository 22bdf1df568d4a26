"""One run of the bench, part by part; contenders in turn, the order turned round from one round to the next.

what a vote costs beside many ─▶ the flush and COPY ─▶ all contenders ─▶ the open loop ─▶ the audit
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic

from loadtests.bench.audit import Audit, Sent, audit
from loadtests.bench.contenders import ON_THE_BOX, REPEATERS, VOTES, Contender, Field, check_baselines, contenders
from loadtests.bench.generator import BenchError, Load, Votes
from loadtests.bench.growth import Growth, Level, grow
from loadtests.bench.latency import SHARES, LatencyRun, run_open_loop
from loadtests.bench.ledger import FlushRun, flush_full_log, plain_copy, wait_until_flushed
from loadtests.bench.processor import cpu_seconds, machine, others_share, spent_between
from loadtests.bench.province import ADULTS, run_province
from loadtests.bench.stack import Stack, running_stack
from loadtests.bench.tables import create_tables, fill_copied

WARM_UP_S = 1


@dataclass(frozen=True)
class Plan:
    """How much is measured: rounds, seconds of a run, rows of a flush and of a COPY, accounts that get a token, and the
    numbers of stored votes beside which a vote's cost is measured.
    """

    rounds: int
    seconds: int
    rows: int
    accounts: int
    stored: list[int]
    province: bool = False
    """Whether every adult of a province votes within a minute, too."""


@dataclass(frozen=True)
class Measured:
    """Everything that was seen. `cpu_us`: for each round of votes, role → µs of processor time for each vote."""

    loads: dict[str, list[Load]]
    others: dict[str, list[float]]
    cpu_us: list[dict[str, float]]
    jobs_per_s: list[float]
    flushes: list[FlushRun]
    copies_s: list[float]
    latencies: list[LatencyRun]
    growth: Growth
    audits: list[Audit]
    flushed_after_s: dict[str, list[float]]
    """For each run of those whose votes are in the box: how long after its end the log was empty."""


Say = Callable[[str], None]


def measure(folder: Path, plan: Plan, say: Say) -> Measured:
    """Starts everything in `folder`, measures, counts what is in the ledger, stops everything. Errors: BenchError."""
    say("Starting a stack of its own …")
    with running_stack(folder / "stack") as stack:
        create_tables(stack.engine)
        tokens = folder / "tokens"
        stack.command("mint-sessions", "--count", str(plan.accounts), "--out", str(tokens))
        votes = Votes(tokens, stack.entries)
        growth = grow(folder, Level(0, stack, votes), plan.stored, plan.accounts, plan.rounds, plan.seconds, say)
        say("The flush alone, and COPY …")
        flushes, copies_s = _flush_and_copy(stack, plan)
        with contenders(folder, stack, votes) as found:
            cpu_us = _rounds(stack, found.contenders, plan, say)
            latencies = _latencies(stack, found, plan, say)
            voters = [votes]
            if plan.province:
                say(f"{ADULTS:,} votes within a minute …")
                run, adults = run_province(folder, stack)
                latencies.append(run)
                voters.append(adults)
            check_baselines(stack, found)
            sent = _sent(found, voters, latencies)
            counted = audit(stack, found.ports, sent, cast_directly=plan.rows * plan.rounds + REPEATERS)
    return Measured(
        loads={one.name: one.runs for one in found.contenders},
        others={one.name: one.others for one in found.contenders},
        cpu_us=cpu_us,
        jobs_per_s=found.jobs_per_s[1:],  # the first was the warm-up
        flushes=flushes,
        copies_s=copies_s,
        latencies=latencies,
        growth=growth,
        audits=[counted, *growth.audits],
        flushed_after_s={one.name: one.flushed_after_s for one in found.contenders if one.name in ON_THE_BOX},
    )


def _flush_and_copy(stack: Stack, plan: Plan) -> tuple[list[FlushRun], list[float]]:
    """In turn, into two tables that are as large as each other."""
    fill_copied(stack.engine)
    flushes, copies_s = [], []
    for _ in range(plan.rounds):
        flushes.append(flush_full_log(stack, plan.rows))
        copies_s.append(plain_copy(stack, plan.rows))
    return flushes, copies_s


def _rounds(stack: Stack, found: list[Contender], plan: Plan, say: Say) -> list[dict[str, float]]:
    for contender in found:
        _run(stack, contender, WARM_UP_S)
        contender.runs.clear()
        contender.others.clear()
        contender.flushed_after_s.clear()
    cpu_us = []
    for number in range(plan.rounds):
        for contender in found if number % 2 == 0 else reversed(found):
            before = cpu_seconds(stack.pids)
            load = _run(stack, contender, plan.seconds)
            say(f"round {number + 1}: {contender.name:<24} {load.per_s:>8,.0f}/s")
            if contender.name == VOTES:
                cpu_us.append(spent_between(before, cpu_seconds(stack.pids), load.requests))
    return cpu_us


def _run(stack: Stack, contender: Contender, seconds: int) -> Load:
    """One run; after it the log is flushed, so that no contender pays for another's votes. Errors: BenchError."""
    contender.prepare(seconds)
    before = machine()
    try:
        load = contender.ask(seconds)
    except BenchError as error:
        raise BenchError(f"{contender.name}: {error}") from None
    contender.others.append(others_share(before, machine()))
    contender.runs.append(load)
    ended = monotonic()
    wait_until_flushed(stack)
    contender.flushed_after_s.append(monotonic() - ended)
    return load


def _latencies(stack: Stack, found: Field, plan: Plan, say: Say) -> list[LatencyRun]:
    capacity = median(load.per_s for one in found.contenders if one.name == VOTES for load in one.runs)
    runs = []
    for number in range(plan.rounds):
        for share in SHARES if number % 2 == 0 else reversed(SHARES):
            runs.append(run_open_loop(stack, found.votes, share * capacity, plan.seconds, share))
            p99 = runs[-1].arrivals.p99_ms
            say(f"round {number + 1}: {share:.0%} of capacity, {runs[-1].rate:>8,.0f}/s offered, p99 {p99:,.1f} ms")
    return runs


def _sent(found: Field, voters: list[Votes], latencies: list[LatencyRun]) -> Sent:
    return Sent(
        answered=sum(votes.answered for votes in voters),
        at_most=sum(votes.first for votes in voters),
        repeats_answered=found.repeated,
        repeats_at_most=found.repeats_sent,
        refused=sum(run.arrivals.refused for run in latencies),
    )
