"""Erasing what has been kept long enough, each night and when an admin asks for it.

| what happens                       | then                                                                 |
|------------------------------------|----------------------------------------------------------------------|
| dies within a batch                | the batch did not happen; the next run begins anew and finds it      |
| dies between batches               | what was committed is erased and counted; the next run does the rest |
| dies before the audit log was told | the next run tells what has not been told                            |
| two runs at once                   | each row is erased, and counted, by one of them                      |
| the flush writes meanwhile         | nobody waits: rows that are held are left to the next run            |
| ledger or box away                 | the run ends; the next night, or the next nudge, begins anew         |
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from models.account_erasing import erase_account, erased_accounts
from models.audit import SYSTEM, Actor
from models.ballot_box.connection import BoxAway, BoxClient, BoxRefused
from models.ballot_box.drain import trim_to
from models.ballot_box.keys import shard_keys
from models.contest import Contest, all_contests, contest_by_id
from models.cursor import read_cursors
from models.database import Connection, Engine, transaction
from models.erasing import (
    What,
    claims_of_contest,
    count_paged,
    criteria_of_contest,
    entries_of,
    erase_claims,
    erase_clusters,
    erase_contacts,
    erase_criteria,
    erase_pages,
    erase_parked,
    erase_requests,
    erase_uploads,
    pages_of,
)
from models.retention import Rules, dues, note_erasure, read_rules, tell_erasures
from models.times import VIETNAM
from workers.work import Work

log = structlog.get_logger()

PAGES = 64
"""Pages of a table in one batch: half a megabyte, some 5,000 votes."""

Progress = Callable[[int, int], None]
"""Told after each batch how many pages of a table are done, of how many. What it raises ends the run."""


@dataclass(frozen=True)
class Run:
    """What one run works with."""

    engine: Engine
    box: BoxClient
    now: datetime
    progress: Progress

    def note(self, connection: Connection, contest_id: int, what: What, rows: int) -> None:
        note_erasure(connection, self.now.astimezone(VIETNAM).date(), contest_id, what.value, rows)


def erase_all(engine: Engine, box: BoxClient, now: datetime, progress: Progress) -> None:
    """The nightly run, over all contests. Errors: LedgerAway, and what `progress` raises."""
    run = Run(engine, box, now, progress)
    with transaction(engine) as connection:
        contests = all_contests(connection)
    for contest in contests:
        erase_contest(run, contest, SYSTEM)
    _again(run)
    with transaction(engine) as connection:
        run.note(connection, 0, What.UPLOADS, erase_uploads(connection))
    with transaction(engine) as connection:
        tell_erasures(connection, SYSTEM, 0)


def erase_contest(run: Run, contest: Contest, actor: Actor) -> dict[str, int]:
    """Erases what of one contest is due now, and tells the audit log. Returns what → rows. Errors: LedgerAway."""
    with transaction(run.engine) as connection:
        rules = read_rules(connection, contest.id)
        due = dues(contest, rules)
        run.note(connection, contest.id, What.CONTACTS, erase_contacts(connection, contest.id, rules.contact_days))
    if due.evidence(run.now):
        with transaction(run.engine) as connection:
            entries = entries_of(connection, contest.id)
            run.note(connection, contest.id, What.CRITERIA, erase_criteria(connection, criteria_of_contest(contest.id)))
        _pages(run, contest.id, What.EVIDENCE, entries)
        _trim(run, contest)
    if due.personal(run.now):
        _pages(run, contest.id, What.OPENINGS, [contest.id])
        with transaction(run.engine) as connection:
            run.note(connection, contest.id, What.CLAIMS, erase_claims(connection, claims_of_contest(contest.id)))
            run.note(connection, contest.id, What.CLUSTERS, erase_clusters(connection, contest.id))
            run.note(connection, contest.id, What.REQUESTS, erase_requests(connection, contest.id))
            run.note(connection, contest.id, What.PARKED, erase_parked(connection, contest.id))
    with transaction(run.engine) as connection:
        return tell_erasures(connection, actor, contest.id, rules.early_reason if contest.state != "final" else "")


def _pages(run: Run, contest_id: int, what: What, of: list[int]) -> None:
    with transaction(run.engine) as connection:
        pages = pages_of(connection, what)
    for first in range(0, pages, PAGES):
        with transaction(run.engine) as connection:
            run.note(connection, contest_id, what, erase_pages(connection, what, of, first, PAGES))
        run.progress(min(first + PAGES, pages), pages)


def _trim(run: Run, contest: Contest) -> None:
    """The log's tail, which holds what is in the ledger: of a contest that is over nobody needs it. The event at the
    cursor stays, by which the flush knows the log again.
    """
    with transaction(run.engine) as connection:
        cursors = read_cursors(connection, contest.id)
        if contest_by_id(connection, contest.id).state != "final":
            return
    for shard, cursor in cursors.items():
        try:
            dropped = trim_to(run.box, shard_keys(contest.id, shard), cursor.at)
        except (BoxAway, BoxRefused) as error:
            log.warning("the log's tail waits", contest=contest.slug, shard=shard, problem=str(error))
            continue
        with transaction(run.engine) as connection:
            run.note(connection, contest.id, What.LOG, dropped)


def _again(run: Run) -> None:
    """What people had erased, and has come again."""
    with transaction(run.engine) as connection:
        accounts = erased_accounts(connection)
    for account, until in accounts:
        with transaction(run.engine) as connection:
            for what, rows in erase_account(connection, account, until).items():
                run.note(connection, 0, What(what), rows)


def due_counts(engine: Engine, contest: Contest, now: datetime, rules: Rules) -> dict[str, int]:
    """What `erase_contest` would erase now: what → rows, 0 where something is due and there is nothing of it."""
    due = dues(contest, rules)
    found: dict[str, int] = {}
    with transaction(engine) as connection:
        found[What.CONTACTS] = erase_contacts(connection, contest.id, rules.contact_days, count=True)
        if due.evidence(now):
            found[What.EVIDENCE] = count_paged(connection, What.EVIDENCE, entries_of(connection, contest.id))
            found[What.CRITERIA] = erase_criteria(connection, criteria_of_contest(contest.id), count=True)
        if due.personal(now):
            found[What.OPENINGS] = count_paged(connection, What.OPENINGS, [contest.id])
            found[What.CLAIMS] = erase_claims(connection, claims_of_contest(contest.id), count=True)
            found[What.CLUSTERS] = erase_clusters(connection, contest.id, count=True)
            found[What.REQUESTS] = erase_requests(connection, contest.id, count=True)
            found[What.PARKED] = erase_parked(connection, contest.id, count=True)
    return {str(what): rows for what, rows in found.items()}


def erase_task(work: Work) -> dict[str, Any]:
    """The task `erasing`: what the nightly run would do for one contest, now. Run again it does what is left."""
    with transaction(work.engine) as connection:
        contest = contest_by_id(connection, work.task.payload["contest"])
    run = Run(work.engine, work.box, datetime.now(UTC), work.progress)
    return {"erased": erase_contest(run, contest, work.task.actor)}


def count_task(work: Work) -> dict[str, Any]:
    """The task `erasing.count`: the dry run. It changes nothing."""
    with transaction(work.engine) as connection:
        contest = contest_by_id(connection, work.task.payload["contest"])
        rules = read_rules(connection, contest.id)
    return {"due": due_counts(work.engine, contest, datetime.now(UTC), rules)}
