"""What box, log and ledger know of one account's votes, or of one receipt: for a claim, or any other question.

The order of the questions makes the answer whole: box, then cursor and log, then the rows. What the ballot had at the
first question is in the log behind the cursor at the second, or in the rows at the third; else it is nowhere.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from models.account_opening import account_openings
from models.ballot_box.account import BoxAccount, pending_events, read_account
from models.ballot_box.connection import BoxAway, BoxClient, BoxRefused
from models.ballot_box.keys import shard_keys
from models.contest import Contest, blocked_accounts, contest_by_id, entries
from models.cursor import parked_events, read_cursors
from models.database import Connection, Engine, transaction
from models.event import Event, Kind
from models.receipt import Receipts
from models.verdict import VoteFacts
from models.vote import votes

MOST_PENDING = 20_000
"""Events of a log that a request looks through."""


@dataclass(frozen=True)
class Facts:
    """Of one vote, with what it is called by."""

    entry_id: int
    receipt: int
    vote: VoteFacts


@dataclass(frozen=True)
class Finding:
    """What is known of an account. `votes` by entry."""

    account: int
    box_ready: bool
    """False: the box is away or being repaired; only the ledger was asked."""
    blocked: bool
    hint: str
    """Masked identity of the latest login; empty where none is kept."""
    logins: int
    votes: tuple[Facts, ...]

    def of(self, entry_id: int | None) -> Facts | None:
        """The vote for that entry."""
        return next((facts for facts in self.votes if facts.entry_id == entry_id), None)


@dataclass(frozen=True)
class _Ledger:
    rows: dict[int, tuple[datetime | None, datetime | None, str | None]]
    parked: frozenset[int]
    blocked: bool
    hint: str
    logins: int


def find_account(engine: Engine, box: BoxClient, contest: Contest, receipts: Receipts, account: int) -> Finding:
    """Everything of one account in one contest. A box that is away is said, not raised. Errors: LedgerAway."""
    held = _ask_box(box, contest, account)
    pending, whole = _ask_log(engine, box, contest, account, held)
    with transaction(engine) as connection:
        known = _ask_ledger(connection, contest.id, account)
        if held is not None and contest_by_id(connection, contest.id).epoch != held.epoch:
            held = None  # a repair came between
    sure = held is not None
    facts = []
    for entry in sorted({*known.rows, *pending, *(held.ballot if held else ())}):
        cast_at, voided_at, reason = known.rows.get(entry, (None, None, None))
        vote = VoteFacts(
            in_ballot=entry in held.ballot if held else None,
            box_voided=entry in held.voided if held else None,
            pending=entry in pending if whole or entry in pending else None,
            parked=entry in known.parked,
            in_ledger=entry in known.rows,
            cast_at=cast_at,
            voided_at=voided_at,
            reason=reason or "",
        )
        facts.append(Facts(entry, receipts.number(account, entry), vote))
    blocked = known.blocked or bool(held and held.blocked)
    return Finding(account, sure, blocked, known.hint, known.logins, tuple(facts))


def account_of_receipt(
    engine: Engine, box: BoxClient, contest: Contest, receipts: Receipts, number: int
) -> tuple[tuple[int, int] | None, bool]:
    """(account, entry) of the vote with this receipt number, by the ledger, else by what is parked or pending; None
    where none of them knows it. And whether that is sure: all of the logs was read. Errors: LedgerAway.
    """
    with transaction(engine) as connection:
        found = _row_of_receipt(connection, contest.id, number) or _parked_with(
            connection, contest.id, receipts, number
        )
        cursors = read_cursors(connection, contest.id)
    if found:
        return found, True
    sure = len(cursors) == contest.shards
    try:
        for shard, cursor in cursors.items():
            keys = shard_keys(contest.id, shard)
            events, whole = pending_events(
                box, keys, cursor.at, lambda event: _is_cast(event, number), most=MOST_PENDING
            )
            if events:
                return (events[0].account, events[0].entry), True
            sure = sure and whole
    except (BoxAway, BoxRefused):
        sure = False
    with transaction(engine) as connection:
        return _row_of_receipt(connection, contest.id, number), sure  # it may have been flushed meanwhile


def titles_of(connection: Connection, contest_id: int) -> dict[int, str]:
    """Entry → title, of drafts and withdrawn ones too."""
    query = select(entries.c.id, entries.c.title).where(entries.c.contest_id == contest_id)
    return dict(connection.execute(query).all())


def _is_cast(event: Event, number: int) -> bool:
    return event.kind is Kind.CAST and event.receipt == number


def _row_of_receipt(connection: Connection, contest_id: int, number: int) -> tuple[int, int] | None:
    query = (
        select(votes.c.account_id, votes.c.entry_id)
        .join(entries, entries.c.id == votes.c.entry_id)
        .where(votes.c.receipt == number, entries.c.contest_id == contest_id)
    )
    row = connection.execute(query).first()
    return (row.account_id, row.entry_id) if row else None


def _parked_with(connection: Connection, contest_id: int, receipts: Receipts, number: int) -> tuple[int, int] | None:
    query = select(parked_events.c.account_id, parked_events.c.entry_id).where(
        parked_events.c.contest_id == contest_id,
        parked_events.c.resolved_at.is_(None),
        parked_events.c.account_id.is_not(None),
        parked_events.c.entry_id.is_not(None),
    )
    rows = connection.execute(query).all()
    return next((tuple(row) for row in rows if receipts.number(row.account_id, row.entry_id) == number), None)


def _ask_box(box: BoxClient, contest: Contest, account: int) -> BoxAccount | None:
    """None where the box does not answer, or is not ready."""
    try:
        held = read_account(box, shard_keys(contest.id, account % contest.shards), account)
    except (BoxAway, BoxRefused):
        return None
    return held if held.epoch is not None else None


def _ask_log(
    engine: Engine, box: BoxClient, contest: Contest, account: int, held: BoxAccount | None
) -> tuple[Collection[int], bool]:
    """Entries of the account's votes that wait for the ledger, and whether these are all."""
    if held is None:
        return (), False
    shard = account % contest.shards
    with transaction(engine) as connection:
        cursor = read_cursors(connection, contest.id).get(shard)
    if cursor is None or cursor.epoch != held.epoch:
        return (), False

    def mine(event: Event) -> bool:
        return event.kind is Kind.CAST and event.account == account

    try:
        found, whole = pending_events(box, shard_keys(contest.id, shard), cursor.at, mine, most=MOST_PENDING)
    except (BoxAway, BoxRefused):
        return (), False
    return {event.entry for event in found}, whole


