"""The box's users: what API and workers do is allowed, on their own keys, and nothing else. `tests/conftest.py` sees at
the end of all tests that no command of theirs was refused.
"""

import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import NoPermissionError

from models.ballot_box import library
from models.ballot_box.connection import BoxAway, box_client, call, load_functions
from models.ballot_box.keys import CONTESTS, shard_keys, site_key
from tests.models.ballot_box.boxes import CONTEST_ID, Box
from tests.servers import ValkeyServer, as_user, denied, empty_valkey

KEYS = shard_keys(CONTEST_ID, 0)
LUA = Path(library.__file__).with_name("ballot_box.lua").read_text(encoding="utf-8")
USERS = ("app", "keeper")
FOR_NOBODY = [
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("SWAPDB", "0", "1"),
    ("CONFIG", "SET", "appendfsync", "no"),
    ("CONFIG", "REWRITE"),
    ("CONFIG", "RESETSTAT"),
    ("KEYS", "*"),
    ("RANDOMKEY",),
    ("EVAL", "return 1", "0"),
    ("EVALSHA", "0" * 40, "0"),
    ("SCRIPT", "LOAD", "return 1"),
    ("FUNCTION", "DELETE", "ballot_box"),
    ("FUNCTION", "FLUSH"),
    ("FUNCTION", "RESTORE", "x"),
    ("FUNCTION", "LIST"),
    ("FUNCTION", "DUMP"),
    ("SHUTDOWN", "NOSAVE"),
    ("ACL", "SETUSER", "app", "+@all"),
    ("ACL", "LIST"),
    ("MONITOR",),
    ("SAVE",),
    ("BGREWRITEAOF",),
    ("REPLICAOF", "NO", "ONE"),
    ("FAILOVER",),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("CLIENT", "PAUSE", "1"),
    ("CLUSTER", "RESET"),
    ("MODULE", "LIST"),
    ("SUBSCRIBE", "x"),
    ("PUBLISH", "x", "y"),
    ("DUMP", KEYS.contest),
    ("RESTORE", KEYS.log, "0", "x"),
    ("EXPIRE", KEYS.ballot + "7", "1"),
    ("MIGRATE", "host", "1", KEYS.log, "0", "1"),
    ("COPY", KEYS.log, KEYS.voided),
    ("SORT", KEYS.entries),
    ("SET", KEYS.contest, "x"),
    ("XDEL", KEYS.log, "1-1"),
    ("XSETID", KEYS.log, "1-1"),
    ("XGROUP", "CREATE", KEYS.log, "g", "0"),
    ("XTRIM", KEYS.tally, "MAXLEN", "0"),
    ("SADD", "another", "1"),
    ("HSET", "{12.0}", "a", "b"),
    ("FCALL", "cast", "1", "another"),
    ("SET", CONTESTS, "x"),
    ("DEL", CONTESTS),
    ("DEL", site_key(CONTEST_ID)),
]
FOR_THE_KEEPER = [
    ("FUNCTION", "LOAD", "x"),
    ("SCAN", "0"),
    ("DEL", KEYS.log),
    ("DEL", KEYS.ballot + "7"),
    ("DEL", KEYS.contest),
    ("UNLINK", KEYS.entries),
    ("XTRIM", KEYS.log, "MINID", "1-1"),
    ("RENAME", KEYS.contest, KEYS.shut),
    ("SADD", KEYS.voided, "7:1"),
    ("SREM", KEYS.voided, "7:1"),
    ("SMEMBERS", KEYS.voided),
    ("HSET", KEYS.shut, "repair", "x"),
    ("HSET", KEYS.tally, "1", "9"),
]
"""What the API may not do, and workers may."""


