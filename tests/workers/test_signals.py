"""The search for signals as a whole: clusters that keep their ids, row by row of the crash table in workers/signals.py,
and what it tells others.
"""

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from models import signal_lists
from models import task as tasks
from models.audit import Actor
from models.cluster import Cluster, clusters_of, decide, fraud_index, waiting, weights
from models.database import Engine, LedgerAway, transaction, worker_engine
from models.erasing import erase_clusters
from models.scratch.connection import ScratchAway, scratch_client
from models.settings import Settings
from models.signal_run import SignalRun, hold, latest_run, make_row
from models.signals import search as search_module
from models.signals.search import search
from models.task import Task
from tests.workers.test_signals_truth import CONTEST, NOW, made_contest
from tests.workers.truth import Person, World, begin, honest, scripted, write
from workers.signals import EVERY, find_signals, find_signals_task
from workers.tasks import run_task
from workers.work import TaskFailedError

SCRIPTED = 300
LAN = Actor("lan", 1)


@pytest.fixture
def engine(database: str) -> Engine:
    return worker_engine(database)


@pytest.fixture
def world(engine: Engine) -> World:
    """3,000 people; scripts come with the test."""
    made = World(made_contest(engine), begin(NOW))
    write(engine, CONTEST, list(honest(made, 3_000)))
    return made


def some(world: World, number: int = SCRIPTED, kind: str = "sequence") -> list[Person]:
    return [person for person in scripted(world, 3 * number) if person.kind == kind]


def clusters(engine: Engine) -> list[Cluster]:
    with transaction(engine) as connection:
        return clusters_of(connection, CONTEST)


def run_of(engine: Engine) -> SignalRun | None:
    with transaction(engine) as connection:
        return latest_run(connection, CONTEST)


def never() -> bool:
    return False


def test_a_run_says_what_it_found_and_shows_it(engine: Engine, world: World) -> None:
    people = some(world)
    write(engine, CONTEST, people)
    found = search(engine, CONTEST, NOW)
    assert found is not None
    (cluster,) = clusters(engine)
    assert (cluster.accounts, cluster.counted, cluster.state, cluster.alone) == (SCRIPTED, SCRIPTED, "new", False)
    assert {"device", "names"} <= set(cluster.signals)
    with transaction(engine) as connection:
        accounts = connection.exec_driver_sql("SELECT account_id FROM cluster_accounts ORDER BY 1").scalars().all()
    assert accounts == sorted(person.account for person in people)
    numbers, traces = cluster.numbers, cluster.traces
    assert traces is not None
    assert numbers["devices"] == 1
    assert sum(numbers["series"]["votes"]) == SCRIPTED
    assert sum(numbers["series"]["entry"]) > SCRIPTED
    assert traces["hints"][0] == "t•••@hopthu.example"
    assert traces["domains"] == [["hopthu.example", SCRIPTED]]
    assert all(network.endswith("/24") for network, _ in traces["networks"])
    assert not any(person.address in str(traces) for person in people), "no address stands in it"
    run = run_of(engine)
    assert run is not None
    assert (run.runs, run.votes, run.clusters) == (1, found.votes, 1)


def test_the_same_again_changes_nothing_and_more_makes_it_grow(engine: Engine, world: World) -> None:
    people = some(world)
    write(engine, CONTEST, people[:200])
    search(engine, CONTEST, NOW)
    (first,) = clusters(engine)
    search(engine, CONTEST, NOW)
    (again,) = clusters(engine)
    assert again == first
    write(engine, CONTEST, people[200:])
    search(engine, CONTEST, NOW)
    (grown,) = clusters(engine)
    assert (grown.id, grown.accounts) == (first.id, 300)
    assert grown.changed_at > first.changed_at


