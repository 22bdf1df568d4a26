"""Bringing operators' decisions from the ledger into every shard of the box, and the box's own back into the ledger."""

from models import audit
from models.audit import Actor
from models.ballot_box import steer
from models.ballot_box.connection import BoxClient
from models.ballot_box.keys import shard_keys
from models.contest import (
    Contest,
    blocked,
    contest_by_id,
    decide_state,
    take_over_stops,
    votable_entries,
)
from models.database import Connection, Engine, transaction
from models.site_document import site_document
from models.times import milliseconds

PAUSING = "switch.voting"
"""Action of the audit log: paused, or going on."""
COMMAND = Actor("binhchon")


def bring(engine: Engine, client: BoxClient, contest: Contest) -> bool:
    """One round: closes what is over, takes over a stop made on the box alone, applies newer decisions.

    Returns False where the box does not have the contest in the ledger's epoch: it needs a repair.
    Errors: BoxAway, LedgerAway.
    """
    shards = [shard_keys(contest.id, number) for number in range(contest.shards)]
    standings = [steer.pulse(client, keys) for keys in shards]
    if not is_open(contest, standings):
        return False
    _take_over(engine, contest, standings)
    with transaction(engine) as connection:
        contest = contest_by_id(connection, contest.id)
        applied = all(standing.version >= contest.version for standing in standings)
        if applied and steer.site_version(client, contest.id) == contest.version:
            return True  # both: who dies between the two steps below, or is overtaken there, leaves an older site
        decisions = decisions_of(contest, votable_entries(connection, contest.id), blocked(connection, contest.id))
        document = site_document(connection, contest)
    for keys in shards:
        steer.apply(client, keys, decisions)
    steer.publish_site(client, contest.id, contest.slug, document)
    return True


def is_open(contest: Contest, standings: list[steer.Standing]) -> bool:
    """Whether every shard has the contest, in the ledger's epoch."""
    return all(standing.state and standing.epoch == contest.epoch for standing in standings)


def _take_over(engine: Engine, contest: Contest, standings: list[steer.Standing]) -> None:
    """Writes into the ledger what the box decided by itself: a stop, and the end of the voting time."""
    stops = max(standing.stops for standing in standings)
    closed = all(standing.state == "closed" for standing in standings) and contest.state in {"open", "paused"}
    if stops <= contest.stops_seen and not closed:
        return
    with transaction(engine) as connection:
        now = take_over_stops(connection, contest.id, stops)
        if closed and now.state in {"open", "paused"}:
            decide_state(connection, now.id, "closed")


def decisions_of(contest: Contest, entries: list[int], blocked_accounts: list[int]) -> steer.Decisions:
    """What the box must know of a contest."""
    return steer.Decisions(
        version=contest.version,
        state=contest.state,
        opens_at=milliseconds(contest.opens_at),
        closes_at=milliseconds(contest.closes_at),
        sessions_from=milliseconds(contest.sessions_from),
        stops_seen=contest.stops_seen,
        entries=entries,
        blocked=blocked_accounts,
    )


def in_force(client: BoxClient, contest: Contest) -> bool:
    """Whether every shard, and the voters' pages, have all that was decided up to the contest's version.

    Errors: BoxAway.
    """
    standings = [steer.pulse(client, shard_keys(contest.id, number)) for number in range(contest.shards)]
    if not is_open(contest, standings) or any(standing.version < contest.version for standing in standings):
        return False
    return (steer.site_version(client, contest.id) or 0) >= contest.version


def states_in_box(client: BoxClient, contest_id: int, shards: int) -> set[str]:
    """The state of each shard at this moment, empty for one that is not ready. Errors: BoxAway."""
    return {steer.pulse(client, shard_keys(contest_id, number)).state for number in range(shards)}


def pause_box(client: BoxClient, contest_id: int, shards: int) -> set[str]:
    """Pauses voting on the box, also while the ledger is away; `bring` tells the ledger. Returns the shards' states.

    Errors: BoxAway.
    """
    return {steer.stop(client, shard_keys(contest_id, number)).state for number in range(shards)}


def note_pause(connection: Connection, contest: Contest, actor: Actor, why: str) -> None:
    """The line of the audit log for who paused voting by `pause_box`; `contest`: as it stood before."""
    before, after = {"state": contest.state}, {"state": "paused"}
    subject = f"contest:{contest.id}"
    audit.record(connection, actor, PAUSING, subject, contest_id=contest.id, before=before, after=after, why=why)


def resume(engine: Engine, client: BoxClient, contest: Contest, actor: Actor = COMMAND, why: str = "") -> bool:
    """Lets voting go on, stops made on the box alone included. Returns False where the contest is not paused.

    Errors: BoxAway, LedgerAway.
    """
    bring(engine, client, contest)
    with transaction(engine) as connection:
        now = contest_by_id(connection, contest.id, lock=True)
        if now.state != "paused":
            return False
        decide_state(connection, now.id, "open")
        before, after = {"state": "paused"}, {"state": "open"}
        subject = f"contest:{now.id}"
        audit.record(connection, actor, PAUSING, subject, contest_id=now.id, before=before, after=after, why=why)
    bring(engine, client, contest)
    return True
