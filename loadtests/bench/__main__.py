"""`make bench`: what a durable vote costs, beside what it is to be compared with, all in one run on one machine.

512 connections, one uvicorn process a contender, medians of the rounds. Exit status 0 when every acknowledged
vote is in the ledger, 1 when not or when nothing could be measured. Aims that were missed are said, and fail nothing.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from loadtests.bench.generator import BenchError, find_generator
from loadtests.bench.measure import Plan, measure
from loadtests.bench.notes import as_lines, noted
from loadtests.bench.report import summarise
from loadtests.bench.text import as_text


def main() -> int:
    """Measures, prints the table, writes the numbers. Returns the exit status."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))  # so that what was started is stopped
    console = Console(highlight=False, soft_wrap=True, markup=False)
    stored = [arguments.stored, *([10 * arguments.stored] if arguments.full else [])]
    plan = Plan(arguments.rounds, arguments.seconds, arguments.rows, arguments.accounts, stored, arguments.province)
    began = time.monotonic()
    try:
        console.print(f"Load generator: {find_generator()}")
        with tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.folder) as folder:
            measured = measure(Path(folder), plan, console.print)
            summary = summarise(measured, plan, Path(folder)) | noted(measured, plan)
            summary["took_s"] = round(time.monotonic() - began)
    except BenchError as error:
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"bench: {error}")
        return 1
    arguments.out.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    for line in ["", *as_lines(summary), ""]:
        console.print(line)
    console.print(f"{as_text(summary)}\n\n{summary['took_s']} s; all numbers: {arguments.out}")
    for problem in summary["problems"]:
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"bench: VOTES ARE WRONG: {problem}")
    return 1 if summary["problems"] else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench", description="Measures durable votes.")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all contenders (default: 3)")
    parser.add_argument("--seconds", type=int, default=4, help="seconds of each run (default: 4)")
    parser.add_argument("--rows", type=int, default=100_000, help="votes of each flush and COPY (default: 100,000)")
    parser.add_argument("--accounts", type=int, default=250_000, help="tokens to be minted (default: 250,000)")
    parser.add_argument("--stored", type=int, default=1_000_000, help="votes beside which one is measured (1,000,000)")
    parser.add_argument("--full", action="store_true", help="also beside ten times as many")
    parser.add_argument("--province", action="store_true", help="also 1,300,000 votes within 60 s")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="file for the numbers (bench.json)")
    parser.add_argument("--folder", type=Path, help="where the data goes for the run: a disk, not memory")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
