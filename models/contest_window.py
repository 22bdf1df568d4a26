"""Moving the voting time of a contest that is live. What has been cast stays, and what is over stays over: the box
closes by its own clock, and no decision reopens it.
"""

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, update

from models import audit
from models.audit import Actor
from models.ballot_box import steer
from models.ballot_box.connection import BoxClient
from models.ballot_box.keys import shard_keys
from models.contest import Contest, contest_by_id, contests, raise_version
from models.times import from_ms

LAST = timedelta(seconds=10)
"""So shortly before its end it moves no more: some shards could close between the question and the answer."""
AT_ONCE = timedelta(seconds=2)
"""An end in the past becomes one so soon that the box still learns of it before: it closes on time by its own clock,
and no vote that it counts stands behind the end.
"""

Consequence = Literal[
    "closes_now", "closes_earlier", "closes_later", "opens_now", "opens_later", "stops_until", "opens_earlier"
]


class WindowRefusedError(Exception):
    """The voting time does not move. `code`: `over`, `order` (it would end before it begins), `same`, `changed`
    (somebody else moved it meanwhile), `draft`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def box_moment(client: BoxClient, contest: Contest) -> datetime:
    """Now, by the clock that decides; what is over by it is closed in every shard. Errors: BoxAway."""
    standings = [steer.pulse(client, shard_keys(contest.id, number)) for number in range(contest.shards)]
    return from_ms(max(standing.now for standing in standings))


def consequences(contest: Contest, opens_at: datetime, closes_at: datetime, now: datetime) -> list[Consequence]:
    """What moving the voting time does, to be said before it is done. Errors: WindowRefusedError."""
    if contest.draft:
        raise WindowRefusedError("draft")
    if contest.is_over or contest.closes_at - LAST <= now:
        raise WindowRefusedError("over")
    if opens_at >= closes_at or (closes_at <= now and opens_at >= now):
        raise WindowRefusedError("order")
    if (opens_at, closes_at) == (contest.opens_at, contest.closes_at):
        raise WindowRefusedError("same")
    found: list[Consequence] = []
    if opens_at != contest.opens_at:
        found += _of_opening(contest.opens_at, opens_at, now)
    if closes_at <= now:
        found.append("closes_now")
    elif closes_at != contest.closes_at:
        found.append("closes_earlier" if closes_at < contest.closes_at else "closes_later")
    return found


def _of_opening(before: datetime, after: datetime, now: datetime) -> list[Consequence]:
    if before <= now:  # voting has begun
        return ["stops_until"] if after > now else []
    if after <= now:
        return ["opens_now"]
    return ["opens_earlier" if after < before else "opens_later"]


def move_window(
    connection: Connection,
    contest: Contest,
    opens_at: datetime,
    closes_at: datetime,
    actor: Actor,
    *,
    why: str,
    now: datetime,
) -> Contest:
    """Moves the voting time of the contest that the operator saw; an end in the past becomes AT_ONCE from `now`.
    Returns the contest as it then stands.

    Errors: WindowRefusedError, UnknownContestError.
    """
    locked = contest_by_id(connection, contest.id, lock=True)
    if (locked.opens_at, locked.closes_at) != (contest.opens_at, contest.closes_at):
        raise WindowRefusedError("changed")
    if "closes_now" in consequences(locked, opens_at, closes_at, now):
        closes_at = now + AT_ONCE
    window = {"opens_at": opens_at, "closes_at": closes_at}
    connection.execute(update(contests).where(contests.c.id == contest.id).values(window))
    raise_version(connection, contest.id)
    before, after = audit.difference(
        {"opens_at": locked.opens_at.isoformat(), "closes_at": locked.closes_at.isoformat()},
        {name: moment.isoformat() for name, moment in window.items()},
    )
    subject = f"contest:{contest.id}"
    audit.record(
        connection, actor, "contest.window", subject, contest_id=contest.id, before=before, after=after, why=why
    )
    return contest_by_id(connection, contest.id)
