"""Login codes: six digits, five minutes, five tries; kept as a keyed digest, under the account and never the address.

A code is good where it was asked for: each request names its flow (a secret of the browser), and a guess of another
flow is wrong and counts against nobody. SHARING flows at most share a code.

| key                     | type            | what                                                            |
|-------------------------|-----------------|-----------------------------------------------------------------|
| `code:<account>`        | hash, 5 min     | `digest` of the code; `tries:<flow>` so far, for each that      |
|                         |                 | asked; how many do (`sharing`); `proof` that asked first        |
| `code:cool:<account>`   | string, 60 s    | a code was sent just now                                        |
| `code:hour:<account>`   | counter, 1 h    | codes sent to this identity                                     |
| `code:load:<minute>`    | counter, 2 min  | codes sent to anybody in this minute since 1970                 |
| `proof:<id>`            | counter, 10 min | this solution was used                                          |
| `proof:none`            | counter, 1 h    | codes sent to anybody without a proof of work (no JavaScript)   |
| `sms:hour`              | counter, 1 h    | codes sent to anybody by SMS                                    |

The code itself is nowhere: the outbox holds a nonce, from which who has the identity key makes the code.
Limits never look at network addresses: carriers and schools share one.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import orjson

from models.identity import Identity
from models.proof_of_work import LIFE_S as PROOF_LIFE_S
from models.scratch.connection import AsyncScratchClient, scratch_errors
from models.scratch.outbox import DUE, MESSAGE
from models.scratch.switches import SWITCH
from models.secrets import KeyRing

LIFE_S = 300
TRIES = 5
COOL_DOWN_S = 60
MINUTE_S = 60
HOUR_S = 3600
HOURLY_CAP = 5
"""Codes an hour for one identity."""
SHARING = 2
"""Flows that share a code: the owner's and that of who asked within the same minute. Codes of an hour, times these,
times their tries: 50 guesses at a million, at a proof of work for every five.
"""

_SMS_HOUR = "sms:hour"
_SHORT = 16  # hex digits of a proof's id: enough to tell that it is the same one
_ISSUE = Path(__file__).with_name("issue_code.lua").read_text(encoding="utf-8")
_CHECK = Path(__file__).with_name("check_code.lua").read_text(encoding="utf-8")


class Asking(Enum):
    """What becomes of a request for a code."""

    SENT = "sent"
    COOLING = "cooling"
    """A code was sent to this identity less than a minute ago."""
    CAPPED = "capped"
    """This identity has had its codes of this hour."""
    SHUT = "shut"
    """The solution was used before; without one: the budget of this hour is used up."""
    SPENT = "spent"
    """The SMS of this hour are used up."""
    OFF = "off"
    """An operator has switched this kind off."""


@dataclass(frozen=True)
class Asked:
    """`retry_after`: seconds until this identity may ask again (with SHUT and SPENT: until the gate opens again)."""

    outcome: Asking
    retry_after: int


class Budgets(NamedTuple):
    """Codes an hour for everybody together: without a proof of work, and by SMS."""

    unproven: int
    sms: int


class Load(NamedTuple):
    """`codes`: sent in the busier of this minute and the last; `sms`: sent in this hour."""

    codes: int
    sms: int


class _Gate(NamedTuple):
    """A counter that refuses: how often it opens in its life."""

    key: str
    most: int
    life_s: int
    shut: Asking


async def issue(
    client: AsyncScratchClient,
    keys: KeyRing,
    identity: Identity,
    *,
    proof: str | None,
    flow: str = "",
    budgets: Budgets,
    contest: str,
    language: str,
    now: float,
) -> Asked:
    """Makes a code and puts its message into the outbox, if no limit is against it.

    `proof`: id of a verified solution; None: there is none, and the budget of such codes decides. `flow`: what the
    browser that asks keeps, and shows again with the code; "": a program that keeps nothing. `contest`: its title, for
    the text, which is written in `language` (`vi`, `en`). `now`: seconds since 1970. Errors: ScratchAway.
    """
    account = identity.account(keys)
    nonce, message_id = secrets.token_hex(16), secrets.token_hex(8)
    message = {
        "kind": identity.kind,
        "to": identity.address,
        "nonce": nonce,
        "contest": contest,
        "language": language,
    }
    gates = _gates(identity, account, proof, budgets)
    with scratch_errors():
        outcome, wait_ms = await client.register_script(_ISSUE)(
            keys=[
                *(SWITCH + identity.kind, f"code:cool:{account}", f"code:{account}", DUE, MESSAGE + message_id),
                *(_load_key(now), *(gate.key for gate in gates)),
            ],
            args=[
                *(COOL_DOWN_S * 1000, _digest(keys, account, code_of(keys, nonce)), LIFE_S * 1000),
                *(message_id, orjson.dumps(message), 2 * MINUTE_S * 1000),
                *(_tries_of(flow), SHARING, proof[:_SHORT] if proof else ""),
                *(value for gate in gates for value in (gate.most, gate.life_s * 1000, gate.shut.value)),
            ],
        )
    return Asked(Asking(outcome.decode()), max(1, -(-wait_ms // 1000)))


def _gates(identity: Identity, account: int, proof: str | None, budgets: Budgets) -> list[_Gate]:
    gates = [_Gate(f"code:hour:{account}", HOURLY_CAP, HOUR_S, Asking.CAPPED)]
    if identity.kind == "sms":
        gates.append(_Gate(_SMS_HOUR, budgets.sms, HOUR_S, Asking.SPENT))
    if proof:
        gates.append(_Gate(f"proof:{proof}", 1, PROOF_LIFE_S, Asking.SHUT))
    else:
        gates.append(_Gate("proof:none", budgets.unproven, HOUR_S, Asking.SHUT))
    return gates


async def load(client: AsyncScratchClient, now: float) -> Load:
    """What was sent to anybody. `now`: seconds since 1970. Errors: ScratchAway."""
    with scratch_errors():
        counts = await client.mget(_load_key(now), _load_key(now - MINUTE_S), _SMS_HOUR)
    this_minute, the_last, sms = (int(count or 0) for count in counts)
    return Load(max(this_minute, the_last), sms)


def _load_key(now: float) -> str:
    return f"code:load:{int(now) // MINUTE_S}"


async def check(client: AsyncScratchClient, keys: KeyRing, identity: Identity, guess: str, flow: str = "") -> bool:
    """Whether `guess` is the code that was sent, and `flow` asked for it. Each guess costs that flow a try, a right one
    uses the code up. Errors: ScratchAway.
    """
    account = identity.account(keys)
    with scratch_errors():
        right = await client.register_script(_CHECK)(
            keys=[f"code:{account}"], args=[_digest(keys, account, guess), TRIES, _tries_of(flow)]
        )
    return bool(right)


def new_flow() -> str:
    """What a browser keeps from asking for a code to entering it: 128 random bits."""
    return secrets.token_hex(16)


def _tries_of(flow: str) -> str:
    """The field with the tries of a flow. A digest: who can read scratch learns nobody's flow."""
    return f"tries:{hashlib.blake2b(flow.encode(), digest_size=8).hexdigest()}" if flow else "tries:"


def code_of(keys: KeyRing, nonce: str) -> str:
    """The six digits that `nonce` stands for."""
    number = int.from_bytes(hmac.digest(keys.derived("login code"), nonce.encode(), hashlib.sha256)[:8], "big")
    return f"{number % 1_000_000:06d}"


def _digest(keys: KeyRing, account: int, code: str) -> str:
    return hmac.digest(keys.derived("login code digest"), f"{account}:{code}".encode(), hashlib.sha256)[:16].hex()