@pytest.fixture(scope="module")
def users(box_url: str) -> Iterator[dict[str, redis.Redis]]:
    """A client for each user, with the functions in the box; what is refused here counts for nothing elsewhere."""
    found = denied(box_url)
    empty_valkey(box_url)
    clients = {name: redis.Redis.from_url(as_user(box_url, name)) for name in USERS}
    load_functions(clients["keeper"])
    yield clients
    for client in clients.values():
        client.close()
    denied(box_url)
    assert found == []


@pytest.mark.parametrize(("user", "words"), list(product(USERS, FOR_NOBODY)), ids=str)
def test_what_nobody_of_ours_may_do(users: dict[str, redis.Redis], user: str, words: tuple[str, ...]) -> None:
    with pytest.raises(NoPermissionError):
        users[user].execute_command(*words)


@pytest.mark.parametrize("user", USERS)
def test_debug_is_refused_by_the_rules_too(box_url: str, user: str) -> None:
    """Not by the server's own setting alone, which is why it cannot be tried as the others are."""
    with redis.Redis.from_url(box_url) as client:
        assert b"no permissions" in client.execute_command("ACL", "DRYRUN", user, "DEBUG", "SLEEP", "0")


@pytest.mark.parametrize("words", FOR_THE_KEEPER, ids=str)
def test_what_workers_may_do_and_the_api_not(
    box_url: str, users: dict[str, redis.Redis], words: tuple[str, ...]
) -> None:
    with pytest.raises(NoPermissionError):
        users["app"].execute_command(*words)
    with redis.Redis.from_url(box_url) as client:
        assert client.execute_command("ACL", "DRYRUN", "keeper", *words) == b"OK"


def test_the_keeper_may_do_all_that_the_functions_do(box_url: str) -> None:
    """Each command that stands in `ballot_box.lua`, on a key that it stands with there."""
    pattern = r"server\.p?call\('(\w+)'(?:, 'STREAM')?(?:, (?:keys\[(\w+)(?:\[what\])?\]|(ballot|key)\b))?"
    found = set(re.findall(pattern, LUA))
    assert len(found) > 20, "the pattern finds what the functions call"
    names = {"CONTEST": KEYS.contest, "SHUT": KEYS.shut, "ENTRIES": KEYS.entries, "BALLOT": KEYS.ballot + "7"}
    names |= {"TALLY": KEYS.tally, "VOIDED": KEYS.voided, "BLOCKED": KEYS.blocked, "LOG": KEYS.log}
    names |= {"SETS": KEYS.voided}
    more = {"XINFO": ["STREAM"], "RENAME": [KEYS.contest]}
    with redis.Redis.from_url(box_url) as client:
        known: Any = client.command()
        for command, key, other in found:
            name = [names[key]] if key else [KEYS.ballot + "7" if other == "ballot" else KEYS.entries] if other else []
            words = [command, *more.get(command, []), *name]
            needed = abs(known[command.lower()]["arity"])
            answer = client.execute_command("ACL", "DRYRUN", "keeper", *words, *["1"] * max(0, needed - len(words)))
            assert answer == b"OK", (words, answer)


def test_without_a_name_or_with_a_wrong_password_nobody_gets_in(valkey_factory: Callable[..., ValkeyServer]) -> None:
    server = valkey_factory("box")
    for url in (as_user(server.url, "somebody"), server.url.replace("://", "://app:wrong@")):
        with redis.Redis.from_url(url) as client, pytest.raises(redis.AuthenticationError):
            client.ping()


def test_the_api_waits_for_functions_that_it_may_not_load(own: Box, server: ValkeyServer) -> None:
    """A box that was emptied, or a new release whose workers have not begun: nothing is done, and it is said why."""
    own.client.function_flush()
    app = box_client(as_user(server.url, "app"))
    with pytest.raises(BoxAway, match="not in the box yet"):
        call(app, "pulse", own.keys())
    with box_client(as_user(server.url, "keeper")) as keeper:
        call(keeper, "pulse", own.keys())
    assert call(app, "pulse", own.keys())[0] == b"open"
    app.close()
