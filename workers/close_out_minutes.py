"""The last step of a close-out: counted, written, signed and kept."""

import base64
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from models.audit import Actor, record
from models.contest import Contest, contest_by_id
from models.database import Connection, Engine, ledger_errors, snapshot, transaction
from models.minutes import Asked, Closing, canonical, minutes_of, public_key, sha256, sign
from models.minutes_pdf import minutes_pdf
from models.result import Result, find_result, keep_result
from models.result_corrections import corrections_made
from models.result_count import Count, count_contest
from models.secrets import KeyRing
from models.tally import contest_tallies
from models.voting_changes import early_end, voting_changes
from workers.close_out_refusals import CloseOutRefusedError, Refusal


def keep_minutes(
    engine: Engine, keys: KeyRing, contest_id: int, asked: Asked, actor: Actor, export: tuple[str, int]
) -> Result:
    """Counts and keeps, in one snapshot of the ledger; minutes that stand already are not made anew.

    `export`: digest of the exported votes, and how many they are. Errors: CloseOutRefusedError, LedgerAway.
    """
    at = datetime.now(UTC)
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # as the minutes tell it
    with ledger_errors(), engine.connect() as connection, snapshot(connection):
        contest = contest_by_id(connection, contest_id)
        count = count_contest(connection, contest_id)
        _refuse_other_tallies(connection, contest, count)
        if count.received != export[1]:
            raise CloseOutRefusedError(Refusal.COUNT)
        changes = voting_changes(connection, contest)
        made = corrections_made(connection, contest_id)
        closing = Closing(at, actor.name, early_end(changes), *export, made, changes)
        document = minutes_of(contest, count, closing, asked, public_key(keys, contest_id))
        _keep(connection, keys, contest_id, at, document, actor)
    with transaction(engine) as connection:
        result = find_result(connection, contest_id)
    if result is None:
        raise CloseOutRefusedError(Refusal.COUNT)
    return result


def _keep(
    connection: Connection, keys: KeyRing, contest_id: int, at: datetime, document: dict[str, Any], actor: Actor
) -> None:
    """Minutes, signature, PDF, and their line of the audit log."""
    minutes = canonical(document)
    digest = sha256(minutes)
    signature = sign(keys, contest_id, minutes)
    pdf = minutes_pdf(document, digest, base64.b64encode(signature).decode())
    if keep_result(connection, contest_id, at, minutes, signature, pdf):
        after = {"sha256": digest}  # no counts: they are in the minutes alone
        record(connection, actor, "result.make", f"contest:{contest_id}", contest_id=contest_id, after=after)


def _refuse_other_tallies(connection: Connection, contest: Contest, count: Count) -> None:
    """Rows and tallies must say the same of each entry."""
    tallies = Counter(contest_tallies(connection, contest.id))
    rows = Counter({entry.entry_id: entry.counted for entry in count.entries})
    if +tallies != +rows:
        raise CloseOutRefusedError(Refusal.COUNT)
