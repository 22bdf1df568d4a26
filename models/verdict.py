"""What became of a vote, in one word, from what box, log and ledger know of it: one closed set, one function.

Refusals leave no trace, so that a vote that was refused cannot be told from one that never came: both are `no_vote`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    COUNTED = "counted"
    PENDING = "pending"
    """In ballot and log; the ledger will have it within seconds of being reachable."""
    VOIDED = "voided"
    PARKED = "parked"
    """The ledger refused its data: it stands in the books, and a technician has to see to it."""
    LOST = "lost"
    """The box has it, or a genuine receipt was given, and neither log nor ledger knows it: what must never be."""
    NO_VOTE = "no_vote"
    """The account is known, and has no vote, or none for the entry that is asked about."""
    BLOCKED = "blocked"
    """As `no_vote`, and the account may not vote."""
    UNSURE = "unsure"
    """A store does not answer, and those that do know nothing."""
    NO_ACCOUNT = "no_account"
    """Nothing tells whose vote it is about."""


@dataclass(frozen=True)
class VoteFacts:
    """What is known of one vote of one account. None: the store could not be asked."""

    in_ballot: bool | None = None
    box_voided: bool | None = None
    pending: bool | None = None
    parked: bool = False
    in_ledger: bool = False
    cast_at: datetime | None = None
    voided_at: datetime | None = None
    reason: str = ""
    """Why it was voided, where it is."""


def verdict_of_vote(facts: VoteFacts) -> Verdict:
    """A void or restore that waits for the ledger stands in the box already: where both are known, the box decides."""
    if facts.box_voided or (facts.box_voided is None and facts.voided_at is not None):
        return Verdict.VOIDED
    if facts.in_ledger:
        # A row that the box has not voided any more is restored; one that its ballot lacks was cast since it was asked.
        return Verdict.VOIDED if facts.voided_at is not None and not facts.in_ballot else Verdict.COUNTED
    if facts.parked:
        return Verdict.PARKED
    if facts.pending:
        return Verdict.PENDING
    if facts.in_ballot:
        return Verdict.LOST if facts.pending is False else Verdict.PENDING
    return Verdict.NO_VOTE if facts.in_ballot is False else Verdict.UNSURE


def verdict_of_claim(
    asked: VoteFacts | None, others: Sequence[VoteFacts], *, sure: bool, blocked: bool, receipt: bool = False
) -> Verdict:
    """What a voter is told.

    `asked`: the vote that the claim is about, None where the account has none such, or where no entry is named; then
    `others`, the account's votes, decide if an entry is not named, by the worst of them. `sure`: the box answered.
    `receipt`: the voter has a genuine one for this account, so that a vote there must be.
    """
    if asked is not None:
        found = verdict_of_vote(asked)
        return Verdict.LOST if receipt and found is Verdict.NO_VOTE else found
    worst = (Verdict.LOST, Verdict.PARKED, Verdict.VOIDED, Verdict.PENDING, Verdict.COUNTED)
    found_others = {verdict_of_vote(facts) for facts in others}
    for verdict in worst:
        if verdict in found_others:
            return verdict
    if not sure:
        return Verdict.UNSURE
    if receipt:
        return Verdict.LOST
    return Verdict.BLOCKED if blocked else Verdict.NO_VOTE
