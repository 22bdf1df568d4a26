"""Proofs of work that come back, beside what they cost: forged ones an HMAC, a challenge one derivation."""

import asyncio
import base64
import json
import threading
import time
from statistics import median
from typing import Any

import altcha
import pytest

from api.voters import proving
from api.voters.proving import Crowded, Proving
from models.proof_of_work import LONGEST, Answer, Proofs
from models.secrets import KeyRing
from tests.api.contest import KEYS
from tests.api.voters.logging_in import PROOF_COST, solve


class Counted(Proofs):
    """Counts its derivations, and holds them up while `go` is not set."""

    def __init__(self) -> None:
        super().__init__(KEYS, PROOF_COST)
        self.derived = 0
        self.go = threading.Event()
        self.go.set()

    def solves(self, answer: Answer) -> bool:
        self.go.wait(10)
        self.derived += 1
        return super().solves(answer)


@pytest.fixture
def proofs() -> Counted:
    return Counted()


@pytest.fixture
def genuine(proofs: Counted) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(solve(proofs.challenge(time.time()))))
    return found


def packed(document: object, *, indent: int | None = None) -> str:
    return base64.b64encode(json.dumps(document, indent=indent).encode()).decode()


def answered(proofs: Proofs, *payloads: str) -> list[str | None]:
    """What becomes of each of them, all at once."""

    async def ask() -> list[str | None]:
        line = Proving(proofs)
        try:
            return await asyncio.gather(*(line.id_of(payload) for payload in payloads))
        finally:
            line.stop()

    return asyncio.run(ask())


def test_one_challenge_is_derived_once_however_often_it_comes(proofs: Counted, genuine: dict[str, Any]) -> None:
    found = answered(proofs, *[packed(genuine), packed(genuine, indent=2)] * 50)
    assert len(set(found)) == 1
    assert found[0] is not None
    assert proofs.derived == 1


def test_wrong_solutions_of_one_challenge_cost_one_derivation(proofs: Counted, genuine: dict[str, Any]) -> None:
    wrong = [packed(genuine | {"solution": {"counter": n, "derivedKey": "00" * 32}}) for n in range(10_000, 10_200)]
    assert set(answered(proofs, *wrong)) == {None}
    assert proofs.derived == 1


def test_forged_expired_and_foreign_ones_cost_none(proofs: Counted, genuine: dict[str, Any]) -> None:
    def challenged(**parameters: Any) -> str:
        challenge = genuine["challenge"]
        return packed(genuine | {"challenge": challenge | {"parameters": challenge["parameters"] | parameters}})

    def of(keys: KeyRing, secret: str, now: float) -> str:
        """Signed by a key that was derived for something else."""
        made = altcha.create_challenge(
            "PBKDF2/SHA-256", 1, expires_at=int(now) + 600, hmac_secret=keys.derived(secret).hex()
        )
        return solve(made.to_dict())

    now = time.time()
    forged = [
        "",
        "%%%",
        "A" * (LONGEST + 1),
        "A" * LONGEST,
        base64.b64encode(b"[" * 3000).decode(),
        packed([1]),
        challenged(cost=1),
        challenged(cost=10**9),
        challenged(cost=10**300),
        challenged(keyPrefix=""),
        challenged(keyLength=2**31),
        challenged(algorithm="ARGON2ID", memoryCost=2**31),
        challenged(expiresAt=now + 86_400),
        packed(genuine | {"challenge": genuine["challenge"] | {"signature": "00" * 32}}),
        packed(genuine | {"solution": {"counter": -1, "derivedKey": ""}}),
        packed(genuine | {"solution": {"counter": 2**32, "derivedKey": ""}}),
        packed(genuine | {"solution": {"counter": 10**300, "derivedKey": ""}}),
        packed(genuine | {"solution": {"counter": True, "derivedKey": ""}}),
        solve(proofs.challenge(now - 3600)),
        of(KEYS, "login code", now),
        of(KEYS, "openid flow", now),
        of(KeyRing("of another installation", ("x",)), "proof of work", now),
    ]
    assert set(answered(proofs, *forged)) == {None}
    assert proofs.derived == 0
    assert answered(proofs, of(KEYS, "proof of work", now)) != [None], "the key alone made the difference"


def test_a_flood_of_forged_ones_costs_little(genuine: dict[str, Any]) -> None:
    """Against one derivation as production asks for, which is what a flood would like to make us do."""
    dear = Proofs(KEYS, 5000)
    forged = packed(genuine | {"challenge": genuine["challenge"] | {"signature": "00" * 32}})
    solved = dear.read(solve(Proofs(KEYS, 5000).challenge(time.time())))
    assert solved is not None

    def took(work: Any) -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    forged_s = median(took(lambda: dear.read(forged)) for _ in range(300))
    derived_s = median(took(lambda: dear.solves(solved)) for _ in range(20))
    print(f"forged {forged_s * 1e6:.0f} µs, derived {derived_s * 1e6:.0f} µs")  # noqa: T201 - with pytest -s
    assert forged_s < derived_s / 5


def test_the_line_has_an_end(proofs: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "MOST_WAITING", 3)
    payloads = [solve(proofs.challenge(time.time())) for _ in range(5)]
    proofs.go.clear()

    async def ask() -> None:
        line = Proving(proofs)
        waiting = [asyncio.create_task(line.id_of(payload)) for payload in payloads[:3]]
        await asyncio.sleep(0)  # each of them begins
        with pytest.raises(Crowded):
            await line.id_of(payloads[3])
        proofs.go.set()
        assert None not in await asyncio.gather(*waiting)
        assert await line.id_of(payloads[3]) is not None, "who comes again has a place"
        line.stop()

    asyncio.run(ask())


def test_what_is_remembered_is_bounded(proofs: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "REMEMBERED", 2)
    payloads = [solve(proofs.challenge(time.time())) for _ in range(3)]
    assert None not in answered(proofs, *payloads, payloads[0], payloads[2])
    assert proofs.derived == 4, "the first was forgotten for the third, and derived once more"
