"""Session tokens: signed, compact, stateless; nothing is stored, and any API process knows a genuine one.

    0        version (1)
    1..4     which session key signed it
    5..8     contest, u32
    9..16    account, i64
    17       how the identity was proven (`Proof`)
    18..21   issued, seconds since 1970, u32
    22..25   expires, seconds since 1970, u32
    26..41   MAC: keyed BLAKE2b (RFC 7693) over the bytes before it

42 bytes are 56 letters of base64url with no bit to spare, so there is one spelling of each token. Why our own:
docs/decisions/0003-session-tokens.md.
"""

import binascii
import hashlib
import hmac
import struct
from base64 import urlsafe_b64encode
from typing import NamedTuple

from models.event import Proof
from models.secrets import KeyRing

VERSION = 1
TOKEN_LENGTH = 56
_CLAIMS = struct.Struct(">B4sIqBII")
_MAC_SIZE = 16
_TOKEN = struct.Struct(f"{_CLAIMS.format}{_MAC_SIZE}s")
_FROM_URLSAFE = bytes.maketrans(b"-_+/", b"+/  ")  # the two letters of the other alphabet become errors
_CACHE_SIZE = 32_768  # verified tokens; a few MB


class Session(NamedTuple):
    """What a genuine token says. Whether it is in force here and now is for `in_force` to judge."""

    contest_id: int
    account: int
    proof: int
    issued_at: int
    """Seconds since 1970."""
    expires_at: int


def in_force(session: Session, contest_id: int, now_ms: int, sessions_from: int, minted_sessions: bool) -> bool:
    """Whether a session counts in this contest at `now_ms` by the box's clock.

    A token says when it was issued to the second, rounded down, so one issued in the very second of `sessions_from`
    (ms) is over: fail closed.
    """
    return (
        session.contest_id == contest_id
        and now_ms < session.expires_at * 1000
        and session.issued_at * 1000 >= sessions_from
        and (minted_sessions or not session.proof & Proof.MINTED)
    )


class Sessions:
    """Mints and reads tokens; keeps the verified ones, so that a repeat costs a look into a dict."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = [_signing_key(text) for text in keys.session_keys]
        self._ring = keys
        self._tag_keys: dict[int, bytes] = {}
        self._verified: dict[bytes, Session] = {}

    def mint(self, session: Session) -> str:
        """A token of the newest key. Errors: struct.error for a number out of range."""
        key_id, key = self._keys[0]
        claims = _CLAIMS.pack(VERSION, key_id, *session)
        return urlsafe_b64encode(claims + _mac(key, claims)).decode()

    def read(self, token: bytes) -> Session | None:
        """The session of a genuine token of any of the keys, None for every other text."""
        known = self._verified.get(token)
        if known is not None:
            return known
        session = self._verify(token)
        if session is not None:
            if len(self._verified) >= _CACHE_SIZE:
                self._verified.clear()
            self._verified[token] = session
        return session

    def account_tag(self, contest_id: int, account: int) -> str:
        """16 letters that tell a page whose ballot it kept, and mean nothing elsewhere."""
        key = self._tag_keys.get(contest_id)
        if key is None:
            key = self._tag_keys[contest_id] = self._ring.derived(f"account tag {contest_id}")
        return urlsafe_b64encode(hashlib.blake2b(b"%d" % account, key=key, digest_size=12).digest()).decode()

    def _verify(self, token: bytes) -> Session | None:
        if len(token) != TOKEN_LENGTH:
            return None
        try:
            raw = binascii.a2b_base64(token.translate(_FROM_URLSAFE), strict_mode=True)
        except binascii.Error:
            return None
        if len(raw) != _TOKEN.size:
            return None
        version, named, contest_id, account, proof, issued_at, expires_at, mac = _TOKEN.unpack(raw)
        for key_id, key in self._keys:
            if key_id == named and version == VERSION and hmac.compare_digest(_mac(key, raw[:-_MAC_SIZE]), mac):
                return Session(contest_id, account, proof, issued_at, expires_at)
        return None


def _signing_key(text: str) -> tuple[bytes, bytes]:
    digest = hashlib.blake2b(b"session token", key=hashlib.sha512(text.encode()).digest()).digest()
    return digest[:4], digest[32:]


def _mac(key: bytes, claims: bytes) -> bytes:
    return hashlib.blake2b(claims, key=key, digest_size=_MAC_SIZE).digest()
