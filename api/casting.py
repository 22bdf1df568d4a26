"""Casting a vote: one function under both layers of the fast path and the form.

A vote, step by step; the first step that fails answers:
session → `For-Account` → entry id → box ready → the box decides (`Intake.put`).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

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


class Voted(NamedTuple):
    """A vote that counts. `again`: it was cast before."""

    again: bool
    entry: int
    receipt: str


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
    return b'%b%d,"receipt":"%b"}' % (_STARTS[voted.again], voted.entry, voted.receipt.encode())


def answer_to(found: Voted | Code) -> Answer:
    """What a client of the PUT is told."""
    if isinstance(found, Code):
        return refuse(found)
    body = voted_body(found)
    headers = [(b"content-length", b"%d" % len(body)), *VOTED_HEADERS]
    return Answer(
        {"type": "http.response.start", "status": VOTED_STATUS[found.again], "headers": headers},
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
        self, fields: Mapping[bytes, bytes], client: tuple[str, int] | None, entry_id: str, settle: Settle
    ) -> None:
        """A vote as it is asked for over HTTP. `client`: address and port of the peer."""
        snapshot = self._watch.current
        examined = self._examine(fields, snapshot, entry_id)
        if isinstance(examined, Code):
            self.refused(examined)
            settle(examined)
            return
        voter, entry = examined
        self.cast(voter, entry, snapshot, self._evidence.of(client, fields), settle)

    def _examine(self, fields: Mapping[bytes, bytes], snapshot: Snapshot, entry_id: str) -> tuple[Session, int] | Code:
        """Who votes and for what, from the request alone; else the first reason against it."""
        voter = self._access.voter(fields, snapshot, changes=True)
        if isinstance(voter, Code):
            return voter
        wanted = fields.get(b"for-account")
        if wanted is not None and wanted != self._access.sessions.account_tag(voter[0], voter[1]).encode():
            return Code.OTHER_ACCOUNT
        entry = parse_entry(entry_id)
        if entry is None:
            return Code.UNKNOWN_ENTRY
        return voter, entry

    def cast(self, voter: Session, entry: int, snapshot: Snapshot, evidence: bytes, settle: Settle) -> None:
        """Puts the vote into the pending batch. A caller who leaves takes nothing back."""
        receipts = snapshot.receipts
        if receipts is None or self._watch.other_key:
            self.refused(Code.NOT_READY)
            settle(Code.NOT_READY)
            return
        account = voter.account
        number = receipts.number(account, entry)

        def decided(outcome: Outcome) -> None:
            if outcome is _COUNTED or outcome is _AGAIN:
                self._metrics.voted(again=outcome is _AGAIN)
                settle(Voted(outcome is _AGAIN, entry, receipts.code(number)))
                return
            if outcome is Outcome.NOT_READY:
                self._watch.refresh_soon()
            self.refused(REFUSED[outcome])
            settle(REFUSED[outcome])

        self._intake.put(account, entry, pack_cast(account, entry, number, voter.proof, evidence), decided)

    def refused(self, code: Code) -> None:
        """Counts a refusal."""
        self._metrics.refused(code.value)
