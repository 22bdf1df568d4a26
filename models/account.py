"""Accounts: who votes, as a keyed hash of a proven identity."""

import hashlib
import hmac

from models.secrets import KeyRing


def account_of(keys: KeyRing, kind: str, identity: str) -> int:
    """The account of one proven identity: the first 63 bits of a keyed hash (HMAC-SHA256, RFC 2104).

    `kind` says how it was proven (`email`, `sms`, `oidc`, `minted`), `identity` is already normalised. The length
    before `kind` keeps `a` + `b:c` and `a:b` + `c` apart.
    """
    text = f"{len(kind)}:{kind}:{identity}".encode()
    digest = hmac.digest(keys.derived("account"), text, hashlib.sha256)
    return int.from_bytes(digest[:8], "big") >> 1
