"""Casting a vote: one function under both layers of the fast path and the form.

A vote, step by step; the first step that fails answers:
session → `For-Account` → entry id → box ready → the box decides (`Intake.put`).
"""

from collections.abc import Callable, Mapping

from api.access import Access
from api.answers import JSON, NO_SNIFF, NO_STORE, Answer
from api.evidence import Evidence
from api.metrics import Metrics
from api.outcomes import REFUSED, VOTED, Code, refuse
from api.sessions import Session
from api.snapshot import Snapshot, Watch
from models.ballot_box.intake import Intake
from models.event import MAX_ENTRY, pack_cast
from models.outcomes import Outcome

Voted = tuple[bool, int, str]
"""A vote that counts: whether it was cast before, its entry, its receipt. Not named: that is slower to make."""
Settle = Callable[[Voted | Code], None]

# Hashing an enum is a call into Python: the two outcomes of nearly every vote are told apart by identity.
_COUNTED, _AGAIN = Outcome.COUNTED, Outcome.ALREADY_VOTED
VOTED_STATUS = {False: VOTED[_COUNTED], True: VOTED[_AGAIN]}
_STARTS = {
    False: f'{{"status":"{_COUNTED.value}","entry_id":'.encode(),
    True: f'{{"status":"{_AGAIN.value}","entry_id":'.encode(),
}
# Every header costs uvicorn two regular expressions. This answer is JSON to a PUT: no browser shows it as a page, so
# the policies for pages would guard nothing.
VOTED_HEADERS = [(b"content-type", JSON), NO_STORE, NO_SNIFF]


def voted_body(voted: Voted) -> bytes:
    """The JSON document of a vote that counts."""
    again, entry, receipt = voted
    return b'%b%d,"receipt":"%b"}' % (_STARTS[again], entry, receipt.encode())


def answer_to(found: Voted | Code) -> Answer:
    """What a client of the PUT is told."""
    if isinstance(found, Code):
        return refuse(found)
    body = voted_body(found)
    headers = [(b"content-length", b"%d" % len(body)), *VOTED_HEADERS]
    return Answer(
        {"type": "http.response.start", "status": VOTED_STATUS[found[0]], "headers": headers},
        {"type": "http.response.body", "body": body},
    )


def parse_entry(text: str) -> int | None:
    """An entry's id as the contract spells it: 1 to 2³¹-1, digits only, no leading zero."""
    if not text or len(text) > 10 or not (text.isascii() and text.isdigit()) or text[0] == "0":
        return None
    entry = int(text)
    return entry if entry <= MAX_ENTRY else None


class Casting:
    """Takes the votes of one process to the box. `settle` is called once for each, at once or later in this loop."""

    def __init__(self, access: Access, evidence: Evidence, watch: Watch, intake: Intake, metrics: Metrics) -> None:
        self._access = access
        self._evidence = evidence
        self._watch = watch
        self._intake = intake
        self._metrics = metrics

    def vote(
        self, fields: Mapping[bytes, bytes], client: tuple[str, int] | None, entry: int | None, settle: Settle
    ) -> None:
        """A vote as it is asked for over HTTP. `client`: address and port of the peer. `entry`: None for no id."""
        snapshot = self._watch.current
        voter = self._access.voter(fields, snapshot, changes=True)
        if isinstance(voter, Code):
            self._refuse(voter, settle)
        elif b"for-account" in fields and not self._is(voter, fields[b"for-account"]):
            self._refuse(Code.OTHER_ACCOUNT, settle)
        elif entry is None:
            self._refuse(Code.UNKNOWN_ENTRY, settle)
        else:
            self.cast(voter, entry, snapshot, self._evidence.of(client, fields), settle)

    def _is(self, voter: Session, tag: bytes) -> bool:
        return tag == self._access.sessions.account_tag(voter.contest_id, voter.account).encode()

    def cast(self, voter: Session, entry: int, snapshot: Snapshot, evidence: bytes, settle: Settle) -> None:
        """Puts the vote into the pending batch. A caller who leaves takes nothing back."""
        receipts = snapshot.receipts
        if receipts is None or self._watch.other_key:
            self._refuse(Code.NOT_READY, settle)
            return
        account, metrics = voter.account, self._metrics
        number = receipts.number(account, entry)

        def decided(outcome: Outcome) -> None:
            if outcome is _COUNTED:
                metrics.counted += 1
                settle((False, entry, receipts.code(number)))
            elif outcome is _AGAIN:
                metrics.again += 1
                settle((True, entry, receipts.code(number)))
            else:
                if outcome is Outcome.NOT_READY:
                    self._watch.refresh_soon()
                self._refuse(REFUSED[outcome], settle)

        self._intake.put(account, entry, pack_cast(account, entry, number, voter.proof, evidence), decided)

    def _refuse(self, code: Code, settle: Settle) -> None:
        self.refused(code)
        settle(code)

    def refused(self, code: Code) -> None:
        """Counts a refusal."""
        self._metrics.refused(code.value)
