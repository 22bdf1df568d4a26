"""Who is measured, and what each is asked for. All are asked by the same generator, one thread and 512 connections."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from loadtests.bench.beside import running_apps, running_job_workers
from loadtests.bench.generator import PLAIN, BenchError, Load, Requests, Votes, run_script, run_votes
from loadtests.bench.jobs import undone
from loadtests.bench.ledger import accounts_of, cast_directly
from loadtests.bench.logins import Logins
from loadtests.bench.stack import Stack, wait_for
from loadtests.bench.tables import count_in, inserted, queued
from models.scratch.connection import scratch_client

VOTES = "durable_votes"
ON_THE_BOX = (VOTES, "durable_votes_asgi", "durable_votes_all_cores")
"""Those whose votes are in one box: no vote of one may be another's."""
EMPTY = ("empty_asgi", "empty_fastapi")
REPEATERS = 5_000
JOBS_S = 300.0  # for the jobs of a run to be done
MOST_S = 3
"""Seconds of a run of jobs: afterwards they must be done, and queueing is faster."""


@dataclass
class Contender:
    """One server and what it is asked for. `prepare` is called before a run of so many seconds."""

    name: str
    ask: Callable[[int], Load]
    prepare: Callable[[int], None] = lambda _seconds: None
    runs: list[Load] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    """For each run, the share of the machine that went to processes that are not the bench's."""
    flushed_after_s: list[float] = field(default_factory=list)
    """For each run, how long after its end the log was empty."""


@dataclass
class Field:
    """All contenders, and what they have sent. `ports`: of those that take votes for the box."""

    contenders: list[Contender]
    ports: list[int]
    votes: Votes
    inserts: Votes
    jobs: Votes
    repeated: int = 0
    """Repeats that were answered."""
    repeats_sent: int = 0
    jobs_per_s: list[float] = field(default_factory=list)
    """Rows that the workers wrote each second, from the first request of a run to its last job."""


@contextmanager
def contenders(folder: Path, stack: Stack, votes: Votes) -> Iterator[Field]:
    """Starts what the stack has not. `votes`: those that the box has not seen. Errors: BenchError."""
    with running_apps(folder, stack) as ports, running_job_workers(folder, stack):
        ports[VOTES] = stack.port
        fresh = {name: Votes(votes.tokens, votes.entries) for name in (*EMPTY, "insert_per_vote", "job_per_vote")}
        found = Field([], [ports[name] for name in ON_THE_BOX], votes, fresh["insert_per_vote"], fresh["job_per_vote"])
        logins = Logins(stack, folder / "bodies")
        found.contenders = [
            *(_voting(name, ports[name], votes) for name in ON_THE_BOX),
            *(_voting(name, ports[name], fresh[name]) for name in (*EMPTY, "insert_per_vote")),
            _voting("insert_per_vote_all_cores", ports["insert_per_vote_all_cores"], fresh["insert_per_vote"]),
            Contender("job_per_vote", lambda seconds: _ask_jobs(stack, ports["job_per_vote"], found, seconds)),
            Contender("repeat_votes", _repeats(folder, stack, found)),
            Contender("empty_asgi_get", lambda seconds: run_script(PLAIN, ports["empty_asgi"], seconds, "/")),
            Contender("page", lambda seconds: run_script(PLAIN, stack.port, seconds, "/")),
            Contender("tallies", lambda seconds: run_script(PLAIN, stack.port, seconds, "/api/tallies")),
            Contender("logins", logins.run, logins.prepare),
        ]
        yield found


def _voting(name: str, port: int, votes: Votes) -> Contender:
    return Contender(name, lambda seconds: votes.run(port, seconds))


def _ask_jobs(stack: Stack, port: int, found: Field, seconds: int) -> Load:
    """A run, and the wait for its jobs."""
    before, began = count_in(stack.engine, queued), monotonic()
    load = found.jobs.run(port, min(seconds, MOST_S))
    client = scratch_client(stack.settings.scratch())
    wait_for(lambda: undone(client) == 0, JOBS_S, "the jobs to be done (or some failed)")
    found.jobs_per_s.append((count_in(stack.engine, queued) - before) / (monotonic() - began))
    return load


def _repeats(folder: Path, stack: Stack, found: Field) -> Callable[[int], Load]:
    """Some thousands of voters who have voted for one entry, and vote for it again and again."""
    file = folder / "repeaters"
    stack.command("mint-sessions", "--count", str(REPEATERS), "--out", str(file))
    entry = stack.entries[0]
    cast_directly(stack, [(account, entry) for account in accounts_of(stack, file)])

    def ask(seconds: int) -> Load:
        load = run_votes(stack.port, seconds, Requests(file, [entry], 0))
        found.repeated += load.requests
        found.repeats_sent += load.made
        return load

    return ask


def check_baselines(stack: Stack, found: Field) -> None:
    """Errors: BenchError when the rows of the baselines are not their votes."""
    for votes, table in ((found.inserts, inserted), (found.jobs, queued)):
        rows = count_in(stack.engine, table)
        if not votes.answered <= rows <= votes.first:
            raise BenchError(f"{table.name}: {votes.answered} votes were answered, {rows} rows are there")
