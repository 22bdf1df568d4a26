"""What the API reads from the box: the published site, the contest's standing, tallies, one account's ballot."""

import json
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from models.ballot_box.connection import TIMEOUT_S, BoxAway, within
from models.ballot_box.keys import CONTESTS, shard_keys, site_key
from models.contest_texts import completed


@dataclass(frozen=True)
class Reading:
    """The box at one moment. Times are ms since 1970, UTC, by the box's clock.

    `state`: open, paused, closed or final; empty where the box is not ready. `site`: the document of
    `models/site_document.py`. `events_added`: for each shard, how many events its log has ever taken.
    """

    contest_id: int
    site: dict[str, Any]
    site_raw: bytes
    state: str
    opens_at: int
    closes_at: int
    version: int
    epoch: int
    shards: int
    key: str
    sessions_from: int
    tallies: dict[int, int]
    events_added: dict[int, int]
    box_ms: int


async def read_box(client: redis.asyncio.Redis, slug: str | None, last: Reading | None) -> Reading | None:
    """A fresh reading of the contest `slug` (None: the newest); None where the box has no such contest.

    `last` saves parsing a site document that has not changed. Errors: BoxAway, BoxRefused.
    """
    contests = await within(TIMEOUT_S, lambda: client.hgetall(CONTESTS))
    ids = {name.decode(): int(number) for name, number in contests.items()}
    contest_id = ids.get(slug) if slug is not None else max(ids.values(), default=None)
    if contest_id is None:
        return None
    raw, (seconds, micros), first = await _read_shards(client, contest_id, [0])
    if raw is None:
        return None
    site = last.site if last and last.site_raw == raw else completed(json.loads(raw))
    contest, tallies, events_added = first[0]
    shards = int(contest.get("shards", 1))
    states = {contest.get("state", "")}
    added = {0: events_added}
    if shards > 1:
        _, _, others = await _read_shards(client, contest_id, list(range(1, shards)))
        for number, (other, counts, count) in enumerate(others, start=1):
            states.add(other.get("state", ""))
            added[number] = count
            for entry, votes in counts.items():
                tallies[entry] = tallies.get(entry, 0) + votes
    return Reading(
        contest_id=contest_id,
        site=site,
        site_raw=raw,
        state=_common_state(states),
        opens_at=int(contest.get("opens_at", 0)),
        closes_at=int(contest.get("closes_at", 0)),
        version=int(contest.get("version", 0)),
        epoch=int(contest.get("epoch", 0)),
        shards=shards,
        key=contest.get("key", ""),
        sessions_from=int(contest.get("sessions_from", 0)),
        tallies=tallies,
        events_added=added,
        box_ms=int(seconds) * 1000 + int(micros) // 1000,
    )


@dataclass(frozen=True)
class Memory:
    """The box's memory in bytes: what is used, and how much it may use."""

    used: int
    limit: int


async def read_memory(client: redis.asyncio.Redis) -> Memory:
    """Errors: BoxAway, BoxRefused."""
    found = await within(TIMEOUT_S, lambda: client.info("memory"))
    return Memory(int(found["used_memory"]), int(found["maxmemory"]))


async def read_ballot(client: redis.asyncio.Redis, contest_id: int, shards: int, account: int) -> list[int] | None:
    """The entries that the account has voted for, in order of their ids; None where the box is not ready: while it is
    repaired, ballots may be missing. Errors: BoxAway.
    """
    keys = shard_keys(contest_id, account % shards)
    pipe = client.pipeline(transaction=True)
    pipe.hget(keys.contest, "shards")
    pipe.smembers(keys.ballot + str(account))
    ready, members = await within(TIMEOUT_S, lambda: pipe.execute(raise_on_error=False))
    if ready != str(shards).encode() or isinstance(members, Exception):
        return None
    return sorted(int(member) for member in members)


async def _read_shards(
    client: redis.asyncio.Redis, contest_id: int, numbers: list[int]
) -> tuple[bytes | None, tuple[bytes, bytes], list[tuple[dict[str, str], dict[int, int], int]]]:
    """One round trip: the site document, TIME, and for each shard contest hash, tally and events added."""
    pipe = client.pipeline(transaction=False)
    pipe.get(site_key(contest_id))
    pipe.execute_command("TIME")
    for number in numbers:
        keys = shard_keys(contest_id, number)
        pipe.hgetall(keys.contest)
        pipe.hgetall(keys.tally)
        pipe.xinfo_stream(keys.log)
    raw, time, *rest = await within(TIMEOUT_S, lambda: pipe.execute(raise_on_error=False))
    if isinstance(raw, Exception) or isinstance(time, Exception):
        raise BoxAway(str(raw))
    return raw, time, [_shard_values(*rest[at : at + 3]) for at in range(0, len(rest), 3)]


def _shard_values(contest: Any, tally: Any, log: Any) -> tuple[dict[str, str], dict[int, int], int]:
    fields = {name.decode(): value.decode() for name, value in contest.items()}
    counts = {int(entry): int(votes) for entry, votes in tally.items()}
    added = 0 if isinstance(log, Exception) else int(log["entries-added"])  # an error: there is no log yet
    return fields, counts, added


def _common_state(states: set[str]) -> str:
    """The least open of the shards' states: a contest is open when all its shards are."""
    for state in ("", "final", "closed", "paused"):
        if state in states:
            return state
    return "open"
