"""Signals against the ground truth of truth.py: the scripts are found, the crowds are not. It prints its numbers:

.venv/bin/python -m pytest -q -s tests/workers/test_signals_truth.py
"""

from collections import Counter
from datetime import UTC, datetime

import pytest

from models.database import Engine, transaction, worker_engine
from models.signals.search import Searched, search
from tests.workers.truth import SCRIPTS, SEED, Person, World, begin, honest, scripted, write

NOW = datetime(2026, 1, 20, 5, tzinfo=UTC)
CONTEST = 1
ENTRIES = 40


def made_contest(engine: Engine) -> list[int]:
    """A contest of ENTRIES entries in the ledger alone. Returns their ids."""
    with transaction(engine) as connection:
        run = connection.exec_driver_sql
        run(
            "INSERT INTO contests (id, slug, title, texts, opens_at, closes_at, key_fingerprint)"
            " VALUES (1, 'thu', 'Thử', '{}', '2026-01-01', '2026-02-01', '')"
        )
        run("INSERT INTO categories (id, contest_id, slug, title, position) VALUES (1, 1, 'chung', 'Chung', 1)")
        run(
            "INSERT INTO entries (contest_id, slug, title, category_id, position)"
            f" SELECT 1, 'bai-' || n, 'Bài ' || n, 1, n FROM generate_series(1, {ENTRIES}) n"
        )
        return list(run("SELECT id FROM entries ORDER BY id").scalars())


@pytest.fixture
def engine(database: str) -> Engine:
    return worker_engine(database)


def found(engine: Engine, *, alone: bool = False) -> set[int]:
    with transaction(engine) as connection:
        rows = connection.exec_driver_sql(
            "SELECT account_id FROM cluster_accounts JOIN clusters c ON c.id = cluster_id WHERE c.alone = %s", (alone,)
        )
        return set(rows.scalars())


def report(people: list[Person], accused: set[int], searched: Searched | None) -> Counter[str]:
    wrong: Counter[str] = Counter()
    for kind, number in Counter(person.kind for person in people).items():
        hit = sum(person.account in accused for person in people if person.kind == kind)
        wrong[kind] = hit
        print(f"{kind:10} {number:7,} accounts, {hit:6,} in clusters ({hit / number:.4f})")  # noqa: T201 - asked for
    print(searched)  # noqa: T201
    return wrong


@pytest.mark.parametrize(("people", "scripts", "seed"), [(20_000, 2_000, SEED), (3_000, 900, 1), (6_000, 600, 2)])
def test_scripts_are_found_and_crowds_are_not(engine: Engine, people: int, scripts: int, seed: int) -> None:
    world = World(made_contest(engine), begin(NOW), seed)
    everybody = [*honest(world, people), *scripted(world, scripts)]
    write(engine, CONTEST, everybody)
    searched = search(engine, CONTEST, NOW)
    assert searched is not None
    hits = report(everybody, found(engine), searched)
    numbers = Counter(person.kind for person in everybody)
    assert {kind: hits[kind] / numbers[kind] for kind in SCRIPTS if hits[kind] < 0.9 * numbers[kind]} == {}
    innocent = {kind: number for kind, number in numbers.items() if kind not in SCRIPTS}
    assert sum(innocent.values()) >= people * 0.99
    assert sum(hits[kind] for kind in innocent) <= 0.001 * sum(innocent.values()), hits
    print("weak:", len(found(engine, alone=True)))  # noqa: T201
