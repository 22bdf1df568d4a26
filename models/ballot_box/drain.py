"""What workers read from the box: the log page by page, the books, the ballots; and trimming."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import ResponseError

from models.ballot_box.connection import box_errors
from models.ballot_box.keys import ShardKeys
from models.event import MAX_ACCOUNT, MAX_ENTRY, LogId

LogEvent = tuple[int, int, bytes]
"""(ms, seq, packed event)"""

KEEP_MS = 15 * 60 * 1000  # the log's tail that stays after it is in the ledger
KEEP_EVENTS = 1_000_000  # and at most so many
TRIM_STEP = 20_000  # events looked at in one trim, beyond KEEP_EVENTS
SCAN_COUNT = 2_000


@dataclass(frozen=True)
class LogPage:
    """The log from some id on, and how it stood at that moment.

    `epoch` is None where the contest is away: the box is not ready. `added`: events that this log has ever taken.
    """

    epoch: int | None
    added: int
    events: list[LogEvent]


def log_id(text: bytes) -> LogId:
    ms, _, seq = text.partition(b"-")
    return int(ms), int(seq)


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _raw(reply: Any, **_options: Any) -> Any:
    return reply


def _events(reply: list[Any]) -> list[LogEvent]:
    events, ms_text, ms = [], b"", 0
    for name, fields in reply:
        text, _, seq = name.partition(b"-")
        if text != ms_text:  # many events share one millisecond
            ms_text, ms = text, int(text)
        events.append((ms, int(seq), fields[1]))
    return events


def read_log(client: redis.Redis, keys: ShardKeys, start: LogId, limit: int) -> LogPage:
    """At most `limit` events from `start` on, that one included, read in one step with the log's totals.

    Errors: BoxAway.
    """
    client.set_response_callback("XRANGE", _raw)
    pipe = client.pipeline(transaction=True)
    pipe.hget(keys.contest, "epoch")
    pipe.xinfo_stream(keys.log)
    pipe.xrange(keys.log, f"{start[0]}-{start[1]}", "+", count=limit)
    epoch, info, page = _execute(pipe)
    if isinstance(info, ResponseError):  # there is no log
        return LogPage(_int(epoch), 0, [])
    return LogPage(_int(epoch), int(info["entries-added"]), _events(page))


def _int(value: bytes | None) -> int | None:
    return None if value is None else int(value)


def _execute(pipe: Any) -> list[Any]:
    with box_errors():
        replies: list[Any] = pipe.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, Exception) and "no such key" not in str(reply):
            raise reply
    return replies


@dataclass(frozen=True)
class BoxBooks:
    """A shard's count at one moment: `tally` (entry → votes) as it stood when the log's last event was `last`."""

    epoch: int | None
    state: str
    tally: dict[int, int]
    last: LogId
    added: int
    now_ms: int


def read_books(client: redis.Redis, keys: ShardKeys) -> BoxBooks:
    """Tally and log id in one step. Errors: BoxAway."""
    pipe = client.pipeline(transaction=True)
    pipe.hmget(keys.contest, "epoch", "state")
    pipe.hgetall(keys.tally)
    pipe.xinfo_stream(keys.log)
    pipe.time()
    (epoch, state), tally, info, (seconds, micros) = _execute(pipe)
    logged = not isinstance(info, ResponseError)
    return BoxBooks(
        epoch=_int(epoch),
        state=(state or b"").decode(),
        tally={int(entry): int(votes) for entry, votes in tally.items()},
        last=log_id(info["last-generated-id"]) if logged else (0, 0),
        added=int(info["entries-added"]) if logged else 0,
        now_ms=seconds * 1000 + micros // 1000,
    )


@dataclass(frozen=True)
class Room:
    """The box's memory in bytes, used and at most, and the events that some logs hold."""

    used: int
    limit: int
    events: int


def read_room(client: redis.Redis, shards: Iterable[ShardKeys]) -> Room:
    """Errors: BoxAway."""
    with box_errors():
        memory: Any = client.info("memory")
        events = sum(int(client.xlen(keys.log)) for keys in shards)
    return Room(int(memory["used_memory"]), int(memory["maxmemory"]), events)


