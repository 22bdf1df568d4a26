"""Votes that stayed unclear: each is looked for in its own account's ballot, as its voter would find it there.

What is found must be counted, and what is not must not be: else a lost vote could hide behind an unclear one that was
counted for the same entry.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from loadtests.rehearsal.journal import Pair
from loadtests.rehearsal.target import Target

MOST = 20_000
"""Ballots that are asked for; of the other accounts it stays unclear."""
TRIES, AT_ONCE = 3, 8


@dataclass(frozen=True)
class Settled:
    """`found`: counted, with their receipts; `absent`: not counted; `left`: still unclear: their account logged in for
    real, so its token is not kept, or its ballot did not come.
    """

    found: dict[Pair, str] = field(default_factory=dict)
    absent: set[Pair] = field(default_factory=set)
    left: set[Pair] = field(default_factory=set)


def settle(target: Target, tokens: Path, pairs: set[Pair]) -> Settled:
    """`tokens`: the file that the accounts are lines of."""
    settled = Settled()
    accounts = sorted({account for account, _ in pairs if account.isdecimal()}, key=int)[:MOST]
    lines = tokens.read_text(encoding="ascii").splitlines() if accounts else []

    def one(account: str) -> dict[int, str] | None:
        return ballot(target, lines[int(account)])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        ballots = dict(zip(accounts, pool.map(one, accounts), strict=True))
    for account, entry in pairs:
        votes = ballots.get(account)
        if votes is None:
            settled.left.add((account, entry))
        elif entry in votes:
            settled.found[account, entry] = votes[entry]
        else:
            settled.absent.add((account, entry))
    return settled


def ballot(target: Target, token: str) -> dict[int, str] | None:
    """Entry → receipt of an account's votes; None where it does not come."""
    for _ in range(TRIES):
        try:
            answer = target.client.get("/api/ballot", headers={"Authorization": f"Bearer {token}"})
            if answer.status_code == 200:
                return {vote["entry_id"]: vote["receipt"] for vote in answer.json()["votes"]}
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            continue
    return None
