"""The event codec: how decisions are packed into the vote log. Big-endian, versioned by the first byte.

    0      version (1)
    1      kind; of a cast, FIRST is added to it when the account's ballot was empty before
    2..9   TIME of the box in ms since 1970: what the event was judged by (written by `ballot_box.lua`)
    cast:           account i64, entry i32, receipt u64 (60 bits), proof u8, evidence (the rest, see `pack_evidence`)
    void, restore:  account i64, entry i32, reason (UTF-8, the rest)
    opened:         epoch i64
    account opened: account i64, proof u8, hint and domain (each: length u8, UTF-8), grams (number u8 ≤ 32, each i32,
                    rising), what was agreed to (number u8 ≤ 16, each: purpose u8, version u16, purposes rising)

An API packs the body (what follows TIME) of its votes and openings; the box puts the ten bytes of the head before it.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

VERSION = 1
MAX_ACCOUNT = 2**63 - 1
MAX_ENTRY = 2**31 - 1
MAX_AT = 253_402_300_799_999  # ms: the end of the year 9999, the last that Python can tell
MAX_RECEIPT = 2**60 - 1
MAX_TEXT = 255  # bytes of a hint or domain
MAX_GRAMS = 32
MAX_AGREED = 16
DEVICE_BYTES = 8
"""Evidence of a vote begins with so many bytes of a device's signature (`pack_evidence`); then the address."""
FIRST = 0x80
"""Beside the kind of a cast: the account had voted for nothing before."""

LogId = tuple[int, int]
"""Where an event stands in its log: (ms, number within that ms). As text -10 would sort before -9."""


class Kind(IntEnum):
    OPENED = 1
    CAST = 2
    VOID = 3
    RESTORE = 4
    ACCOUNT_OPENED = 5


class Proof(IntEnum):
    """How an identity was proven. MINTED marks the tokens of `mint-sessions`."""

    EMAIL = 1
    SMS = 2
    OIDC = 3
    MINTED = 128


class MalformedEventError(Exception):
    """Bytes in the log that are no event of a known version."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the log. `at` is the box's TIME in ms; fields that a kind does not have are 0 or empty."""

    kind: Kind
    at: int
    account: int = 0
    entry: int = 0
    receipt: int = 0
    proof: int = 0
    rest: bytes = b""
    """Evidence of a cast, reason of a void or restore; what follows `proof` of an account opened."""
    first: bool = False
    """Of a cast: the account's ballot was empty before."""

    @property
    def change(self) -> int:
        """What the event does to the entry's count."""
        return _CHANGE.get(self.kind, 0)


CASTS = frozenset((Kind.CAST, Kind.CAST | FIRST))
"""The second byte of a cast's event."""
_CHANGE = {Kind.CAST: 1, Kind.VOID: -1, Kind.RESTORE: 1}
HEAD = struct.Struct(">BBQ")
CAST = struct.Struct(">qiQB")
CAST_EVENT = struct.Struct(">BBQqiQB")  # head and body of a cast in one
DECISION = struct.Struct(">qi")
OPENED = struct.Struct(">q")
ACCOUNT_OPENED = struct.Struct(">qB")


@dataclass(frozen=True, slots=True)
class AccountOpened:
    """The body of an account's opening: all that is kept of a login."""

    account: int
    proof: int
    hint: str
    """Masked: `n•••@example.vn`."""
    domain: str
    grams: tuple[int, ...]
    """`models/ngrams.py`: rising, each a signed 32-bit number."""
    agreed: tuple[tuple[int, int], ...]
    """(purpose, version of its text), purposes rising (`models/agreement.py`)."""


def pack_cast(account: int, entry: int, receipt: int, proof: int, evidence: bytes) -> bytes:
    """The body of a vote's event. Errors: struct.error for an account or entry out of range."""
    return CAST.pack(account, entry, receipt, proof) + evidence


def pack_decision(account: int, entry: int, reason: str) -> bytes:
    """The body of a void or restore."""
    return DECISION.pack(account, entry) + reason.encode()


