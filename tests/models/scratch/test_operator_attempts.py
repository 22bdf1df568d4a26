"""Tries at an operator's password: five are free, whoever makes how many at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from models.scratch.connection import scratch_client
from models.scratch.operator_attempts import CODE, PASSWORD, clear, take, waits_s
from models.secrets import KeyRing

KEYS = KeyRing("made up for tests", ("made up too",))
NOW = 1_800_000_000.0


@pytest.fixture
def client(scratch: str) -> Iterator[redis.Redis]:
    with scratch_client(scratch) as connected:
        yield connected


def test_a_hundred_at_once_make_five_tries(client: redis.Redis) -> None:
    with ThreadPoolExecutor(20) as many:
        made = list(many.map(lambda _: take(client, KEYS, PASSWORD, "lan", NOW), range(100)))
    assert sorted(one.tries for one in made if not one.wait_s) == [1, 2, 3, 4, 5]
    assert {one.wait_s for one in made} == {0, 30}
    assert [one.shuts for one in made if not one.wait_s and one.tries == 5] == [True]


def test_each_further_one_that_fails_shuts_the_door_for_twice_as_long(client: redis.Redis) -> None:
    now, waits = NOW, []
    for _ in range(12):
        assert take(client, KEYS, PASSWORD, "lan", now).wait_s == 0
        waits.append(waits_s(client, KEYS, PASSWORD, "lan", now))
        assert not waits[-1] or take(client, KEYS, PASSWORD, "lan", now + waits[-1] - 1).wait_s == 1
        now += waits[-1]
    assert waits == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]


def test_a_hundred_thousand_tries_are_no_wait_of_a_hundred_thousand_years(client: redis.Redis) -> None:
    take(client, KEYS, PASSWORD, "lan", NOW)
    (key,) = client.keys("operator_tries:*")
    client.hset(key, "tries", 100_000)
    assert take(client, KEYS, PASSWORD, "lan", NOW).tries == 100_001
    assert waits_s(client, KEYS, PASSWORD, "lan", NOW) == 900


def test_who_was_right_begins_anew(client: redis.Redis) -> None:
    for _ in range(5):
        take(client, KEYS, PASSWORD, "lan", NOW)
    clear(client, KEYS, PASSWORD, "lan")
    assert waits_s(client, KEYS, PASSWORD, "lan", NOW) == 0
    assert take(client, KEYS, PASSWORD, "lan", NOW) == (0, 1)


def test_names_and_what_is_guessed_are_counted_apart_and_kept_nowhere(client: redis.Redis) -> None:
    for _ in range(6):
        take(client, KEYS, PASSWORD, "lan", NOW)
    assert take(client, KEYS, PASSWORD, "minh", NOW) == (0, 1)
    assert take(client, KEYS, CODE, "lan", NOW) == (0, 1)
    keys = client.keys("*")
    assert len(keys) == 3
    assert not any(b"lan" in key or b"minh" in key for key in keys)
    assert all(0 < client.ttl(key) <= 3600 for key in keys)
