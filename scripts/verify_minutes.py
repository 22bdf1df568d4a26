"""`binhchon verify-minutes FILE`: whether minutes and signature belong together. It needs no stack."""

import hashlib
import sys
from pathlib import Path

from models.minutes import MinutesError, verify


def run(file: Path, signature: Path | None, key: str | None) -> int:
    """Returns 0 where they do, else 1 with one line why not."""
    try:
        minutes = file.read_bytes()
        document = verify(minutes, (signature or file.with_name(file.name + ".sig")).read_bytes(), key)
    except (MinutesError, OSError) as error:
        print(f"binhchon: {error}", file=sys.stderr)
        return 1
    totals = document["totals"]
    print(f"The signature is good: minutes {document['number'] or '(no number)'} of {document['contest']['title']}")
    print(f"{totals['counted']} votes counted, {totals['voided']} voided; closed at {document['closed']['at']}")
    print(f"SHA-256 {hashlib.sha256(minutes).hexdigest()}")
    print(f"public key {document['public_key']}")
    if key is None:
        print("Compare this key with minutes_key in /api/contest of the contest's website, or give it with --key.")
    return 0
