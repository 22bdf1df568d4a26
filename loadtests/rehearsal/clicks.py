"""One press of the button, to its end: as the page does, it is repeated until there is a receipt or a clear no."""

import gevent
import orjson

from loadtests.rehearsal.counts import bucket
from loadtests.rehearsal.journal import AGAIN, COUNTED, GAVE_UP, MIXED, SENT, UNKNOWN
from loadtests.rehearsal.visitor import Answer, Visitor
from loadtests.rehearsal.world import CHANCE, WORLD

PATIENCE_S = 45.0
BROKEN_PAUSE_S = 1.0
NAME = "/api/entries/[id]/vote"


def press(visitor: Visitor, account: str, token: str, entry: int) -> str | None:
    """The receipt, or None for a vote that was refused or given up. Every answer is in the journal first."""
    began, unclear = WORLD.now(), False
    _write(account, entry, SENT)
    while True:
        answer = send(visitor, token, entry)
        receipt, code, voted = read_vote(answer)
        if receipt and voted != entry:  # somebody else's answer
            _write(account, entry, MIXED, receipt)
            return None
        if receipt:
            outcome = COUNTED if answer.status == 201 else AGAIN
            _write(account, entry, outcome, receipt)
            if outcome == COUNTED or unclear:
                WORLD.count("ack")
            WORLD.count(f"wait.{bucket((WORLD.now() - began) * 1000)}")
            return receipt
        if code:
            WORLD.count(f"code.{code}")
        if answer.status == 0 or answer.status >= 500:
            if code not in {"busy", "not_ready"}:  # these two say that nothing was done
                unclear = True
                _write(account, entry, UNKNOWN)
        elif answer.status != 429:
            _write(account, entry, f"refused:{answer.status}:{code}")
            return None
        if WORLD.now() - began > PATIENCE_S or WORLD.board.get("stop"):
            _write(account, entry, GAVE_UP)
            return None
        pause = BROKEN_PAUSE_S if answer.retry_after is None else answer.retry_after
        gevent.sleep(pause * CHANCE.uniform(0.8, 1.2))


def send(visitor: Visitor, token: str, entry: int) -> Answer:
    """The request alone."""
    bearer = {"Authorization": f"Bearer {token}"}
    return visitor.ask("vote", "PUT", f"/api/entries/{entry}/vote", name=NAME, headers=bearer)


def read_vote(answer: Answer) -> tuple[str, str, int]:
    """Receipt, code of the refusal, of the two at most one; and the entry that the receipt is for."""
    try:
        body = orjson.loads(answer.body)
        if answer.status in {200, 201}:
            return str(body["receipt"]), "", int(body["entry_id"])
        return "", str(body["code"]), 0
    except (ValueError, KeyError, TypeError):
        return "", "", 0


def _write(account: str, entry: int, outcome: str, receipt: str = "") -> None:
    if WORLD.journal:
        WORLD.journal.vote(account, entry, outcome, receipt)
