"""A small contest in ledger and box, for tests of what workers do."""

import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import redis

from models.ballot_box.connection import box_client, call
from models.ballot_box.keys import ShardKeys, shard_keys
from models.contest import Contest, contest_by_id
from models.contest_file import ContestFile
from models.contest_import import import_contest
from models.database import Engine, transaction, worker_engine
from models.decisions import bring, pause_box
from models.event import AccountOpened, pack_account_opened, pack_cast
from models.outcomes import BY_LETTER, Outcome
from models.receipt import Receipts
from models.secrets import KeyRing
from workers.repair import RepairReport, repair

KEYS = KeyRing(identity_key="made up for tests", session_keys=("made up too",))
_accounts = itertools.count(1_000_000_007)


def contest_file(**changes: Any) -> ContestFile:
    """Three entries in one category, open from an hour ago for a day."""
    now = datetime.now(UTC).replace(microsecond=0)
    contest = {
        "slug": "thu",
        "title": "Cuộc thi thử",
        "opens_at": now - timedelta(hours=1),
        "closes_at": now + timedelta(days=1),
        "minted_sessions": True,
    } | changes
    entries = [{"slug": f"bai-{n}", "title": f"Bài {n}", "category": "chung"} for n in (1, 2, 3)]
    return ContestFile.model_validate(
        {"contest": contest, "categories": [{"slug": "chung", "title": "Chung"}], "entries": entries}
    )


def opening(account: int) -> AccountOpened:
    """A login of a made-up voter."""
    return AccountOpened(account, 1, "a•••@example.vn", "example.vn", (-5, 7, 2**31 - 1), ((1, 1), (2, 1), (3, 1)))


@dataclass
class Stage:
    """A contest that is open in a box, with a ledger behind it."""

    engine: Engine
    client: redis.Redis
    contest_id: int
    shards: int = 1
    receipts: Receipts = field(init=False)

    def __post_init__(self) -> None:
        self.receipts = Receipts(KEYS, self.contest_id)

    @property
    def contest(self) -> Contest:
        with transaction(self.engine) as connection:
            return contest_by_id(connection, self.contest_id)

    def keys(self, account: int = 0) -> ShardKeys:
        return shard_keys(self.contest_id, account % self.shards)

    def repair(self, **options: Any) -> RepairReport:
        return repair(self.engine, self.client, self.contest_id, KEYS, **options)

    def pause(self) -> None:
        """As `binhchon pause` does."""
        assert pause_box(self.client, self.contest_id, self.shards) == {"paused"}
        assert bring(self.engine, self.client, self.contest)

    def cast(self, *votes: tuple[int, int], epoch: int | None = None) -> list[Outcome]:
        """Votes (account, entry) of one shard, in one call."""
        args: list[Any] = [self.shards, epoch or self.contest.epoch, KEYS.fingerprint()]
        for account, entry in votes:
            body = pack_cast(account, entry, self.receipts.number(account, entry), 128, b"evidence")
            args += [account, entry, body]
        letters, _last = call(self.client, "cast", self.keys(votes[0][0]), *args)
        return [BY_LETTER[letter] for letter in letters]

    def cast_many(self, number: int, entry: int = 1) -> list[tuple[int, int]]:
        """That many new accounts vote for an entry."""
        votes = [(next(_accounts) * self.shards, entry) for _ in range(number)]
        for at in range(0, number, 1000):
            assert set(self.cast(*votes[at : at + 1000])) == {Outcome.COUNTED}
        return votes

    def open_accounts(self, *accounts: int, epoch: int | None = None) -> str:
        """Logins of one shard, in one call. Returns a letter for each (`open_account` in ballot_box.lua)."""
        bodies = [pack_account_opened(opening(account)) for account in accounts]
        told = (self.shards, epoch or self.contest.epoch, KEYS.fingerprint())
        letters: bytes = call(self.client, "open_account", self.keys(accounts[0]), *told, *bodies)
        return letters.decode()

    def rows(
        self, query: str = "SELECT account_id, entry_id FROM votes WHERE voided_at IS NULL"
    ) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]


@contextmanager
def stage(box: str, database: str, **changes: Any) -> Iterator[Stage]:
    """A contest imported and opened."""
    engine = worker_engine(database)
    file = contest_file(**changes)
    with transaction(engine) as connection:
        contest_id = import_contest(connection, file, KEYS.fingerprint()).contest_id
    with closing(box_client(box)) as client:
        made = Stage(engine, client, contest_id, file.contest.shards)
        made.repair()
        yield made
