"""What the box knows of one account, and what its log has that is not in the ledger yet: for operators' questions."""

from collections.abc import Callable
from dataclasses import dataclass

import redis

from models.ballot_box.connection import box_errors
from models.ballot_box.drain import events_between, read_books
from models.ballot_box.keys import ShardKeys
from models.event import Event, LogId, MalformedEventError, unpack


@dataclass(frozen=True)
class BoxAccount:
    """One account at one moment. `epoch` None: the box is not ready, and what it says is nothing to go by."""

    epoch: int | None
    ballot: frozenset[int]
    """Entries that it voted for, those of voided votes too."""
    voided: frozenset[int]
    blocked: bool


def read_account(client: redis.Redis, keys: ShardKeys, account: int) -> BoxAccount:
    """In one step. Errors: BoxAway."""
    ballot = keys.ballot + str(account)
    with box_errors():
        pipe = client.pipeline(transaction=True)
        pipe.hget(keys.contest, "epoch")
        pipe.smembers(ballot)
        pipe.sismember(keys.blocked, str(account))
        epoch, members, blocked = pipe.execute()
        entries = sorted(int(member) for member in members)
        taken_out = client.smismember(keys.voided, [f"{account}:{entry}" for entry in entries]) if entries else []
    voided = frozenset(entry for entry, out in zip(entries, taken_out, strict=True) if out)
    return BoxAccount(None if epoch is None else int(epoch), frozenset(entries), voided, bool(blocked))


def pending_events(
    client: redis.Redis, keys: ShardKeys, cursor: LogId, wanted: Callable[[Event], bool], *, most: int
) -> tuple[list[Event], bool]:
    """The events after `cursor` that are `wanted`, of the next `most`; and whether that was all of them.

    Errors: BoxAway.
    """
    last = read_books(client, keys).last
    found: list[Event] = []
    for number, (_ms, _seq, packed) in enumerate(events_between(client, keys, cursor, last, page=2_000)):
        if number >= most:
            return found, False
        try:
            event = unpack(packed)
        except MalformedEventError:
            continue  # the flush parks it
        if wanted(event):
            found.append(event)
    return found, True
