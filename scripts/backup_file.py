"""The file of a backup: parts one after the other, then the manifest, cut into chunks that are sealed one by one.

    file  = MAGIC, length of the header (4 bytes), header (JSON), chunks
    chunk = length of what follows (4 bytes), the sealed bytes
    what a chunk says = one letter and bytes: `P` a part begins (its name), `D` data, `E` it ends, `M` the manifest

With a key a chunk is sealed by AES-256-GCM, its nonce being its number and the header being authenticated with each;
the key is derived from the given one and the header's salt, so that no two files share it. Without a key it carries a
SHA-256 over itself, its number and the header: that finds damage, not deceit. A file is whole when its last chunk is
the manifest, so one that was cut is known, as is one whose chunks were changed, swapped or left out.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"binhchon backup\n"
FORMAT = 1
CHUNK = 1024**2
"""Bytes of data in a chunk, at most."""
SHORTEST_KEY = 32
"""Letters; `openssl rand -base64 32` makes 44. No key is made of a password."""
_LARGEST_HEADER = 16 * 1024
_LARGEST_CHUNK = 64 * 1024**2
_NUMBER = 4
_DIGEST = 32


Manifest = dict[str, Any]
"""What a backup says of itself (`scripts.backup`), and of each part bytes and SHA-256."""


class BackupError(Exception):
    """A backup cannot be made, read or put back; the text is one line for people."""


@dataclass(frozen=True)
class Piece:
    """One chunk's word: `kind` is `P`, `D`, `E` or `M`; `part` the name of the part that it belongs to."""

    kind: str
    part: str
    data: bytes


@dataclass
class Sums:
    """What the manifest says of a part."""

    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self.digest.update(data)

    def told(self) -> dict[str, int | str]:
        return {"bytes": self.size, "sha256": self.digest.hexdigest()}


class Seal:
    """Seals chunks, or opens them, in their order."""

    def __init__(self, header: bytes, salt: bytes, key: str | None) -> None:
        self._bound = hashlib.sha256(header).digest()
        self._cipher = AESGCM(_derived(key, salt, b"binhchon backup 1")) if key else None
        self._number = 0

    def close(self, said: bytes) -> bytes:
        number = self._next()
        if self._cipher:
            return self._cipher.encrypt(number, said, self._bound)
        return said + self._digest(number, said)

    def open(self, sealed: bytes) -> bytes:
        """Errors: BackupError for bytes that are not the next chunk's."""
        number = self._next()
        if self._cipher:
            try:
                return self._cipher.decrypt(number, sealed, self._bound)
            except InvalidTag:
                raise BackupError("the backup is damaged or was changed") from None
        said, digest = sealed[:-_DIGEST], sealed[-_DIGEST:]
        if not secrets.compare_digest(digest, self._digest(number, said)):
            raise BackupError("the backup is damaged or was changed")
        return said

    def _next(self) -> bytes:
        self._number += 1
        return self._number.to_bytes(12, "big")

    def _digest(self, number: bytes, said: bytes) -> bytes:
        return hashlib.sha256(self._bound + number + said).digest()


