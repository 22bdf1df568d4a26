"""Logins of one process into the log: gathered, once a day and account, and no login fails or waits long for it."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from prometheus_client import REGISTRY

from api import openings as openings_module
from api.openings import Openings
from models.account import account_of
from models.agreement import VERSIONS, Purpose
from models.ballot_box.keys import shard_keys
from models.event import AccountOpened, Kind, Proof, unpack, unpack_account_opened
from models.identity import Proven, normalise
from models.scratch.openings import DAY_S
from tests.api.contest import CONTEST_ID, KEYS, open_contest, set_contest
from tests.api.running import settings_for
from tests.models.ballot_box.voting import until
from tests.servers import ValkeyServer

ALL = tuple(VERSIONS.items())


class Watched:
    """Stands in for the snapshot, which the tests of the snapshot test. `asked`: how often a reading was asked for."""

    def __init__(self, epoch: int = 1) -> None:
        self.current = SimpleNamespace(reading=SimpleNamespace(contest_id=CONTEST_ID, shards=1, epoch=epoch))
        self.asked = 0

    def refresh_soon(self) -> None:
        self.asked += 1


def person(number: int = 1) -> Proven:
    return normalise("email", f"nguyenvana{number}@example.vn").proven(KEYS)


def logins(url: str) -> list[AccountOpened]:
    with redis.Redis.from_url(url) as client:
        events = [fields[b"e"] for _, fields in client.xrange(shard_keys(CONTEST_ID, 0).log)]
    return [unpack_account_opened(packed) for packed in events if unpack(packed).kind is Kind.ACCOUNT_OPENED]


def counted() -> Counter[str]:
    """What the metric says, by outcome."""
    found = Counter[str]()
    for metric in REGISTRY.collect():
        for sample in metric.samples:
            if sample.name == "binhchon_account_openings_total":
                found[sample.labels["outcome"]] = int(sample.value)
    return found


Steps = Callable[[Openings], Awaitable[None]]


def with_openings(box: str, scratch: str, steps: Steps, watch: Any = None) -> Counter[str]:
    """Runs `steps` with the openings of one process. Returns how many of them were recorded, refused, unrecorded."""
    before = counted()

    async def run() -> None:
        made = Openings(settings_for(box, scratch_url=scratch), KEYS, watch or Watched())
        try:
            await steps(made)
        finally:
            await made.stop()

    asyncio.run(run())
    return counted() - before


@pytest.fixture
def opened(box: str) -> str:
    open_contest(box)
    return box


def test_a_login_is_in_the_log_when_it_is_answered(opened: str, scratch: str) -> None:
    async def steps(openings: Openings) -> None:
        await openings.record(person(), ALL)
        assert len(logins(opened)) == 1

    assert with_openings(opened, scratch, steps) == {"recorded": 1}
    [login] = logins(opened)
    account = account_of(KEYS, "email", "nguyenvana1@example.vn")
    assert (login.account, login.proof) == (account, Proof.EMAIL)
    assert (login.hint, login.domain) == ("n•••@example.vn", "example.vn")
    assert len(login.grams) == 9
    assert login.agreed == ((Purpose.COUNTING, 1), (Purpose.PROTECTION, 1), (Purpose.RESIDENCE, 1))


def test_similar_names_can_be_told_and_no_name_is_kept(opened: str, scratch: str) -> None:
    async def steps(openings: Openings) -> None:
        for number in (1, 2):
            await openings.record(person(number), ALL)

    with_openings(opened, scratch, steps)
    one, two = logins(opened)
    assert len(set(one.grams) & set(two.grams)) == 8
    with redis.Redis.from_url(opened) as client:
        assert b"nguyen" not in b"".join(client.dump(name) for name in client.scan_iter())


def test_the_versions_that_were_agreed_to_are_kept(opened: str, scratch: str) -> None:
    agreed = ((Purpose.RESIDENCE, 4), (Purpose.PROTECTION, 300))

    async def steps(openings: Openings) -> None:
        await openings.record(person(), agreed)

    with_openings(opened, scratch, steps)
    assert logins(opened)[0].agreed == ((Purpose.PROTECTION, 300), (Purpose.RESIDENCE, 4))


def test_who_has_not_agreed_to_protection_leaves_nothing_for_it(opened: str, scratch: str) -> None:
    async def steps(openings: Openings) -> None:
        await openings.record(person(), ((Purpose.COUNTING, 1),))

    with_openings(opened, scratch, steps)
    [login] = logins(opened)
    assert (login.hint, login.domain, login.grams) == ("", "", ())
    assert login.agreed == ((Purpose.COUNTING, 1),)


def test_once_a_day_and_account(opened: str, scratch: str) -> None:
    async def steps(openings: Openings) -> None:
        await openings.record(person(1), ALL)
        await openings.record(person(1), ALL)
        await openings.record(person(2), ALL)
        with redis.Redis.from_url(scratch) as client:
            key = f"opened:{CONTEST_ID}:{person(1).account}"
            await until(lambda: client.ttl(key) > DAY_S - 60)
            client.delete(key)  # as the day does
        await openings.record(person(1), ALL)

    assert with_openings(opened, scratch, steps) == {"recorded": 3}
    assert [login.account for login in logins(opened)] == [person(number).account for number in (1, 2, 1)]


def test_many_logins_at_once_of_one_account_in_two_processes_are_one_opening(opened: str, scratch: str) -> None:
    ready = threading.Barrier(2)

    async def steps(openings: Openings) -> None:
        await asyncio.to_thread(ready.wait)
        await asyncio.gather(*(openings.record(person(), ALL) for _ in range(20)))

    threads = [threading.Thread(target=with_openings, args=(opened, scratch, steps)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(logins(opened)) == 1


def test_logins_that_arrive_together_share_few_calls(opened: str, scratch: str) -> None:
    async def steps(openings: Openings) -> None:
        with redis.Redis.from_url(opened) as client:
            client.config_resetstat()
            await asyncio.gather(*(openings.record(person(number), ALL) for number in range(2_500)))
            calls = client.info("commandstats")["cmdstat_fcall"]["calls"]
        assert calls <= 4

    assert with_openings(opened, scratch, steps) == {"recorded": 2_500}
    assert len({login.account for login in logins(opened)}) == len(logins(opened)) == 2_500


def test_what_is_final_takes_no_opening(opened: str, scratch: str) -> None:
    set_contest(opened, state="final")

    async def steps(openings: Openings) -> None:
        await openings.record(person(), ALL)

    assert with_openings(opened, scratch, steps) == {"refused": 1}
    assert logins(opened) == []


def test_another_epoch_takes_none_and_the_box_is_read_again(opened: str, scratch: str) -> None:
    watch = Watched(epoch=2)

    async def steps(openings: Openings) -> None:
        await openings.record(person(), ALL)
        watch.current.reading.epoch = 1
        await until(lambda: watch.asked)
        await openings.record(person(), ALL)

    assert with_openings(opened, scratch, steps, watch) == {"unrecorded": 1, "recorded": 1}
    assert len(logins(opened)) == 1


def test_a_box_that_is_away_costs_no_login_and_the_next_one_is_recorded(
    valkey_factory: Callable[..., ValkeyServer], scratch: str
) -> None:
    server = valkey_factory("box")
    open_contest(server.url)

    async def steps(openings: Openings) -> None:
        server.kill()
        began = time.monotonic()
        await openings.record(person(), ALL)
        assert time.monotonic() - began < 1
        server.start()
        await openings.record(person(), ALL)

    assert with_openings(server.url, scratch, steps) == {"unrecorded": 1, "recorded": 1}
    assert len(logins(server.url)) == 1


def test_a_box_that_hangs_keeps_nobody_longer_than_a_call(
    valkey_factory: Callable[..., ValkeyServer], scratch: str
) -> None:
    server = valkey_factory("box")
    open_contest(server.url)
    people, waited, computed = [person(number) for number in range(2_001)], [], [0.0]

    async def one(openings: Openings, number: int) -> None:
        began = time.monotonic()
        await openings.record(people[number], ALL)
        waited.append(time.monotonic() - began)

    async def steps(openings: Openings) -> None:
        await one(openings, 0)
        server.hang()
        began = time.process_time()
        first = asyncio.gather(*(one(openings, number) for number in range(1, 4)))
        await asyncio.sleep(0)
        await asyncio.gather(first, *(one(openings, number) for number in range(4, 2_000)))
        computed[0] = time.process_time() - began
        server.wake()
        await one(openings, 2_000)

    try:
        with_openings(server.url, scratch, steps)
    finally:
        server.wake()
    assert len(waited) == 2_001
    assert max(waited) < openings_module.MAX_WAIT_S + 0.5 + computed[0]  # to compute is not to wait
    assert people[2_000].account in {login.account for login in logins(server.url)}


def test_scratch_that_is_away_costs_no_login(opened: str) -> None:
    async def steps(openings: Openings) -> None:
        await openings.record(person(), ALL)

    assert with_openings(opened, "unix:///nonexistent/scratch.sock", steps) == {"unrecorded": 1}
    assert logins(opened) == []


def test_a_day_that_was_reserved_by_one_who_died_is_free_again_soon(opened: str, scratch: str) -> None:
    """A process that is killed between reserving and call."""

    async def steps(openings: Openings) -> None:
        async def dies(*_: object) -> None:
            raise asyncio.CancelledError

        openings._writer.write = dies
        await openings.record(person(), ALL)

    with_openings(opened, scratch, steps)
    with redis.Redis.from_url(scratch) as client:
        [key] = client.scan_iter()
        assert 0 < client.ttl(key) <= 30


def test_what_waits_has_an_end(opened: str, scratch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openings_module, "MAX_PENDING", 10)

    async def steps(openings: Openings) -> None:
        await asyncio.gather(*(openings.record(person(number), ALL) for number in range(25)))

    assert with_openings(opened, scratch, steps) == {"recorded": 10, "unrecorded": 15}
    assert len(logins(opened)) == 10


def test_what_cannot_be_packed_fails_no_login(opened: str, scratch: str) -> None:
    async def steps(openings: Openings) -> None:
        await openings.record(person(), ((Purpose.COUNTING, 70_000),))
        await openings.record(person(), ALL)

    assert with_openings(opened, scratch, steps) == {"unrecorded": 1, "recorded": 1}


def test_a_stop_waits_for_what_is_under_way(opened: str, scratch: str) -> None:
    async def steps(openings: Openings) -> None:
        waiting = asyncio.ensure_future(openings.record(person(), ALL))
        await asyncio.sleep(0)
        await openings.stop()
        await waiting

    assert with_openings(opened, scratch, steps) == {"recorded": 1}


def test_a_voter_who_goes_away_stops_nobody_elses_opening(opened: str, scratch: str) -> None:
    async def steps(openings: Openings) -> None:
        gone = asyncio.ensure_future(openings.record(person(1), ALL))
        stays = asyncio.ensure_future(openings.record(person(2), ALL))
        await asyncio.sleep(0)
        gone.cancel()
        await stays
        assert gone.cancelled()

    assert with_openings(opened, scratch, steps) == {"recorded": 2}