def pack_account_opened(opened: AccountOpened) -> bytes:
    """The body of an account's opening. Texts that are too long are cut. Errors: struct.error for a number out of range
    and for more grams or purposes than one byte counts.
    """
    return b"".join(
        (
            ACCOUNT_OPENED.pack(opened.account, opened.proof),
            _pack_text(opened.hint),
            _pack_text(opened.domain),
            struct.pack(f">B{len(opened.grams)}i", len(opened.grams), *opened.grams),
            struct.pack(">B", len(opened.agreed)),
            *(struct.pack(">BH", purpose, version) for purpose, version in opened.agreed),
        )
    )


def _pack_text(text: str) -> bytes:
    packed = text.encode(errors="replace")[:MAX_TEXT]
    packed = packed.decode(errors="ignore").encode()  # a letter that the cut went through is left out
    return bytes((len(packed),)) + packed


def unpack_account_opened(packed: bytes) -> AccountOpened:
    """The body (what follows TIME) of the event `packed`. Bytes in its texts that are no UTF-8 are shown as U+FFFD.

    Errors: MalformedEventError.
    """
    try:
        account, proof = ACCOUNT_OPENED.unpack_from(packed, HEAD.size)
        at = HEAD.size + ACCOUNT_OPENED.size
        hint, at = _text_at(packed, at)
        domain, at = _text_at(packed, at)
        grams = struct.unpack_from(f">{packed[at]}i", packed, at + 1)
        at += 1 + 4 * len(grams)
        flat = struct.unpack_from(">" + "BH" * packed[at], packed, at + 1)
        at += 1 + len(flat) // 2 * 3
    except (struct.error, IndexError) as error:
        raise MalformedEventError(str(error)) from None
    agreed = tuple(zip(flat[::2], flat[1::2], strict=True))
    if at != len(packed) or len(grams) > MAX_GRAMS or len(agreed) > MAX_AGREED:
        raise MalformedEventError(f"an opening of {len(packed)} bytes, {len(grams)} grams, {len(agreed)} purposes")
    if not _is_rising(grams) or not _is_rising(flat[::2]):
        raise MalformedEventError("grams or purposes that are not in order")
    return AccountOpened(account, proof, hint, domain, grams, agreed)


def _text_at(packed: bytes, at: int) -> tuple[str, int]:
    """The text whose length stands at `at`, and where it ends. Errors: IndexError; an end beyond `packed` is the
    caller's to find.
    """
    end = at + 1 + packed[at]
    return packed[at + 1 : end].decode(errors="replace"), end


def _is_rising(numbers: tuple[int, ...]) -> bool:
    return list(numbers) == sorted(set(numbers))


def unpack(packed: bytes) -> Event:
    """The event in `packed`. Errors: MalformedEventError."""
    try:
        version, kind, at = HEAD.unpack_from(packed)
        if version != VERSION:
            raise MalformedEventError(f"event version {version}")
        if at > MAX_AT:
            raise MalformedEventError(f"event of the moment {at} ms")
        if kind in CASTS:
            account, entry, receipt, proof = CAST.unpack_from(packed, HEAD.size)
            if receipt > MAX_RECEIPT:
                raise MalformedEventError(f"receipt number {receipt}")
            evidence = packed[CAST_EVENT.size :]
            return Event(Kind.CAST, at, account, entry, receipt, proof, evidence, first=kind != Kind.CAST)
        if kind in (Kind.VOID, Kind.RESTORE):
            account, entry = DECISION.unpack_from(packed, HEAD.size)
            return Event(Kind(kind), at, account, entry, rest=packed[HEAD.size + DECISION.size :])
        if kind == Kind.OPENED:
            (epoch,) = OPENED.unpack_from(packed, HEAD.size)
            return Event(Kind.OPENED, at, account=epoch)
        if kind == Kind.ACCOUNT_OPENED:
            opened = unpack_account_opened(packed)
            rest = packed[HEAD.size + ACCOUNT_OPENED.size :]
            return Event(Kind.ACCOUNT_OPENED, at, opened.account, proof=opened.proof, rest=rest)
    except struct.error as error:
        raise MalformedEventError(str(error)) from None
    raise MalformedEventError(f"event kind {kind}")


def pack_evidence(address: str, device: bytes) -> bytes:
    """Network evidence of one vote: `device` (a keyed signature, 8 bytes), then the client's address (4 or 16 bytes,
    none where it is not an IP address).
    """
    try:
        ip: IPv4Address | IPv6Address | None = ip_address(address)
    except ValueError:
        ip = None
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return device + (ip.packed if ip else b"")
