"""Opening and repair: the one procedure that brings box and ledger together. It only ever adds, and may be repeated.

    1 shut      take `contest` away in every shard: nothing is decided any more; from here the newest repair goes on;
                an empty box is marked as the ledger's own
    2 pour      in one transaction: the whole log, then every ballot, into the ledger; tallies counted anew; COMMIT
    3 refill    entries, blocked, voided, tally from the ledger; ballots that the box lacks
    4 begin     the log anew, with an id that no earlier one exceeds; then cursor rows and the new epoch; COMMIT
    5 reopen    put `contest` back

The first opening is a repair from an empty ledger into an empty box.

| dies …              | then                                                                                         |
|---------------------|----------------------------------------------------------------------------------------------|
| after 1, in 2       | nothing was changed but that the box is shut; the next repair begins at 1                    |
| after 2, in 3       | the ledger has everything that the box had; what was refilled is refilled again, to the same |
| in 4, before COMMIT | the log begins with an `opened` that no cursor row points to; it is begun once more          |
| after 4             | ledger and log fit each other, the box is still shut; the next repair begins another epoch   |

A box whose epoch the ledger does not know is never poured: it stays shut, until a person says that it is the right one.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

import structlog

from models import recovery
from models.ballot_box import drain, steer
from models.ballot_box.connection import BoxClient
from models.ballot_box.keys import ShardKeys, shard_keys
from models.contest import (
    Contest,
    blocked,
    contest_by_id,
    never_reuse_entry_ids,
    set_epoch,
    take_over_stops,
    votable_entries,
)
from models.cursor import add_epoch, begin_cursor, knows_epoch, lock_cursor, read_cursors, resolve_parked
from models.database import Connection, Engine, ledger_errors
from models.decisions import is_open
from models.receipt import Receipts
from models.secrets import KeyRing
from models.site_document import site_document
from models.tally import recount_tallies, shard_tallies
from models.times import milliseconds
from models.vote import count_strangers
from workers.flush import BATCH
from workers.pour import pour

log = structlog.get_logger()

LOCK_S = 1.0

Progress = Callable[[str, int], None]
"""Called with a step (`shut`, `log`, `ballots`, `refill`, `reopen`) and how many items it has done."""


class RepairRefusedError(Exception):
    """The repair must not or need not run. The text says why, for people."""


class RepairRunningError(RepairRefusedError):
    """Another repair of this contest is at work."""


@dataclass
class RepairReport:
    """What a repair found and did, in numbers of votes or events."""

    poured: int = 0
    recovered: int = 0
    refilled: int = 0
    voided: int = 0
    strangers: int = 0
    """Votes for entries that the ledger does not know. They are kept as rows and count for no contest."""
    misfits: list[str] = field(default_factory=list)
    epoch: int = 0


def _quiet(_step: str, _done: int) -> None:
    pass


def repair(
    engine: Engine,
    client: BoxClient,
    contest_id: int,
    keys: KeyRing,
    *,
    accept_epoch: bool = False,
    unless_open: bool = False,
    progress: Progress = _quiet,
) -> RepairReport:
    """Opens the contest in the box, or brings a damaged box or ledger back. Safe to run twice and to kill at any point.

    `unless_open`: does nothing where box and ledger are in one epoch: whoever asked may have seen a repair at work,
    which has ended since. `accept_epoch`: a person vouches for a box whose epoch the ledger does not know (a ledger
    restored from a backup that is older than the latest repair).
    Errors: RepairRefusedError, RepairTakenOverError, BoxAway, BoxFull, LedgerAway.
    """
    report = RepairReport()
    with ledger_errors(), engine.connect() as connection:
        with connection.begin():
            _take_lock(connection, contest_id)
            contest = contest_by_id(connection, contest_id)
        if contest.key_fingerprint != keys.fingerprint():
            raise RepairRefusedError("this installation's identity key is not the one that the contest was made with")
        shards = [shard_keys(contest_id, number) for number in range(contest.shards)]
        if unless_open and is_open(contest, [steer.pulse(client, shard) for shard in shards]):
            return RepairReport(epoch=contest.epoch)
        token = secrets.token_hex(8)
        _shut(connection, client, contest, shards, token, accept_epoch=accept_epoch)
        progress("shut", len(shards))
        with connection.begin():
            for number in range(contest.shards):
                lock_cursor(connection, contest_id, number, wait=True)  # a flush in progress ends first
            receipts = Receipts(keys, contest_id)
            for number, shard in enumerate(shards):
                _pour_shard(connection, client, contest, number, shard, receipts, report, progress)
            resolve_parked(connection, contest_id)
            recount_tallies(connection, contest_id)
            report.strangers = count_strangers(connection)
        for number, shard in enumerate(shards):
            _refill(connection, client, contest_id, number, shard, token, report, progress)
        report.epoch = _begin(connection, client, contest_id, shards, token)
        _reopen(connection, client, contest_id, shards, token)
        progress("reopen", len(shards))
    if report.strangers:
        log.error(
            "ALARM: votes for entries that the ledger does not know", contest=contest.slug, votes=report.strangers
        )
    log.info("the contest is open in the box", contest=contest.slug, **report.__dict__)
    return report


def _take_lock(connection: Connection, contest_id: int) -> None:
    """Waits at most LOCK_S: the session of a repair that has just ended may hold it a moment longer.

    Errors: RepairRunningError.
    """
    until = time.monotonic() + LOCK_S
    while not recovery.try_repair_lock(connection, contest_id):
        if time.monotonic() > until:
            raise RepairRunningError("another repair of this contest is running")
        time.sleep(0.02)


def _shut(
    connection: Connection,
    client: BoxClient,
    contest: Contest,
    shards: list[ShardKeys],
    token: str,
    *,
    accept_epoch: bool,
) -> None:
    """Step 1. Errors: RepairRefusedError for a box that must not be poured."""
    stops = 0
    for shard in shards:
        taken = steer.shut(client, shard, token)
        stops = max(stops, taken.stops)
        if contest.epoch and taken.epoch != contest.epoch:
            log.error(
                "ALARM: the box is empty or went back in time: votes that were not in the ledger yet may be lost",
                contest=contest.slug,
                box_epoch=taken.epoch,
                ledger_epoch=contest.epoch,
            )
        if _is_known(connection, contest.id, taken.epoch):
            continue
        if not accept_epoch and (taken.epoch is not None or steer.holds_anything(client, shard)):
            raise RepairRefusedError(
                f"the box is in epoch {taken.epoch}, which this ledger does not know: it stays shut. If box and"
                " ledger do belong together (a ledger restored from an older backup), run"
                " `binhchon repair --accept-epoch`"
            )
        steer.adopt(client, shard, token, _new_epoch(connection, contest.id))
    with connection.begin():
        take_over_stops(connection, contest.id, stops)  # that decision must outlive the repair


def _is_known(connection: Connection, contest_id: int, epoch: int | None) -> bool:
    with connection.begin():
        return epoch is not None and knows_epoch(connection, contest_id, epoch)


def _new_epoch(connection: Connection, contest_id: int) -> int:
    epoch = secrets.randbelow(2**52) + 1
    with connection.begin():
        add_epoch(connection, contest_id, epoch)
    return epoch


def _pour_shard(
    connection: Connection,
    client: BoxClient,
    contest: Contest,
    number: int,
    shard: ShardKeys,
    receipts: Receipts,
    report: RepairReport,
    progress: Progress,
) -> None:
    """Step 2, one shard."""
    events = drain.whole_log(client, shard)
    while batch := list(islice(events, BATCH)):
        pour(connection, contest.id, number, batch, all_new=False)
        report.poured += len(batch)
        progress("log", len(batch))
    stage_ballots(connection, client, shard, report.misfits.append, lambda done: progress("ballots", done))
    never_reuse_entry_ids(connection, recovery.greatest_entry(connection))
    for pairs in recovery.only_in_ballots(connection):
        rows = [(account, entry, number, receipts.number(account, entry)) for account, entry in pairs]
        report.recovered += recovery.insert_recovered(connection, rows)
    voided = drain.read_voided(client, shard)
    if voided:
        report.voided += recovery.void_recovered(connection, voided)


def stage_ballots(
    connection: Connection,
    client: BoxClient,
    shard: ShardKeys,
    on_misfit: Callable[[str], None],
    progress: Callable[[int], None] = lambda _done: None,
) -> None:
    """Lays the shard's ballots beside the ledger's votes (models/recovery.py)."""
    recovery.begin_balloted(connection)
    for pairs in drain.scan_ballots(client, shard, on_misfit):
        recovery.add_balloted(connection, pairs)
        progress(len(pairs))
    recovery.index_balloted(connection)


def _refill(
    connection: Connection,
    client: BoxClient,
    contest_id: int,
    number: int,
    shard: ShardKeys,
    token: str,
    report: RepairReport,
    progress: Progress,
) -> None:
    """Step 3, one shard."""
    steer.forget(client, shard, token)
    with connection.begin():
        steer.refill(client, shard, token, "entries", votable_entries(connection, contest_id))
        steer.refill(client, shard, token, "blocked", (str(account) for account in blocked(connection, contest_id)))
        tally = shard_tallies(connection, contest_id, number)
        steer.refill(client, shard, token, "tally", chain.from_iterable(tally.items()))
        for pairs in recovery.voided_pairs(connection, contest_id, number):
            steer.refill(client, shard, token, "voided", (f"{account}:{entry}" for account, entry in pairs))
        stage_ballots(connection, client, shard, lambda _name: None)
        for pairs in recovery.only_in_ledger(connection, contest_id, number):
            members: Iterator[str | int] = chain.from_iterable((str(account), entry) for account, entry in pairs)
            report.refilled += steer.refill(client, shard, token, "ballots", members)
            progress("refill", len(pairs))


def _begin(connection: Connection, client: BoxClient, contest_id: int, shards: list[ShardKeys], token: str) -> int:
    """Step 4. Returns the new epoch."""
    epoch = _new_epoch(connection, contest_id)
    with connection.begin():
        cursors = read_cursors(connection, contest_id)
        set_epoch(connection, contest_id, epoch)
        for number, shard in enumerate(shards):
            least = cursors[number].at if number in cursors else (0, 1)
            at, packed = steer.begin_log(client, shard, token, least, epoch)
            begin_cursor(connection, contest_id, number, epoch, at, packed)
    return epoch


def _reopen(connection: Connection, client: BoxClient, contest_id: int, shards: list[ShardKeys], token: str) -> None:
    """Step 5, with what the ledger says by now."""
    with connection.begin():
        contest = contest_by_id(connection, contest_id)
        document = site_document(connection, contest)
    fields: dict[str, str | int] = {
        "state": contest.state,
        "opens_at": milliseconds(contest.opens_at),
        "closes_at": milliseconds(contest.closes_at),
        "version": contest.version,
        "epoch": contest.epoch,
        "shards": contest.shards,
        "key": contest.key_fingerprint,
        "sessions_from": milliseconds(contest.sessions_from),
        "stops": contest.stops_seen,
    }
    steer.publish_site(client, contest_id, contest.slug, document)
    for shard in shards:
        steer.reopen(client, shard, token, fields)
