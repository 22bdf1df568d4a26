"""A contest opened in a box by the repair functions alone, for tests that need no ledger."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from models.ballot_box import steer
from models.ballot_box.connection import box_client, call
from models.ballot_box.keys import ShardKeys, shard_keys
from models.event import Event, Kind, pack_cast, unpack
from models.outcomes import BY_LETTER, Outcome

CONTEST_ID = 12
FINGERPRINT = "1:0123456789abcdef"
DAY_MS = 86_400_000


@dataclass
class Box:
    """A contest with the entries 1, 2 and 3 that is open in a box from yesterday until tomorrow."""

    client: redis.Redis
    shards: int = 1
    epoch: int = 1
    repairs: int = 0

    def keys(self, account: int = 0) -> ShardKeys:
        return shard_keys(CONTEST_ID, account % self.shards)

    def every_shard(self) -> list[ShardKeys]:
        return [shard_keys(CONTEST_ID, number) for number in range(self.shards)]

    def now(self) -> int:
        """TIME of the box in ms."""
        seconds, micros = self.client.time()
        return seconds * 1000 + micros // 1000

    def open(self, least: tuple[int, int] = (0, 1), **fields: Any) -> None:
        """Opens the contest, or takes it through a repair: a log begun anew in the epoch `self.epoch`."""
        self.repairs += 1
        now = self.now()
        contest = {
            "state": "open",
            "opens_at": now - DAY_MS,
            "closes_at": now + DAY_MS,
            "version": 1,
            "epoch": self.epoch,
            "shards": self.shards,
            "key": FINGERPRINT,
            "sessions_from": 0,
            "stops": 0,
        } | fields
        token = f"repair {self.repairs}"
        for keys in self.every_shard():
            steer.shut(self.client, keys, token)
            steer.refill(self.client, keys, token, "entries", (1, 2, 3))
            steer.begin_log(self.client, keys, token, least, self.epoch)
            steer.reopen(self.client, keys, token, contest)

    def change(self, **fields: Any) -> None:
        """Changes fields of the contest hash behind the functions' back."""
        for keys in self.every_shard():
            self.client.hset(keys.contest, mapping=fields)

    def cast(self, *votes: tuple[int, int], **told: Any) -> list[Outcome]:
        """Votes (account, entry) of one shard in one call; `told`: shards, epoch, key where they are to differ."""
        args = cast_args(*votes, **({"shards": self.shards, "epoch": self.epoch} | told))
        letters, _last = call(self.client, "cast", self.keys(votes[0][0]), *args)
        return [BY_LETTER[letter] for letter in letters]

    def events(self) -> list[Event]:
        """All that the logs hold."""
        return [unpack(fields[b"e"]) for keys in self.every_shard() for _, fields in self.client.xrange(keys.log)]

    def logged_votes(self) -> list[tuple[int, int]]:
        """(account, entry) of the casts in the logs."""
        return [(event.account, event.entry) for event in self.events() if event.kind == Kind.CAST]

    def tally(self) -> dict[int, int]:
        counts: dict[int, int] = {}
        for keys in self.every_shard():
            for entry, votes in self.client.hgetall(keys.tally).items():
                counts[int(entry)] = counts.get(int(entry), 0) + int(votes)
        return counts

    def ballot(self, account: int) -> set[int]:
        return {int(entry) for entry in self.client.smembers(self.keys(account).ballot + str(account))}

    def everything(self) -> dict[bytes, bytes]:
        """Every key and its value, to see that nothing changed."""
        return {name: self.client.dump(name) for name in self.client.scan_iter()}


def cast_args(*votes: tuple[int, int], shards: int = 1, epoch: int = 1, key: str = FINGERPRINT) -> list[Any]:
    """ARGS of `cast`."""
    args: list[Any] = [shards, epoch, key]
    for account, entry in votes:
        args += [account, entry, body(account, entry)]
    return args


def body(account: int, entry: int) -> bytes:
    """What an API packs of a vote."""
    return pack_cast(account, entry, (account ^ entry) % 2**60, 128, b"evidence")


@contextmanager
def open_box(url: str, *, shards: int = 1, **fields: Any) -> Iterator[Box]:
    """A contest opened in the box at `url`; `fields` of the contest hash where they are to differ."""
    with closing(box_client(url)) as client:
        made = Box(client, shards)
        made.open(**fields)
        yield made
