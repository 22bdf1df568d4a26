"""The installation's two secrets: the identity key (accounts, receipts) and the session keys."""

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

NORMALISATION_VERSION = 2  # of the rules that turn a typed identity into the one that is hashed


@dataclass(frozen=True, repr=False)
class KeyRing:
    """`identity_key` is one text, `session_keys` newest first; both are hashed to size before use."""

    identity_key: str
    session_keys: tuple[str, ...]

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one purpose, derived from the identity key."""
        return hashlib.blake2b(
            purpose.encode(), key=hashlib.sha512(self.identity_key.encode()).digest(), digest_size=32
        ).digest()

    def fingerprint(self) -> str:
        """What the contest remembers of the identity key and the normalisation rules: `2:` and 16 hex digits."""
        return f"{NORMALISATION_VERSION}:{self.derived('fingerprint').hex()[:16]}"


def generated_secret(path: Path) -> str:
    """The secret kept at `path`, made with mode 0600 when there is none; two processes at once agree on one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # fails if another process was first: then its secret is the one
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_text(encoding="utf-8").strip()
