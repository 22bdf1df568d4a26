"""The second factor of an operator: codes of an app (TOTP, RFC 6238: SHA-1, 6 digits, 30 s) and recovery codes.

The secret is kept encrypted (AES-GCM) under a key that is not in the database; of recovery codes only keyed digests.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models import crockford
from models.operator import Role
from models.secrets import KeyRing

ISSUER = "Bình Chọn"
STEP_S = 30
AROUND = 1
"""Steps before and after this one whose codes are taken: clocks of phones differ."""
RECOVERY_CODES = 10
_RECOVERY_LETTERS = 10
_NONCE = 12


def is_needed(role: Role) -> bool:
    """Whether an operator of this role must have a second factor: everybody who can change something."""
    return role.may(Role.MODERATOR)


def new_secret() -> str:
    """160 bits in base32."""
    return pyotp.random_base32()


def app_address(secret: str, name: str) -> str:
    """The `otpauth:` address that the app reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def step_of(secret: str, code: str, now: float) -> int | None:
    """The step (of 30 s since 1970) that `code` belongs to; None for a wrong or old one."""
    digits = "".join(code.split())
    if len(digits) != 6 or not digits.isdecimal() or not digits.isascii():
        return None
    totp, at = pyotp.TOTP(secret), int(now) // STEP_S
    found = [step for step in range(at - AROUND, at + AROUND + 1) if hmac.compare_digest(totp.at(step * 30), digits)]
    return found[0] if found else None


def sealed_for_operator(keys: KeyRing, operator_id: int, secret: str) -> bytes:
    """The secret as the ledger keeps it."""
    return _seal(keys, f"operator {operator_id}", secret)


def opened_of_operator(keys: KeyRing, operator_id: int, sealed: bytes) -> str | None:
    """The secret; None where another identity key sealed it, or it was another operator's."""
    return _open(keys, f"operator {operator_id}", sealed)


def offer(keys: KeyRing, digest: str, secret: str) -> str:
    """A new secret as the page of the set-up carries it, until a first code confirms it; good in this session alone.

    `digest`: of the session.
    """
    return base64.urlsafe_b64encode(_seal(keys, f"offer {digest}", secret)).decode()


def offered(keys: KeyRing, digest: str, text: str) -> str | None:
    """The secret of an offer that was made in this session."""
    try:
        sealed = base64.urlsafe_b64decode(text.encode())
    except (binascii.Error, ValueError):
        return None
    return _open(keys, f"offer {digest}", sealed)


def new_recovery_codes() -> list[str]:
    """Ten of 50 bits each, in two groups."""
    codes = (crockford.random_letters(_RECOVERY_LETTERS) for _ in range(RECOVERY_CODES))
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def recovery_digest(keys: KeyRing, operator_id: int, typed: str) -> str:
    """What is kept of a recovery code, however it is typed; "" for what is none."""
    code = crockford.read(typed, _RECOVERY_LETTERS)
    if code is None:
        return ""
    key = keys.derived("recovery codes")
    return hashlib.blake2b(f"{operator_id} {code}".encode(), key=key, digest_size=16).hexdigest()


def _seal(keys: KeyRing, bound: str, secret: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(keys.derived("totp")).encrypt(nonce, secret.encode(), bound.encode())


def _open(keys: KeyRing, bound: str, sealed: bytes) -> str | None:
    try:
        return AESGCM(keys.derived("totp")).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound.encode()).decode()
    except (InvalidTag, ValueError):
        return None