def test_what_was_dismissed_comes_back_only_when_it_has_grown_by_half(engine: Engine, world: World) -> None:
    people = some(world)
    write(engine, CONTEST, people[:200])
    search(engine, CONTEST, NOW)
    (cluster,) = clusters(engine)
    with transaction(engine) as connection:
        decide(connection, cluster, "dismissed", "lan", "cả trường")
    write(engine, CONTEST, people[200:299])
    search(engine, CONTEST, NOW)
    assert [(one.id, one.state, one.accounts) for one in clusters(engine)] == [(cluster.id, "dismissed", 299)]
    write(engine, CONTEST, people[299:])
    search(engine, CONTEST, NOW)
    assert [(one.id, one.state, one.reason) for one in clusters(engine)] == [(cluster.id, "new", "cả trường")]
    with transaction(engine) as connection:
        actions = connection.exec_driver_sql("SELECT operator, action, subject FROM audit").all()
    assert actions == [("system", "cluster.return", f"cluster:{cluster.id}")]


def test_voided_votes_are_not_counted_and_the_index_goes_down(engine: Engine, world: World) -> None:
    write(engine, CONTEST, some(world))
    search(engine, CONTEST, NOW)
    (cluster,) = clusters(engine)
    votes = {cluster.entry_id: 400}
    before = fraud_index(weights([cluster])[cluster.entry_id], votes[cluster.entry_id])
    assert 65 <= before <= 75
    with transaction(engine) as connection:
        connection.exec_driver_sql(
            "UPDATE votes SET voided_at = now() WHERE entry_id = %s AND account_id IN"
            " (SELECT account_id FROM cluster_accounts)",
            (cluster.entry_id,),
        )
    search(engine, CONTEST, NOW)
    (after,) = clusters(engine)
    assert (after.id, after.accounts, after.counted) == (cluster.id, SCRIPTED, 0)
    assert weights([after])[after.entry_id] == 0


def test_two_attacks_on_one_entry_are_two_clusters(engine: Engine, world: World) -> None:
    one, other = some(world), some(world, kind="rented")
    entry = one[0].votes[0][0]
    moved = [Person(**(vars(person) | {"votes": ((entry, person.votes[0][1]),)})) for person in other]
    write(engine, CONTEST, [*one, *moved])
    search(engine, CONTEST, NOW)
    assert sorted((cluster.entry_id, cluster.accounts) for cluster in clusters(engine)) == [(entry, 300)] * 2


def test_after_retention_a_cluster_keeps_its_numbers_and_stays(engine: Engine, world: World) -> None:
    write(engine, CONTEST, some(world))
    search(engine, CONTEST, NOW)
    with transaction(engine) as connection:
        assert erase_clusters(connection, CONTEST) == SCRIPTED
        connection.exec_driver_sql("UPDATE votes SET evidence = NULL")
        connection.exec_driver_sql("UPDATE account_openings SET hint = NULL, domain = NULL, grams = NULL")
    found = search(engine, CONTEST, NOW)
    assert found is not None
    (cluster,) = clusters(engine)
    assert (cluster.traces, cluster.accounts, cluster.numbers["devices"]) == (None, SCRIPTED, 1)


def test_an_empty_contest(engine: Engine) -> None:
    made_contest(engine)
    found = search(engine, CONTEST, NOW)
    assert found is not None
    assert (found.votes, found.clusters, found.trends) == (0, 0, 0)


@pytest.mark.parametrize("last", range(1, search_module.STEPS + 1))
def test_a_run_that_dies_at_any_step_leaves_what_was(engine: Engine, world: World, last: int) -> None:
    people = some(world)
    write(engine, CONTEST, people[:200])
    search(engine, CONTEST, NOW)
    before = clusters(engine), run_of(engine)
    write(engine, CONTEST, people[200:])

    def die(done: int) -> None:
        if done == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(engine, CONTEST, NOW, step=die)
    assert (clusters(engine), run_of(engine)) == before
    search(engine, CONTEST, NOW)
    assert [cluster.accounts for cluster in clusters(engine)] == [300]


def test_of_two_at_once_one_leaves(engine: Engine, world: World) -> None:
    write(engine, CONTEST, some(world))
    inside, go_on = threading.Event(), threading.Event()

    def wait(done: int) -> None:
        if done == 1:
            inside.set()
            assert go_on.wait(30)

    results: list[Any] = []
    slow = threading.Thread(target=lambda: results.append(search(engine, CONTEST, NOW, step=wait)))
    slow.start()
    assert inside.wait(30)
    try:
        assert search(engine, CONTEST, NOW) is None
    finally:
        go_on.set()
        slow.join()
    assert results[0] is not None
    assert len(clusters(engine)) == 1


