"""Steering the box: its standing, operators' decisions, voids, and the steps of a repair."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import redis
from redis.exceptions import ResponseError

from models.ballot_box.connection import box_errors, call
from models.ballot_box.drain import log_id
from models.ballot_box.keys import CONTESTS, ShardKeys, site_key
from models.event import OPENED, LogId, pack_decision

REFILL = 1_000  # members a call


@dataclass(frozen=True)
class Standing:
    """One shard of a contest as it stands in the box. `state` is empty where the box is not ready; `now` in ms."""

    state: str
    version: int
    stops: int
    epoch: int
    now: int


class RepairTakenOverError(Exception):
    """Another repair has begun, or the contest is open: this repair must not go on."""


def _standing(reply: Any) -> Standing:
    state, version, stops, epoch, now = reply
    return Standing(state.decode(), int(version), int(stops), int(epoch), int(now))


def pulse(client: redis.Redis, keys: ShardKeys) -> Standing:
    """Closes the shard if its time has come, and says how it stands. Errors: BoxAway."""
    return _standing(call(client, "pulse", keys))


def stop(client: redis.Redis, keys: ShardKeys) -> Standing:
    """Pauses voting on the box alone. Errors: BoxAway."""
    return _standing(call(client, "stop", keys))


@dataclass(frozen=True)
class Decisions:
    """What operators have decided, as the ledger has it. Times in ms since 1970."""

    version: int
    state: str
    opens_at: int
    closes_at: int
    sessions_from: int
    stops_seen: int
    entries: list[int]
    blocked: list[int]


def apply(client: redis.Redis, keys: ShardKeys, decisions: Decisions) -> Standing:
    """Brings decisions into force in one shard, if they are newer than what it has. Errors: BoxAway."""
    return _standing(
        call(
            client,
            "apply",
            keys,
            decisions.version,
            decisions.state,
            decisions.opens_at,
            decisions.closes_at,
            decisions.sessions_from,
            decisions.stops_seen,
            len(decisions.entries),
            *decisions.entries,
            *(str(account) for account in decisions.blocked),
        )
    )


def publish_site(client: redis.Redis, contest_id: int, slug: str, document: bytes) -> None:
    """Puts the site document where the API finds it. Errors: BoxAway, BoxFull."""
    with box_errors():
        if client.get(site_key(contest_id)) != document:
            client.set(site_key(contest_id), document)
        if client.hget(CONTESTS, slug) != str(contest_id).encode():
            client.hset(CONTESTS, slug, str(contest_id))


def site_version(client: redis.Redis, contest_id: int) -> int | None:
    """Which version of the site document the box has, None for none. Errors: BoxAway."""
    with box_errors():
        head: Any = client.getrange(site_key(contest_id), 0, 40)  # it may be megabytes, and begins with its version
    found = re.match(rb'\{"version":(\d+),', head)
    return int(found[1]) if found else None


def take_turn(client: redis.Redis, keys: ShardKeys, epoch: int, turn: int) -> bool:
    """From now on only this turn, or a later one, voids and restores. False where the shard is not ready, or a later
    turn has begun. Errors: BoxAway.
    """
    return bool(call(client, "take_turn", keys, epoch, turn))


def void(
    client: redis.Redis, keys: ShardKeys, epoch: int, pairs: Iterable[tuple[int, int]], reason: str, turn: int = 0
) -> str:
    """Takes votes (account, entry) out of the count. Returns a letter for each: d done, s the same as before, r not
    ready, or a later turn than `turn` has begun. Errors: BoxAway.
    """
    return _decide(client, "void", keys, epoch, turn, pairs, reason)


def restore(
    client: redis.Redis, keys: ShardKeys, epoch: int, pairs: Iterable[tuple[int, int]], reason: str, turn: int = 0
) -> str:
    """Puts votes back into the count; otherwise as `void`."""
    return _decide(client, "restore", keys, epoch, turn, pairs, reason)


def _decide(
    client: redis.Redis,
    name: str,
    keys: ShardKeys,
    epoch: int,
    turn: int,
    pairs: Iterable[tuple[int, int]],
    reason: str,
) -> str:
    args: list[str | bytes] = []
    for account, entry in pairs:
        args += [str(account), str(entry), pack_decision(account, entry, reason)]
    letters: bytes = call(client, name, keys, epoch, turn, *args)
    return letters.decode()


@dataclass(frozen=True)
class Taken:
    """What the box was when a repair took its contest away; `epoch` is None for a box without one."""

    epoch: int | None
    stops: int


def shut(client: redis.Redis, keys: ShardKeys, token: str) -> Taken:
    """Takes the contest away for the repair `token`. Errors: BoxAway."""
    epoch, stops = call(client, "shut", keys, token)
    return Taken(int(epoch) if epoch else None, int(stops))


def holds_anything(client: redis.Redis, keys: ShardKeys) -> bool:
    """Whether the shard has a log or ballots. Errors: BoxAway."""
    with box_errors():
        if client.exists(keys.log):
            return True
        return next(client.scan_iter(match=keys.ballot + "*", count=1000), None) is not None


def adopt(client: redis.Redis, keys: ShardKeys, token: str, epoch: int) -> None:
    """Marks a shut box as the ledger's own. Errors: BoxAway, RepairTakenOverError."""
    _repair_call(client, "adopt", keys, token, epoch)


def forget(client: redis.Redis, keys: ShardKeys, token: str) -> None:
    """Drops what a repair rebuilds whole. Errors: BoxAway, RepairTakenOverError."""
    _repair_call(client, "forget", keys, token)


def refill(client: redis.Redis, keys: ShardKeys, token: str, what: str, members: Iterable[str | int]) -> int:
    """Adds members to what a repair rebuilds (see `refill` in ballot_box.lua), in chunks. Returns how many were new.

    Errors: BoxAway, BoxFull, RepairTakenOverError.
    """
    return sum(_repair_call(client, "refill", keys, token, what, *chunk) for chunk in _chunks(members, REFILL))


def _chunks(members: Iterable[str | int], size: int) -> Iterator[list[str | int]]:
    iterator = iter(members)
    while chunk := list(islice(iterator, size)):
        yield chunk


def begin_log(client: redis.Redis, keys: ShardKeys, token: str, least: LogId, epoch: int) -> tuple[LogId, bytes]:
    """Begins the log anew. Returns the id and bytes of its first event. Errors: BoxAway, RepairTakenOverError."""
    name, packed = _repair_call(client, "begin_log", keys, token, f"{least[0]}-{least[1]}", OPENED.pack(epoch))
    return log_id(name), packed


def reopen(client: redis.Redis, keys: ShardKeys, token: str, fields: dict[str, str | int]) -> Standing:
    """Puts the contest hash back. Errors: BoxAway, RepairTakenOverError."""
    flat = [value for pair in fields.items() for value in pair]
    return _standing(_repair_call(client, "reopen", keys, token, *flat))


def _repair_call(client: redis.Redis, name: str, keys: ShardKeys, *args: str | bytes | float) -> Any:
    try:
        return call(client, name, keys, *args)
    except ResponseError as error:
        if "REPAIRED" in str(error):
            raise RepairTakenOverError(str(error)) from None
        raise
