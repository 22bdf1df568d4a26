"""What a search for signals costs: time, and memory of its PostgreSQL process and its own.

    .venv/bin/python -m tests.workers.measure_signals --people 500000 --times 1

Made-up voters of truth.py, a tenth of them scripts; `--times 10` copies all of it ten times, as other accounts.
"""

import argparse
import resource
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from models.database import Engine, worker_engine
from models.migrate import migrate
from models.signals.search import Searched, search
from tests.servers import PostgresServer, short_folder
from tests.workers.test_signals_truth import CONTEST, found, made_contest, report
from tests.workers.truth import World, begin, honest, scripted, write

NOW = datetime(2026, 1, 20, 5, tzinfo=UTC)
_COPY = """
INSERT INTO votes (account_id, cast_at, log_ms, receipt, entry_id, log_seq, shard, proof, evidence)
SELECT account_id + {turn} * 10000000000000000, cast_at, log_ms, receipt, entry_id, log_seq, shard, proof, evidence
FROM votes WHERE account_id < 2000000000000000 ORDER BY log_ms
"""
_COPY_OPENINGS = """
INSERT INTO account_openings
SELECT account_id + {turn} * 10000000000000000, opened_at, log_ms, contest_id, log_seq, {turn}, proof, hint, domain,
grams, agreed FROM account_openings WHERE account_id < 2000000000000000
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=500_000)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--window", action="store_true", help="a regular run over the limits' window, not all votes")
    wanted = parser.parse_args()
    folder = short_folder() / "pg"
    folder.mkdir(mode=0o700)
    server = PostgresServer(folder).start()
    try:
        url = server.new_database()
        migrate(url)
        engine = worker_engine(url)
        world = World(made_contest(engine), begin(NOW))
        people = [*honest(world, wanted.people), *scripted(world, wanted.people // 10)]
        write(engine, CONTEST, people)
        for turn in range(1, wanted.times):
            with engine.begin() as connection:
                connection.exec_driver_sql(_COPY.format(turn=turn))
                connection.exec_driver_sql(_COPY_OPENINGS.format(turn=turn))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
        searched = _measure(engine, whole=not wanted.window)
        report(people, found(engine), searched)
    finally:
        server.stop()


def _measure(engine: Engine, *, whole: bool) -> Searched | None:
    began = time.monotonic()

    def step(done: int) -> None:
        print(f"{time.monotonic() - began:8.1f} s  step {done}", flush=True)  # noqa: T201 - what it is for

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with _watching() as peak:
        searched = search(engine, CONTEST, NOW, whole=whole, step=step)
    print(f"PostgreSQL process: {peak['own'] / 1024:.0f} MB of its own at most")  # noqa: T201
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"this process: {grown / 1024:.0f} MB more than before")  # noqa: T201
    return searched


@contextmanager
def _watching():
    """The most that any PostgreSQL process had of its own (RssAnon, KB), looked at ten times a second."""
    peak, over = {"own": 0}, threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            for status in Path("/proc").glob("[0-9]*/status"):
                try:
                    lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
                except OSError:
                    continue
                if lines.get("Name") == "postgres":
                    peak["own"] = max(peak["own"], int(lines.get("RssAnon", "0 kB").split()[0]))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    main()
