"""Receipts of a sample, looked up as a voter would."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx

from loadtests.rehearsal.journal import Pair, Votes
from loadtests.rehearsal.target import Target

SAMPLE = 1_000
IN_LEDGER, AWAY, OTHER = "in_ledger", "away", "of another entry"
_AT_ONCE = 8


def sample(votes: Votes) -> list[Pair]:
    acknowledged = list(votes.receipts)
    return random.SystemRandom().sample(acknowledged, min(SAMPLE, len(acknowledged)))


def look_up(target: Target, votes: Votes, some: list[Pair]) -> dict[str, int]:
    """What `/api/receipts/…` says → how often. `of another entry`: than the voter was told; `away`: no answer, tried
    three times; else the status of a refusal.
    """

    def one(pair: Pair) -> str:
        for _ in range(3):
            try:
                answer = target.client.get(f"/api/receipts/{quote(votes.receipts[pair], safe='')}")
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                found = answer.json()
                wrong = found["status"] == IN_LEDGER and found["entry_id"] != pair[1]
                return OTHER if wrong else str(found["status"])
            if answer.status_code != 503:
                return str(answer.status_code)
            time.sleep(1)
        return AWAY

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(Counter(pool.map(one, some)))
