"""`python -m loadtests.bench.corrections`: a void of very many votes, and what voting and the workers feel of it.

Votes are cast straight into the box of a stack of the bench's own and flushed; then a correction about all of them is
proposed, approved and done by the stack's own worker, while wrk votes for another entry. At the end the books are
proven from rows and ballots.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil  # type: ignore[import-untyped]
from rich.console import Console

from loadtests.bench.generator import BenchError, Requests, run_votes
from loadtests.bench.processor import machine, others_share
from loadtests.bench.stack import Stack, running_stack, wait_for
from models import task as tasks
from models.audit import Actor
from models.ballot_box.connection import call
from models.correction import Correction, Proposal, approve, find_correction, give_task, propose
from models.correction_criteria import Criteria
from models.database import transaction
from models.event import Proof, pack_cast
from models.operator import Role
from models.receipt import Receipts
from workers.books import compare

FIRST_ACCOUNT = 2**40
BATCH = 1_000
PATIENCE_S = 1_800.0
BENCH, SECOND = Actor("bench"), Actor("bench, second operator")


@dataclass
class Seen:
    """What a thread beside the measurement saw, once a second."""

    lag_s: float = 0.0
    worker_mb: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)


def main() -> int:
    """Measures and prints. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.corrections", description=__doc__)
    parser.add_argument("--votes", type=int, default=1_000_000, help="votes that are voided (default: 1,000,000)")
    parser.add_argument("--seconds", type=int, default=10, help="seconds of each run of wrk (default: 10)")
    arguments = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True, markup=False)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, running_stack(Path(folder), tasks=True) as stack:
            before = machine()
            _measure(Path(folder), stack, arguments.votes, arguments.seconds, console)
            console.print(f"other work took {others_share(before, machine()):.0%} of the machine")
    except BenchError as error:
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"bench: {error}")
        return 1
    return 0


def _measure(folder: Path, stack: Stack, votes: int, seconds: int, console: Console) -> None:
    _cast(stack, stack.entries[1], 1)  # what matches every vote is refused
    _cast(stack, stack.entries[0], votes)
    wait_for(lambda: _pending(stack) == 0, PATIENCE_S, "the flush of the votes", every=0.5)
    tokens = folder / "tokens"
    stack.command("mint-sessions", "--count", "300000", "--out", str(tokens))
    began = time.monotonic()
    correction = _proposed(stack)
    console.print(f"{votes:,} votes; dry run {time.monotonic() - began:.1f} s")
    first = _vote(stack, tokens, 0, seconds, "nothing", console)
    began = time.monotonic()
    task_id = _approved(stack, correction)
    seen = Seen()
    thread = threading.Thread(target=_look, args=(stack, seen), daemon=True)
    thread.start()
    wait_for(lambda: _task(stack, task_id).done > 0, PATIENCE_S, "the first votes voided", every=0.1)
    _vote(stack, tokens, first, seconds, "a void", console)
    at_work = not _task(stack, task_id).ended
    wait_for(lambda: _task(stack, task_id).ended, PATIENCE_S, "the end of the correction", every=0.5)
    took = time.monotonic() - began
    seen.stopping.set()
    thread.join()
    done = (_task(stack, task_id).result or {}).get("done", 0)
    console.print(f"voided {done:,} in {took:.0f} s; at work until voting ended: {at_work}")
    console.print(f"the worker's memory at most {seen.worker_mb:.0f} MB, the flush's lag at most {seen.lag_s:.1f} s")
    wait_for(lambda: _pending(stack) == 0, PATIENCE_S, "the flush", every=0.5)
    stack.command("reconcile", "--rows")
    console.print("drift 0, by rows and ballots")


def _vote(stack: Stack, tokens: Path, first: int, seconds: int, beside: str, console: Console) -> int:
    """Three runs of wrk. Returns the number of the next vote."""
    loads = []
    for _ in range(3):
        loads.append(run_votes(stack.port, seconds, Requests(tokens, stack.entries[1:], first)))
        first += loads[-1].made
    rate, slowest = median(load.per_s for load in loads), max(load.p99_ms for load in loads)
    console.print(f"beside {beside}: {rate:,.0f} votes/s, p99 at most {slowest:.0f} ms")
    return first


def _cast(stack: Stack, entry: int, votes: int) -> None:
    """That many accounts vote for `entry`, in the box."""
    receipts = Receipts(stack.settings.keys(), stack.contest.id)
    told = (stack.contest.shards, stack.contest.epoch, stack.settings.keys().fingerprint())
    for at in range(0, votes, BATCH):
        args: list[int | bytes] = []
        for account in range(FIRST_ACCOUNT + at, FIRST_ACCOUNT + min(at + BATCH, votes)):
            number = receipts.number(account, entry)
            args += [account, entry, pack_cast(account, entry, number, Proof.EMAIL, b"evidence")]
        call(stack.box, "cast", stack.keys, *told, *args)


def _pending(stack: Stack) -> int:
    return compare(stack.engine, stack.box, stack.contest, most=0).pending


def _proposed(stack: Stack) -> Correction:
    """A void of what `_cast` has cast, counted by the stack's worker."""
    criteria = Criteria(entries=[stack.entries[0]], cast_until=stack.contest.closes_at)
    with transaction(stack.engine) as connection:
        made = Proposal("void", criteria.stored(), "Đo thử: phiếu do phần mềm tự động gửi.")
        correction_id = propose(connection, stack.contest.id, made, BENCH, Role.MODERATOR)
        task_id = tasks.ask(connection, "correction.count", {"correction": correction_id}, BENCH)
        give_task(connection, correction_id, task_id)
    wait_for(lambda: _task(stack, task_id).ended, PATIENCE_S, "the dry run", every=0.1)
    with transaction(stack.engine) as connection:
        found = find_correction(connection, correction_id)
    if found is None or found.state != "proposed":
        raise BenchError(f"the correction was not proposed: {found and found.problem}")
    return found


def _approved(stack: Stack, correction: Correction) -> int:
    with transaction(stack.engine) as connection:
        approve(connection, correction, SECOND, Role.ADMIN)
        task_id = tasks.ask(connection, "correction.run", {"correction": correction.id}, SECOND)
        give_task(connection, correction.id, task_id)
    return task_id


def _task(stack: Stack, task_id: int) -> tasks.Task:
    with transaction(stack.engine) as connection:
        found = tasks.find_task(connection, task_id)
    if found is None:
        raise BenchError("the task is gone")
    return found


def _look(stack: Stack, seen: Seen) -> None:
    workers = [psutil.Process(one["pid"]) for one in json.loads(stack.command("ps", "--json")) if _runs_tasks(one)]
    while not seen.stopping.wait(1.0):
        books = compare(stack.engine, stack.box, stack.contest, most=0)
        seen.lag_s = max(seen.lag_s, books.lag_s)
        sizes = [worker.memory_info().rss / 1e6 for worker in workers]
        seen.worker_mb = max([seen.worker_mb, *sizes])


def _runs_tasks(process: dict[str, int | str]) -> bool:
    return process["role"] == "worker" and "tasks" in psutil.Process(int(process["pid"])).cmdline()


if __name__ == "__main__":
    sys.exit(main())
