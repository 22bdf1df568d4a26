"""Pictures and attachments of entries, in a folder that every API process reads.

A file's name is the hash of its bytes (`<32 hex digits>.webp` or `.pdf`), so it never changes, and what it replaces
stays until nobody shows it. Nothing that an author handed in is served as it came: pictures are drawn anew, which
leaves out everything hidden in them (place, device, name); an attachment is served as it is, by `api/voters/media.py`.

Beside the files lies a note for each picture that was taken, `<hash of its bytes>.json`: importing the same picture
again is quick and gives the same files, also with another version of the library.
"""

import hashlib
import json
import os
import re
import tempfile
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

MAX_PICTURE_BYTES = 20 * 1024**2
MAX_PIXELS = 40_000_000
MAX_ATTACHMENT_BYTES = 10 * 1024**2
WIDTHS = (320, 640, 1280)  # pixels
TALLEST = 2560  # pixels; a taller picture is made narrower
QUALITY = 75
ADDRESS = "/media/"
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")

_TOO_MANY = f"has more than {MAX_PIXELS // 1_000_000} million pixels"
_NAME = re.compile(r"[0-9a-f]{32}\.(?:webp|pdf)", re.ASCII)
_RECIPE = f"1 {WIDTHS} {TALLEST} {QUALITY}"
"""What decides how a picture is drawn; another recipe draws every picture anew."""


class MediaError(Exception):
    """A file cannot be shown as a picture or attachment; the text, after its name, says what is wrong, for people."""


class MediaFolder:
    """The folder `path`, made when something is kept in it. Its files are read by any process, and never change."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take_picture(self, source: Path) -> list[dict[str, Any]]:
        """Keeps the picture in the file `source` in each width up to its own.

        Returns `[{"width", "height" (pixels), "address"}]`, the narrowest first.
        Errors: MediaError; OSError of the folder.
        """
        content = _content(source, MAX_PICTURE_BYTES)
        note = self._path / f"{_digest(_RECIPE.encode() + content)}.json"
        known = _noted(note)
        if known is not None and all(self.path_of(_name(size)) for size in known):
            return known
        sizes = [
            {"width": width, "height": height, "address": ADDRESS + self._keep(body, "webp")}
            for width, height, body in _drawn(content)
        ]
        _write(note, json.dumps(sizes).encode())
        return sizes

    def take_attachment(self, source: Path) -> dict[str, Any]:
        """Keeps the PDF in the file `source`. Returns `{"address", "bytes"}`.

        Errors: MediaError; OSError of the folder.
        """
        content = _content(source, MAX_ATTACHMENT_BYTES)
        if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-2048:]:
            raise MediaError("is no whole PDF file")
        return {"address": ADDRESS + self._keep(content, "pdf"), "bytes": len(content)}

    def path_of(self, name: str) -> Path | None:
        """The file `name` (`<hash>.webp` or `<hash>.pdf`); None where there is none, whatever the name says."""
        if not _NAME.fullmatch(name):
            return None
        path = self._path / name
        return path if path.is_file() else None

    def _keep(self, content: bytes, suffix: str) -> str:
        name = f"{_digest(content)}.{suffix}"
        if self.path_of(name) is None:
            _write(self._path / name, content)
        return name


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _name(size: dict[str, Any]) -> str:
    return str(size["address"]).removeprefix(ADDRESS)


def _content(source: Path, limit: int) -> bytes:
    try:
        with source.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise MediaError(f"cannot be read: {error.strerror}") from None
    if len(content) > limit:
        raise MediaError(f"is larger than {limit // 1024**2} MB")
    return content


def _noted(note: Path) -> list[dict[str, Any]] | None:
    try:
        sizes: list[dict[str, Any]] = json.loads(note.read_bytes())
    except (OSError, ValueError):
        return None
    return sizes


def _write(path: Path, content: bytes) -> None:
    """Writes the file whole or not at all, and to the disk: the ledger names it from the next commit on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o644)  # import and API may be two users
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _drawn(content: bytes) -> list[tuple[int, int, bytes]]:
    """The picture as WebP in each width, as (width, height, bytes). Errors: MediaError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of oddities in metadata, which are left out anyway
            with Image.open(BytesIO(content), formats=FORMATS) as opened:
                _refuse_huge(opened)
                turned = ImageOps.exif_transpose(opened)
                plain = turned.convert("RGBA" if turned.has_transparency_data else "RGB")
    except MediaError:
        raise
    except Image.DecompressionBombError:
        raise MediaError(_TOO_MANY) from None
    except Exception:  # noqa: BLE001 - decoders raise anything at all on broken files
        raise MediaError("is no picture that can be read (JPEG, PNG, WebP or AVIF)") from None
    plain.info = {}  # no profile, place or text goes into what is written
    return [_scaled(plain, width, height) for width, height in _sizes(plain.width, plain.height)]


def _refuse_huge(picture: Image.Image) -> None:
    """The size is known from the header, before anything is unpacked. Errors: MediaError."""
    if picture.width * picture.height > MAX_PIXELS:
        raise MediaError(_TOO_MANY)


def _sizes(width: int, height: int) -> list[tuple[int, int]]:
    """Each width of WIDTHS that the picture has, else its own, with the height to match."""
    scales = sorted({min(1.0, wanted / width, TALLEST / height) for wanted in WIDTHS})
    return [(max(1, round(width * scale)), max(1, round(height * scale))) for scale in scales]


def _scaled(picture: Image.Image, width: int, height: int) -> tuple[int, int, bytes]:
    written = BytesIO()
    small = picture if picture.size == (width, height) else picture.resize((width, height), Image.Resampling.LANCZOS)
    small.save(written, "WEBP", quality=QUALITY, method=5)
    return width, height, written.getvalue()