def read_key(path: Path | None) -> str | None:
    """The key in a file; None for none. Errors: BackupError."""
    if path is None:
        return None
    try:
        key = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise BackupError(f"cannot read the key {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BackupError(f"{path} is no key: `openssl rand -base64 32` makes one") from None
    if len(key) < SHORTEST_KEY:
        raise BackupError(f"the key in {path} is too short: `openssl rand -base64 32` makes one")
    return key


def _derived(key: str, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, purpose).derive(key.encode())


def _key_name(key: str | None, salt: bytes) -> str | None:
    """By what the right key is told from a wrong one."""
    return _derived(key, salt, b"binhchon backup key name")[:8].hex() if key else None


class BackupWriter:
    """Writes parts, then the manifest, to an open file. `header`: what may be read without the key."""

    def __init__(self, file: BinaryIO, header: Manifest, key: str | None) -> None:
        salt = secrets.token_bytes(32)
        own = {"format": FORMAT, "encrypted": key is not None, "salt": salt.hex(), "key": _key_name(key, salt)}
        text = json.dumps(header | own).encode()
        self._file, self._seal = file, Seal(text, salt, key)
        self.parts: dict[str, dict[str, int | str]] = {}
        file.write(MAGIC + len(text).to_bytes(_NUMBER, "big") + text)

    def part(self, name: str, content: Iterable[bytes]) -> int:
        """Writes a part. Returns its bytes."""
        if name in self.parts:
            raise BackupError(f"two parts are called {name}")
        self._chunk(b"P", name.encode())
        sums = Sums()
        for data in content:
            for at in range(0, len(data), CHUNK):
                piece = data[at : at + CHUNK]
                sums.add(piece)
                self._chunk(b"D", piece)
        self._chunk(b"E", b"")
        self.parts[name] = sums.told()
        return sums.size

    def end(self, manifest: Manifest) -> None:
        self._chunk(b"M", json.dumps(manifest | {"parts": self.parts}).encode())

    def _chunk(self, kind: bytes, data: bytes) -> None:
        sealed = self._seal.close(kind + data)
        self._file.write(len(sealed).to_bytes(_NUMBER, "big") + sealed)


class BackupReader:
    """A backup that is read from its beginning. `header` is believed only as far as the chunks can be opened by it."""

    def __init__(self, file: BinaryIO, key: str | None) -> None:
        """Errors: BackupError for what is no backup, one of another release, and a wrong key."""
        self._file = file
        if file.read(len(MAGIC)) != MAGIC:
            raise BackupError("this is no backup of Bình Chọn")
        length = int.from_bytes(_exactly(file, _NUMBER), "big")
        if length > _LARGEST_HEADER:
            raise BackupError("the backup is damaged or was changed")
        text = _exactly(file, length)
        try:
            self.header = json.loads(text)
            version, encrypted, salt = self.header["format"], self.header["encrypted"], self.header["salt"]
            if version != FORMAT:
                raise BackupError(f"the backup has format {version}, this release reads {FORMAT}")
            if encrypted and key is None:
                raise BackupError("the backup is encrypted: give its key with --key-file")
            if key and not encrypted:
                raise BackupError("the backup is not encrypted: leave --key-file out if that is meant to be so")
            if self.header["key"] != _key_name(key, bytes.fromhex(salt)):
                raise BackupError("this is not the key that the backup was made with")
            self._seal = Seal(text, bytes.fromhex(salt), key)
        except (ValueError, KeyError, TypeError):
            raise BackupError("the backup is damaged or was changed") from None
        self.manifest: Manifest = {}

    def pieces(self) -> Iterator[Piece]:
        """Every chunk but the manifest, which is there in `manifest` afterwards.

        Errors: BackupError as soon as something is missing, too much or not as it was written.
        """
        sums: dict[str, dict[str, int | str]] = {}
        part, running = "", Sums()
        while True:
            length = int.from_bytes(_exactly(self._file, _NUMBER), "big")
            if not 0 < length <= _LARGEST_CHUNK:
                raise BackupError("the backup is damaged or was changed")
            said = self._seal.open(_exactly(self._file, length))
            kind, data = said[:1].decode("latin-1"), said[1:]
            if kind == "M":
                break
            if kind == "P":
                part, running = data.decode(), Sums()
            elif kind == "D":
                running.add(data)
            elif kind == "E":
                sums[part] = running.told()
            yield Piece(kind, part, data)
        manifest = json.loads(data)
        if manifest.get("parts") != sums or self._file.read(1):
            raise BackupError("the backup is damaged or was changed")
        self.manifest = manifest


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise BackupError("the backup ends too early: it was cut, or never finished")
    return data


def check(path: Path, key: str | None) -> Manifest:
    """Reads a whole backup. Returns its manifest. Errors: BackupError."""
    try:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # from the disk, where that can be asked for
            reader = BackupReader(file, key)
            for _piece in reader.pieces():
                pass
    except OSError as error:
        raise BackupError(f"cannot read {path}: {error.strerror}") from None
    return reader.manifest
