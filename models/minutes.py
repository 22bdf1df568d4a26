"""The minutes of a count (biên bản kiểm phiếu) as JSON, and their signature.

The JSON is canonical: keys in the order of their code points, no blanks, UTF-8, no line end. Its bytes are signed with
the contest's Ed25519 key (RFC 8032), which is derived from the installation's identity key: the same for every run, and
nothing is kept that could be stolen by itself. How to verify it without us: docs/operations.md.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from models.contest import Contest
from models.ranking import Ranked, ranking
from models.result_count import Count, EntryCount
from models.secrets import KeyRing
from models.times import rfc3339_of

FORMAT = "binhchon-minutes/2"
_FORMATS = ("binhchon-minutes/1", FORMAT)
"""What can be verified; the first has no `voting_changes`."""
WITHDRAWN = "withdrawn"


class MinutesError(Exception):
    """Minutes that are none, or whose signature is not that of their key. The text says what, for people."""


@dataclass(frozen=True)
class Asked:
    """What whoever closes a contest out says for the minutes. `persons`: name and office, one line each."""

    number: str = ""
    place: str = ""
    persons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Closing:
    """How the count was made: by whom, when, and what was found when box and ledger were laid side by side."""

    at: datetime
    by: str
    early: str
    """Why voting was ended before its time; empty where it was not."""
    export_sha256: str
    export_rows: int
    corrections: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    """Of the voting time, once voting had begun (`models/voting_changes.py`)."""


def minutes_of(contest: Contest, count: Count, closing: Closing, asked: Asked, public_key: str) -> dict[str, Any]:
    """The minutes. Only entries that are published have a place; of equal votes nothing is decided here."""
    published = [entry for entry in count.entries if entry.state != WITHDRAWN]
    withdrawn = [entry for entry in count.entries if entry.state == WITHDRAWN]
    by_id = {entry.entry_id: entry for entry in published}
    return {
        "format": FORMAT,
        "contest": {
            "id": contest.id,
            "slug": contest.slug,
            "title": contest.title,
            "organiser": contest.texts.get("organiser", ""),
            "opens_at": rfc3339_of(contest.opens_at),
            "closes_at": rfc3339_of(contest.closes_at),
        },
        "number": asked.number,
        "place": asked.place,
        "persons": list(asked.persons),
        "closed": {"at": rfc3339_of(closing.at), "by": closing.by, "early": closing.early},
        "voting_changes": closing.changes,
        "software": {"name": "binhchon", "version": version("binhchon")},
        "totals": {
            "received": count.received,
            "voided": count.voided,
            "counted": count.counted,
            "counted_for_withdrawn_entries": sum(entry.counted for entry in withdrawn),
            "voters": count.voters,
            "accounts": count.accounts,
            "recovered": count.recovered,
            "parked_and_resolved": count.parked,
            "conflicts": count.conflicts,
            "pending": 0,  # these three: no close-out goes on to its minutes otherwise (workers/close_out.py)
            "parked": 0,
            "drift": 0,
        },
        "voided_by_reason": [{"reason": reason, "votes": votes} for reason, votes in sorted(count.reasons.items())],
        "received_by_proof": [{"proof": proof, "votes": votes} for proof, votes in sorted(count.proofs.items())],
        "corrections": closing.corrections,
        "ranking": [_ranked(one, by_id) for one in _places(published)],
        "categories": [
            {"slug": slug, "title": title, "ranking": [_ranked(one, by_id) for one in _places(members)]}
            for slug, title in count.categories
            if (members := [entry for entry in published if entry.category == slug])
        ],
        "withdrawn": [
            {"entry_id": entry.entry_id, "title": entry.title, "votes": entry.counted} for entry in withdrawn
        ],
        "votes_export": {"sha256": closing.export_sha256, "rows": closing.export_rows},
        "public_key": public_key,
    }


def _places(entries: Iterable[EntryCount]) -> list[Ranked]:
    return ranking({entry.entry_id: entry.counted for entry in entries})


def _ranked(one: Ranked, by_id: dict[int, EntryCount]) -> dict[str, Any]:
    entry = by_id[one.entry_id]
    return {
        "place": one.place,
        "tied": one.tied,
        "entry_id": one.entry_id,
        "title": entry.title,
        "author": entry.author,
        "unit": entry.unit,
        "category": entry.category,
        "votes": one.votes,
        "voided": entry.voided,
    }


def canonical(document: dict[str, Any]) -> str:
    """The one way in which the minutes are written."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def sha256(minutes: str) -> str:
    """The digest by which minutes are known, 64 hex digits."""
    return hashlib.sha256(minutes.encode()).hexdigest()


@lru_cache(maxsize=16)
def _key(keys: KeyRing, contest_id: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keys.derived(f"minutes {contest_id}"))


@lru_cache(maxsize=16)
def public_key(keys: KeyRing, contest_id: int) -> str:
    """The contest's public key: base64 of its DER, as it stands between the lines of a PEM file (RFC 8410)."""
    der = _key(keys, contest_id).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def sign(keys: KeyRing, contest_id: int, minutes: str) -> bytes:
    """64 bytes; the same for the same minutes."""
    return _key(keys, contest_id).sign(minutes.encode())


def verify(minutes: bytes, signature: bytes, key: str | None = None) -> dict[str, Any]:
    """The minutes, if `signature` is that of their bytes by the key `key` (None: the one that they name themselves).

    Errors: MinutesError.
    """
    try:
        document = json.loads(minutes)
        named = document["public_key"] if document["format"] in _FORMATS else None
    except (ValueError, KeyError, TypeError):
        named = None
    if not isinstance(named, str):
        raise MinutesError("this is no file of minutes")
    if key is not None and key != named:
        raise MinutesError("the minutes name another public key than the one given")
    try:
        loaded = load_der_public_key(base64.b64decode(named, validate=True))
    except ValueError:
        raise MinutesError("the minutes name a public key that is none") from None
    if not isinstance(loaded, Ed25519PublicKey):
        raise MinutesError("the minutes name a public key of another kind")
    try:
        loaded.verify(signature, minutes)
    except InvalidSignature:
        raise MinutesError("the signature is not that of these minutes: one of the two files was changed") from None
    found: dict[str, Any] = document
    return found
