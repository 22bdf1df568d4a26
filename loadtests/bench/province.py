"""Every adult of a province votes within a minute: `--province`."""

from pathlib import Path
from typing import Any

from loadtests.bench.generator import Votes
from loadtests.bench.latency import LatencyRun, run_open_loop
from loadtests.bench.stack import START_S, Stack

ADULTS = 1_300_000
ARRIVE_S = 59
"""Within which they come: the last ones' answers belong to the minute too."""
ACKNOWLEDGED_S = 60.0
LEDGER_S = 5.0
"""After that minute all are in the ledger."""
_DRAIN_S = 600.0  # until it is given up: a miss is to be told, too
_MINTED_PER_S = 2_000  # tokens, at the very least


def run_province(folder: Path, stack: Stack, adults: int = ADULTS, seconds: int = ARRIVE_S) -> tuple[LatencyRun, Votes]:
    """Each with an account and a token of its own, and one vote. Errors: BenchError."""
    votes = Votes(folder / "adults", stack.entries)
    limit = START_S + adults / _MINTED_PER_S
    stack.command("mint-sessions", "--count", str(adults), "--out", str(votes.tokens), seconds=limit)
    return run_open_loop(stack, votes, adults / seconds, seconds, drain_s=_DRAIN_S), votes


def verdict(run: LatencyRun) -> dict[str, Any]:
    """What became of the votes, and whether both aims were reached. Seconds from the first vote on."""
    seen = run.arrivals
    acknowledged = seen.answered - seen.refused
    return {
        "votes": seen.planned,
        "acknowledged": acknowledged,
        "acknowledged_s": seen.seconds,
        "all_in_ledger_s": run.all_in_ledger_s,
        "reached": acknowledged == seen.planned
        and seen.seconds <= ACKNOWLEDGED_S
        and run.all_in_ledger_s <= ACKNOWLEDGED_S + LEDGER_S,
    }