def _ask_ledger(connection: Connection, contest_id: int, account: int) -> _Ledger:
    rows = connection.execute(
        select(votes.c.entry_id, votes.c.cast_at, votes.c.voided_at, votes.c.void_reason)
        .join(entries, entries.c.id == votes.c.entry_id)
        .where(votes.c.account_id == account, entries.c.contest_id == contest_id)
    )
    parked = connection.scalars(
        select(parked_events.c.entry_id).where(
            parked_events.c.contest_id == contest_id,
            parked_events.c.account_id == account,
            parked_events.c.resolved_at.is_(None),
            parked_events.c.entry_id.is_not(None),
        )
    )
    blocked = connection.execute(
        select(1).where(blocked_accounts.c.contest_id == contest_id, blocked_accounts.c.account_id == account)
    ).first()
    hints = connection.scalars(
        select(account_openings.c.hint)
        .where(account_openings.c.contest_id == contest_id, account_openings.c.account_id == account)
        .order_by(account_openings.c.opened_at.desc())
    ).all()
    return _Ledger(
        rows={row.entry_id: (row.cast_at, row.voided_at, row.void_reason) for row in rows},
        parked=frozenset(entry for entry in parked if entry is not None),
        blocked=blocked is not None,
        hint=next((hint for hint in hints if hint), ""),
        logins=len(hints),
    )
