"""Proof of work before a code is sent (ALTCHA, version 2 of its protocol): it only raises the cost for a script.

Nothing is stored for a challenge: it is signed, and any API process knows a genuine one. That each solution counts once
is for who takes it (models/scratch/codes.py), by the challenge's id; that each challenge is derived once for
api/voters/proving.py.
"""

import hashlib
import time
from typing import Any, NamedTuple

import altcha

from models.secrets import KeyRing

LIFE_S = 600
LONGEST = 4096  # characters of a payload
_ALGORITHM = "PBKDF2/SHA-256"


class Step(NamedTuple):
    """What is asked for from so many codes a minute on, or from such a share of the hour's SMS that is spent."""

    load: int
    spent: float
    divisor: int
    """Of the cost of one derivation."""
    prefix: str
    """Hex digits that the derived key begins with: 256 derivations at an average for two, 4,096 for three."""

    @property
    def times(self) -> int:
        """The work at an average, as a multiple of that without load."""
        return int(16 ** (len(self.prefix) - 2) / self.divisor)


STEPS = (
    Step(0, 0.0, 1, "00"),
    Step(1_200, 0.5, 8, "000"),
    Step(6_000, 0.75, 4, "000"),
    Step(30_000, 0.9, 2, "000"),
)
"""1, 2, 4 and 8 times the work. More derivations, each of a lower cost: a verification, which is one derivation, costs
us less when we are busy than when we are not.
"""


class Answer(NamedTuple):
    """What came back for a genuine challenge. `id`: of the challenge, the same however the payload is spelled; `said`:
    the solution that it claims.
    """

    id: str
    said: str
    payload: altcha.Payload


class _GenuineError(Exception):
    """The challenge is ours."""


class Proofs:
    """Makes challenges and verifies solutions. `cost`: PBKDF2 iterations of each derivation, without load."""

    def __init__(self, keys: KeyRing, cost: int) -> None:
        self._secret = keys.derived("proof of work").hex()
        self._cost = cost

    def challenge(self, now: float, load: int = 0, spent: float = 0.0, floor: int = 0) -> dict[str, Any]:
        """A challenge as ALTCHA's widget takes it. `now`: seconds since 1970; `load`: codes sent in a minute; `spent`:
        share of the hour's SMS, 0 to 1; `floor`: the least of STEPS that an operator allows.
        """
        step = step_of(load, spent, floor)
        made = altcha.create_challenge(
            _ALGORITHM,
            max(1, self._cost // step.divisor),
            key_prefix=step.prefix,
            expires_at=int(now) + LIFE_S,
            hmac_secret=self._secret,
        )
        return made.to_dict()

    def read(self, payload: str, now: float | None = None) -> Answer | None:
        """What answers a genuine challenge that has not expired; None for anything else. Costs one HMAC, and derives
        nothing: whether it is a solution is for `solves` to say. Whatever cost was asked for is signed, so a solution
        stays good when the load has changed meanwhile.
        """
        if len(payload) > LONGEST:
            return None
        try:
            parsed = altcha.Payload.from_base64(payload)
            expires_at = parsed.challenge.parameters.expires_at
            altcha.verify_solution(parsed, self._secret, derive_key=_stop)
        except _GenuineError:
            pass
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        else:
            return None
        if not isinstance(expires_at, int) or expires_at < (time.time() if now is None else now):
            return None
        number = hashlib.blake2b(str(parsed.challenge.signature).encode(), digest_size=16).hexdigest()
        return Answer(number, f"{parsed.solution.counter}:{parsed.solution.derived_key}", parsed)

    def solves(self, answer: Answer) -> bool:
        """Whether it is a solution: one derivation, some milliseconds at most for a cost that we asked for."""
        try:
            return bool(altcha.verify_solution(answer.payload, self._secret).verified)
        except (ValueError, TypeError, AttributeError):
            return False

    def verify(self, payload: str, now: float | None = None) -> str | None:
        """The id of a genuine solution; None for anything else."""
        answer = self.read(payload, now)
        return answer.id if answer is not None and self.solves(answer) else None


def _stop(_parameters: object, _salt: bytes, _password: bytes) -> bytes:
    """In the place of the derivation, which the library begins once the challenge has proven genuine."""
    raise _GenuineError


def step_of(load: int, spent: float = 0.0, floor: int = 0) -> Step:
    """The highest of the steps that the load, the spent share of the SMS and an operator (`floor`) ask for."""
    asked = [number for number, step in enumerate(STEPS) if step.load <= load or step.spent <= spent]
    return STEPS[max(asked[-1], min(floor, len(STEPS) - 1))]