def test_a_run_rests_and_a_long_one_rests_longer(engine: Engine, world: World, scratch: str) -> None:
    with closing(scratch_client(scratch)) as client:

        def go(now: datetime) -> bool:
            return find_signals(engine, client, CONTEST, now, never) is not None

        now = datetime.now(UTC)
        assert go(now)
        assert not go(now + EVERY - timedelta(seconds=5))
        assert go(now + EVERY + timedelta(seconds=5))
        with transaction(engine) as connection:
            connection.exec_driver_sql("UPDATE signal_runs SET took_ms = 200000")
        assert not go(now + timedelta(minutes=20))
        assert go(now + timedelta(minutes=31))


def test_it_tells_how_many_are_new_and_gives_scratch_its_list_back(engine: Engine, world: World, scratch: str) -> None:
    write(engine, CONTEST, some(world))
    with transaction(engine) as connection:
        signal_lists.add_domains(connection, ["thu-tam.example"], "", "lan")
    with closing(scratch_client(scratch)) as client:
        assert find_signals(engine, client, CONTEST, NOW, never) is not None
        assert client.hget("status", "signals") == b"1"
        assert client.smembers("disposable_domains") == {b"thu-tam.example"}
    with transaction(engine) as connection:
        assert waiting(connection, CONTEST) == 1


def test_with_scratch_away_the_run_stands(engine: Engine, world: World) -> None:
    write(engine, CONTEST, some(world))
    nowhere = redis.Redis.from_url("unix:///nonexistent")
    with pytest.raises(ScratchAway):
        find_signals(engine, nowhere, CONTEST, NOW, never)
    assert len(clusters(engine)) == 1


def test_a_worker_that_has_to_stop_leaves_nothing(engine: Engine, world: World, scratch: str) -> None:
    write(engine, CONTEST, some(world))
    with closing(scratch_client(scratch)) as client:
        assert find_signals(engine, client, CONTEST, NOW, lambda: True) is None
    assert (clusters(engine), run_of(engine)) == ([], None)


def test_with_the_ledger_away_it_says_so() -> None:
    nowhere = worker_engine("postgresql+psycopg://nobody@/nowhere?host=/nonexistent")
    with pytest.raises(LedgerAway):
        find_signals(nowhere, redis.Redis.from_url("unix:///nonexistent"), CONTEST, NOW, never)


@pytest.fixture
def ask(engine: Engine, scratch: str) -> Callable[..., Task]:
    def run(**payload: Any) -> Task:
        with transaction(engine) as connection:
            task_id = tasks.ask(connection, "signals", payload, LAN, contest_id=CONTEST)
        with closing(scratch_client(scratch)) as client:
            run_task(engine, client, client, Settings(data_dir=Path("/nonexistent")), task_id)
        with transaction(engine) as connection:
            found = tasks.find_task(connection, task_id)
        assert found is not None
        return found

    return run


def test_an_operator_s_search_over_all_votes(engine: Engine, world: World, ask: Callable[..., Task]) -> None:
    """The made-up votes are long past: the window of a regular run has none of them."""
    write(engine, CONTEST, some(world))
    windowed = ask()
    assert windowed.result is not None
    assert (windowed.state, windowed.result["votes"]) == ("done", 0)
    whole = ask(whole=True)
    assert whole.result is not None
    assert (whole.state, whole.result["clusters"], whole.done, whole.total) == ("done", 1, 8, 8)


def test_an_operator_s_search_beside_another_says_so(engine: Engine, world: World, ask: Callable[..., Task]) -> None:
    with transaction(engine) as connection:
        make_row(connection, CONTEST)
    with transaction(engine) as connection:
        assert hold(connection, CONTEST)
        task = ask()
    assert (task.state, "đang chạy" in task.problem) == ("failed", True)


def test_a_task_of_no_contest_fails_in_words(engine: Engine, scratch: str) -> None:
    with transaction(engine) as connection:
        task_id = tasks.ask(connection, "signals", {}, LAN)
        task = tasks.take(connection, task_id)
    with pytest.raises(TaskFailedError):
        find_signals_task(type("W", (), {"task": task})())
