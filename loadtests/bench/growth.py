"""What a vote costs beside no votes and beside very many: two stacks (or three), asked in turn; and what a vote weighs.

Votes are stored as they come in life, five of each account: cast straight into the box, and flushed.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.bench.audit import Audit, Sent, audit
from loadtests.bench.generator import Load, Votes
from loadtests.bench.ledger import cast_directly, wait_until_flushed
from loadtests.bench.login_weights import LoginWeight, aof_bytes, weigh_logins
from loadtests.bench.processor import cpu_seconds, spent_between
from loadtests.bench.stack import Stack, running_stack
from loadtests.bench.tables import checkpoint, ledger_bytes, vacuum, wal_bytes

VOTES_EACH = 5
_FIRST = 5_000  # votes
_AOF = 100_000  # votes that the box's file is weighed with: so many lead to no rewrite
_ROWS_A_SECOND = 10_000  # of a flush, at the very least
_LAST = 40  # one in so many of the stored votes comes after a checkpoint: five for each page of an index


@dataclass(frozen=True)
class Weight:
    """Bytes. `account`: of an account with five votes in the box, the log aside; `box`, `log`, `ledger`, `wal`: of a
    vote in the box with its event, of the event alone, in the ledger with its indexes, and in PostgreSQL's log; `aof`:
    of a vote in the box's append-only file, many votes a call.
    """

    account: float
    box: float
    log: float
    aof: float
    ledger: float
    wal: float


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint of PostgreSQL takes after very many votes. `own_s`: seconds of processor time, of itself;
    `next_us`: of PostgreSQL for each of the next `votes`, in µs: it writes a page whole into its log when that is
    changed for the first time after a checkpoint, and new votes lie anywhere in their indexes.
    """

    own_s: float
    votes: int
    next_us: float


@dataclass
class Level:
    """A stack with so many votes in it when measuring begins. `cpu_us`: as `Measured.cpu_us`."""

    stored: int
    stack: Stack
    votes: Votes
    checkpoint: Checkpoint | None = None
    loads: list[Load] = field(default_factory=list)
    cpu_us: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Growth:
    """What was seen; `audits`: of the stacks that this began."""

    levels: list[Level]
    weights: list[Weight]
    logins: list[LoginWeight]
    audits: list[Audit]


def grow(
    folder: Path, empty: Level, stored: list[int], accounts: int, rounds: int, seconds: int, say: Callable[[str], None]
) -> Growth:
    """Measures `empty` and stacks of its own that hold so many votes each. Errors: BenchError."""
    levels, weights, logins = [empty], [], []
    with ExitStack() as cleanup:
        for number in stored:
            say(f"Storing {number:,} votes in another stack …")
            stack = cleanup.enter_context(running_stack(folder / f"with-{number}"))
            tokens = folder / f"tokens-{number}"
            stack.command("mint-sessions", "--count", str(accounts), "--out", str(tokens))
            last = number // _LAST // VOTES_EACH * VOTES_EACH
            weights.append(_store(stack, number - last))
            logins.append(weigh_logins(stack, folder))
            vacuum(stack.engine)  # else it would be done a minute later, and the votes of then would pay for it
            levels.append(Level(number, stack, Votes(tokens, stack.entries), _settle(stack, last)))
        for number in range(rounds + 1):
            for level in levels if number % 2 == 0 else reversed(levels):
                _measure(level, seconds if number else 1)
                if not number:
                    level.loads.clear()
                    level.cpu_us.clear()
                else:
                    say(f"round {number}: beside {level.stored:>10,} votes {level.loads[-1].per_s:>8,.0f}/s")
        audits = [
            audit(
                level.stack,
                [level.stack.port],
                Sent(level.votes.answered, level.votes.first),
                cast_directly=level.stored,
            )
            for level in levels[1:]
        ]
    return Growth(levels, weights, logins, audits)


def _measure(level: Level, seconds: int) -> None:
    before = cpu_seconds(level.stack.pids)
    level.loads.append(level.votes.run(level.stack.port, seconds))
    wait_until_flushed(level.stack)
    level.cpu_us.append(spent_between(before, cpu_seconds(level.stack.pids), level.loads[-1].requests))


def _store(stack: Stack, number: int) -> Weight:
    """Stores `number` votes. Returns what each of them weighs, but for the first, which bring what is there once."""
    first = min(_FIRST, number // 2)
    cast_directly(stack, _pairs(stack.entries[:VOTES_EACH], first))
    wait_until_flushed(stack)
    return _weigh(stack, number - first)


def _settle(stack: Stack, number: int) -> Checkpoint:
    """Makes a checkpoint, then stores `number` votes, which pay for what follows it. So the votes that are measured
    do not pay for the fill: no others come by the million between two checkpoints.
    """
    before = cpu_seconds(stack.pids)["postgres"]
    checkpoint(stack)
    between = cpu_seconds(stack.pids)["postgres"]
    cast_directly(stack, _pairs(stack.entries[:VOTES_EACH], number))
    wait_until_flushed(stack)
    after = cpu_seconds(stack.pids)["postgres"]
    return Checkpoint(between - before, number, (after - between) / number * 1e6)


def _weigh(stack: Stack, number: int) -> Weight:
    """Stores `number` votes. Returns what each weighs."""
    memory, log = _box_memory(stack)
    events = stack.box.xlen(stack.keys.log)
    ledger, wal = ledger_bytes(stack.engine), wal_bytes(stack.engine)
    part, aof = min(_AOF, number // 2 // VOTES_EACH * VOTES_EACH), aof_bytes(stack.box)
    cast_directly(stack, _pairs(stack.entries[:VOTES_EACH], part))
    aof = aof_bytes(stack.box) - aof
    cast_directly(stack, _pairs(stack.entries[:VOTES_EACH], number - part))
    wait_until_flushed(stack, 60 + number / _ROWS_A_SECOND)
    new_memory, new_log = _box_memory(stack)
    events = stack.box.xlen(stack.keys.log) - events
    ballots = new_memory - memory - (new_log - log)
    return Weight(
        account=ballots / (number / VOTES_EACH),
        box=ballots / number + (new_log - log) / events,
        log=(new_log - log) / events,
        aof=aof / part,
        ledger=(ledger_bytes(stack.engine) - ledger) / number,
        wal=(wal_bytes(stack.engine) - wal) / number,
    )


def _pairs(entries: list[int], number: int) -> Iterator[tuple[int, int]]:
    """Each account for one entry after the other."""
    for _ in range(number // len(entries)):
        account = secrets.randbits(63)
        yield from ((account, entry) for entry in entries)


def _box_memory(stack: Stack) -> tuple[int, int]:
    """Bytes that the box has taken, without what its clients and its file need for the moment; and those of the log."""
    info = stack.box.info("memory")
    passing = info["mem_clients_normal"] + info["mem_aof_buffer"]
    return info["used_memory"] - passing, stack.box.memory_usage(stack.keys.log, samples=0) or 0