def events_between(
    client: redis.Redis, keys: ShardKeys, after: LogId, until: LogId, page: int = 10_000
) -> Iterator[LogEvent]:
    """The events with `after` < id ≤ `until`, in order. Errors: BoxAway."""
    client.set_response_callback("XRANGE", _raw)
    while after < until:
        with box_errors():
            reply: Any = client.xrange(keys.log, f"({after[0]}-{after[1]}", f"{until[0]}-{until[1]}", count=page)
        if not reply:
            return
        events = _events(reply)
        yield from events
        after = events[-1][:2]


def trim(client: redis.Redis, keys: ShardKeys, cursor: LogId) -> None:
    """Drops what is in the ledger and older than the tail. Never above `cursor`, the committed one, whose own event
    stays. By ids only: never by length, never by a host's clock. Errors: BoxAway.
    """
    client.set_response_callback("XRANGE", _raw)
    least = min(cursor, (max(cursor[0] - KEEP_MS, 0), 0))
    with box_errors():
        length = client.xlen(keys.log)
        if length > KEEP_EVENTS:
            oldest: Any = client.xrange(keys.log, "-", "+", count=min(length - KEEP_EVENTS, TRIM_STEP))
            least = min(cursor, max(least, log_id(oldest[-1][0])))
        client.xtrim(keys.log, minid=f"{least[0]}-{least[1]}", approximate=True)


def trim_to(client: redis.Redis, keys: ShardKeys, cursor: LogId) -> int:
    """Drops everything before the event at `cursor`, the committed one: the tail of a contest that is final. Returns
    how many events. Errors: BoxAway.
    """
    with box_errors():
        return int(client.xtrim(keys.log, minid=f"{cursor[0]}-{cursor[1]}", approximate=False))


def scan_ballots(
    client: redis.Redis, keys: ShardKeys, on_misfit: Callable[[str], None]
) -> Iterator[list[tuple[int, int]]]:
    """All (account, entry) pairs of the shard's ballots, in chunks. Keys in a ballot's place that are no sets or no
    account's, and those with members that are no entry's, go to `on_misfit`. Errors: BoxAway.
    """
    cursor = 0
    while True:
        with box_errors():
            cursor, found = client.scan(cursor, match=keys.ballot + "*", count=SCAN_COUNT)
            pipe = client.pipeline(transaction=False)
            for name in found:
                pipe.smembers(name)
            members = pipe.execute(raise_on_error=False) if found else []
        pairs: list[tuple[int, int]] = []
        for name, entries in zip(found, members, strict=True):
            try:
                if isinstance(entries, Exception):
                    raise entries
                account = _number(name[len(keys.ballot) :], MAX_ACCOUNT)
                pairs += [(account, _number(entry, MAX_ENTRY)) for entry in entries]
            except (ResponseError, ValueError):
                on_misfit(_text(name))
        if pairs:
            yield pairs
        if cursor == 0:
            return


def _number(text: str | bytes, most: int) -> int:
    """Errors: ValueError for what is no such number: the ledger could not take it, and a repair would end there."""
    number = int(text)
    if not 0 <= number <= most:
        raise ValueError(_text(text))
    return number


def read_voided(client: redis.Redis, keys: ShardKeys) -> list[tuple[int, int]]:
    """(account, entry) of the votes that the box holds as taken out; members that name no vote are left out.

    Errors: BoxAway.
    """
    pairs = []
    with box_errors():
        for member in client.sscan_iter(keys.voided, count=SCAN_COUNT):
            account, _, entry = _text(member).partition(":")
            with suppress(ValueError):
                pairs.append((_number(account, MAX_ACCOUNT), _number(entry, MAX_ENTRY)))
    return pairs


def whole_log(client: redis.Redis, keys: ShardKeys) -> Iterator[LogEvent]:
    """Every event that the log still has, in order. Errors: BoxAway."""
    with box_errors():
        try:
            info = client.xinfo_stream(keys.log)
        except ResponseError as error:
            if "no such key" not in str(error):
                raise
            return
    yield from events_between(client, keys, (0, 0), log_id(info["last-generated-id"]))
