"""Claims of lost votes on their way from the API to the ledger, so that the form works without PostgreSQL too.

| key                    | type           | what                                                                   |
|------------------------|----------------|------------------------------------------------------------------------|
| `claims`               | stream         | `claim` (JSON, models.claim), until a worker has stored it             |
| `claims:refused`       | stream         | `claim` that the ledger refused, and the `reason`: for people          |
| `claims:same:<digest>` | string, 10 min | reference of the claim with the very same words of the same sender |
| `claims:hour:guests`   | counter, 1 h   | claims of those who are not logged in                                  |
| `claims:hour:accounts` | counter, 1 h   | of those who are: a script without accounts takes nothing of it        |
| `claims:day:<account>` | counter, 24 h  | claims of one account                                                  |

Limits never look at network addresses: carriers and schools share one. Scratch writes to its disk once a second
(`appendfsync everysec`): a killed process loses nothing, a machine that loses its power may lose the claims of the last
second or two, with their references given out. A claim is no vote: the vote itself does not depend on it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import orjson

from models.claim import Claim, pack_claim
from models.scratch.connection import AsyncScratchClient, ScratchClient, scratch_errors

WAITING = "claims"
REFUSED = "claims:refused"
MOST_WAITING = 20_000
"""Claims: some 170 MB with every text as long as it may be, 13 MB with texts of 300 letters (measured)."""
MOST_REFUSED = 1_000
DAILY_CAP = 5
"""Claims of one account in 24 hours."""
DAY_S = 86_400
HOUR_S = 3_600
SAME_S = 600

_TAKE = Path(__file__).with_name("take_claim.lua").read_text(encoding="utf-8")


class Claiming(Enum):
    """What becomes of a claim."""

    RECEIVED = "received"
    REPEATED = "repeated"
    """The very same words came a moment ago; the reference is theirs."""
    CAPPED = "capped"
    """This account has had its claims of the day."""
    CROWDED = "crowded"
    """The budget of this hour is used up."""
    FULL = "full"
    """Too many claims wait for the ledger."""


@dataclass(frozen=True)
class Taken:
    """`reference` is empty where the claim was not taken; `retry_after`: seconds until trying again is of use."""

    outcome: Claiming
    reference: str
    retry_after: int


async def take(client: AsyncScratchClient, claim: Claim, *, sender: bytes, per_hour: int) -> Taken:
    """Keeps a claim until a worker stores it, if no limit is against it.

    `sender`: evidence of the request (api/evidence.py), kept nowhere: two guests may write the same few words.
    `per_hour`: claims an hour from all guests together, and as many from all accounts. Errors: ScratchAway.
    """
    whose = "guests" if claim.account_id is None else "accounts"
    day = [] if claim.account_id is None else [f"claims:day:{claim.account_id}"]
    with scratch_errors():
        outcome, reference, wait_ms = await client.register_script(_TAKE)(
            keys=[WAITING, f"claims:same:{_digest(claim, sender)}", f"claims:hour:{whose}", *day],
            args=[
                *(pack_claim(claim), claim.reference, SAME_S * 1000, MOST_WAITING),
                *(per_hour, HOUR_S * 1000, DAILY_CAP, DAY_S * 1000),
            ],
        )
    return Taken(Claiming(outcome.decode()), reference.decode(), -(-wait_ms // 1000))


def waiting(client: ScratchClient) -> int:
    """Claims that wait to be stored. Errors: ScratchAway."""
    with scratch_errors():
        return int(client.xlen(WAITING))


def read(client: ScratchClient, most: int) -> list[tuple[bytes, bytes]]:
    """The oldest claims that wait, at most so many, as (id in the stream, packed claim). Errors: ScratchAway."""
    with scratch_errors():
        found: Any = client.xrange(WAITING, count=most)
    return [(number, fields[b"claim"]) for number, fields in found]


def remove(client: ScratchClient, numbers: Sequence[bytes]) -> None:
    """Takes stored claims away; those that another has taken away already do no harm. Errors: ScratchAway."""
    if numbers:
        with scratch_errors():
            client.xdel(WAITING, *numbers)


def set_aside(client: ScratchClient, number: bytes, packed: bytes, reason: str) -> None:
    """Moves a claim that can never be stored to where it stops nobody. Errors: ScratchAway."""
    with scratch_errors(), client.pipeline(transaction=True) as pipe:
        pipe.xadd(REFUSED, {"claim": packed, "reason": reason}, maxlen=MOST_REFUSED, approximate=False)
        pipe.xdel(WAITING, number)
        pipe.execute()


def _digest(claim: Claim, sender: bytes) -> str:
    """The same for two claims of one account, or of one guest's device, with the very same words."""
    words = {name: value for name, value in asdict(claim).items() if name not in ("id", "reference", "received_at")}
    return hashlib.blake2b(orjson.dumps(words, option=orjson.OPT_SORT_KEYS) + sender, digest_size=16).hexdigest()
