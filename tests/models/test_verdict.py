"""What became of a vote, row by row."""

from datetime import UTC, datetime

import pytest

from models.verdict import Verdict, VoteFacts, verdict_of_claim, verdict_of_vote

AT = datetime(2026, 3, 1, tzinfo=UTC)


def facts(**known: object) -> VoteFacts:
    return VoteFacts(**({"in_ballot": False, "box_voided": False, "pending": False} | known))  # type: ignore[arg-type]


AWAY = {"in_ballot": None, "box_voided": None, "pending": None}
HELD = facts(in_ballot=True, in_ledger=True, cast_at=AT)
NOTHING = facts()


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        (HELD, Verdict.COUNTED),
        (facts(in_ballot=True, pending=True), Verdict.PENDING),
        (facts(in_ballot=True, pending=None), Verdict.PENDING),  # the log is too long to be looked through
        (facts(pending=True), Verdict.PENDING),  # cast after the ballot was asked
        (facts(in_ledger=True), Verdict.COUNTED),  # and flushed
        (facts(in_ballot=True, in_ledger=True, voided_at=AT, box_voided=True), Verdict.VOIDED),
        (facts(in_ballot=True, in_ledger=True, box_voided=True), Verdict.VOIDED),  # the ledger has yet to hear of it
        (facts(in_ballot=True, pending=True, box_voided=True), Verdict.VOIDED),
        (facts(in_ballot=True, in_ledger=True, voided_at=AT), Verdict.COUNTED),  # restored, the ledger has yet to hear
        (facts(in_ledger=True, voided_at=AT), Verdict.VOIDED),  # no ballot speaks against the ledger
        (VoteFacts(in_ledger=True, cast_at=AT), Verdict.COUNTED),  # the box is away
        (VoteFacts(in_ledger=True, voided_at=AT), Verdict.VOIDED),
        (facts(in_ballot=True, parked=True), Verdict.PARKED),
        (VoteFacts(parked=True), Verdict.PARKED),
        (facts(in_ballot=True), Verdict.LOST),  # nothing pending, nothing in the ledger
        (NOTHING, Verdict.NO_VOTE),
        (VoteFacts(), Verdict.UNSURE),
    ],
)
def test_a_vote(known: VoteFacts, verdict: Verdict) -> None:
    assert verdict_of_vote(known) is verdict


LOST = facts(in_ballot=True)
VOIDED = facts(in_ballot=True, in_ledger=True, voided_at=AT, box_voided=True)


@pytest.mark.parametrize(
    ("asked", "others", "known", "verdict"),
    [
        (HELD, [], {}, Verdict.COUNTED),
        (HELD, [LOST], {}, Verdict.COUNTED),  # what was asked about decides
        (None, [HELD, VOIDED], {}, Verdict.VOIDED),  # no entry was named: the worst is told
        (None, [HELD, LOST, VOIDED], {}, Verdict.LOST),
        (None, [HELD], {}, Verdict.COUNTED),
        (None, [], {}, Verdict.NO_VOTE),
        (None, [], {"blocked": True}, Verdict.BLOCKED),
        (HELD, [], {"blocked": True}, Verdict.COUNTED),  # a vote from before stays
        (None, [], {"sure": False}, Verdict.UNSURE),
        (None, [], {"sure": False, "blocked": True}, Verdict.UNSURE),
        (None, [], {"receipt": True}, Verdict.LOST),  # a genuine receipt, and no vote
        (NOTHING, [], {"receipt": True}, Verdict.LOST),
        (VoteFacts(), [], {"receipt": True, "sure": False}, Verdict.UNSURE),
        (None, [], {"receipt": True, "sure": False}, Verdict.UNSURE),
    ],
)
def test_a_claim(asked: VoteFacts | None, others: list[VoteFacts], known: dict[str, bool], verdict: Verdict) -> None:
    assert verdict_of_claim(asked, others, **({"sure": True, "blocked": False} | known)) is verdict
