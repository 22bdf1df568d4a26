"""Proof of work before a code is sent (ALTCHA, version 2 of its protocol): it only raises the cost for a script.

Nothing is stored for a challenge: it is signed, and any API process knows a genuine one. That each solution counts once
is for who takes it (models/scratch/codes.py), by the id that `verify` returns.
"""

import hashlib
import time
from typing import Any

import altcha

from models.secrets import KeyRing

LIFE_S = 600
LONGEST = 4096  # characters of a payload
_ALGORITHM = "PBKDF2/SHA-256"
_KEY_PREFIX = "00"  # 256 derivations at an average


class Proofs:
    """Makes challenges and verifies solutions. `cost`: PBKDF2 iterations of each derivation."""

    def __init__(self, keys: KeyRing, cost: int) -> None:
        self._secret = keys.derived("proof of work").hex()
        self._cost = cost

    def challenge(self, now: float) -> dict[str, Any]:
        """A challenge as ALTCHA's widget takes it. `now`: seconds since 1970."""
        made = altcha.create_challenge(
            _ALGORITHM,
            self._cost,
            key_prefix=_KEY_PREFIX,
            expires_at=int(now) + LIFE_S,
            hmac_secret=self._secret,
        )
        return made.to_dict()

    def verify(self, payload: str, now: float | None = None) -> str | None:
        """The id of a genuine solution, the same however the payload is spelled; None for anything else."""
        if len(payload) > LONGEST:
            return None
        try:
            parsed = altcha.Payload.from_base64(payload)
            expires_at = parsed.challenge.parameters.expires_at
            genuine = altcha.verify_solution(parsed, self._secret).verified
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        if not genuine or not isinstance(expires_at, int) or expires_at < (time.time() if now is None else now):
            return None
        return hashlib.blake2b(str(parsed.challenge.signature).encode(), digest_size=16).hexdigest()
