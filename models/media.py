"""Pictures and attachments of entries, in a folder that every API process reads.

A file's name is the hash of its bytes (`<32 hex digits>.webp`, `.avif` or `.pdf`), so it never changes, and what it
replaces stays until nobody shows it. Nothing that an author handed in is served as it came: pictures are drawn anew,
which leaves out everything hidden in them (place, device, name); an attachment is served as it is, by
`api/voters/media.py`.

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
from typing import Any, NamedTuple

from PIL import Image, ImageOps, features

MAX_PICTURE_BYTES = 20 * 1024**2
MAX_PIXELS = 40_000_000
MAX_ATTACHMENT_BYTES = 10 * 1024**2
WIDTHS = (320, 640, 1280)  # pixels
TALLEST = 2560  # pixels; a taller picture is made narrower
QUALITY = 75
AVIF_QUALITY = 50
AVIF_SPEEDS = ((1_000_000, 6), (MAX_PIXELS, 8))
"""Up to so many pixels, so fast (0 slowest … 10): the slower one saves more, and a large picture would take seconds."""
AVIF_FROM = 24 * 1024
"""Bytes of the largest WebP from which a picture is drawn as AVIF too: below, it saves less than it costs to draw."""
AVIF_GAIN = 0.9
"""AVIF is kept where all its sizes together take at most this part of WebP's."""
ADDRESS = "/media/"
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")

_TOO_MANY = f"has more than {MAX_PIXELS // 1_000_000} million pixels"
_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NAME = re.compile(r"[0-9a-f]{32}\.(?:webp|avif|pdf|minutes\.json|minutes\.sig)", re.ASCII)
_RECIPE = f"2 {WIDTHS} {TALLEST} {QUALITY} {AVIF_QUALITY} {AVIF_SPEEDS} {AVIF_FROM} {AVIF_GAIN}"
"""What decides how a picture is drawn; another recipe draws every picture anew."""


class MediaError(Exception):
    """A file cannot be shown as a picture or attachment; the text, after its name, says what is wrong, for people.
    `code` says the same to the console: `too_large`, `too_many_pixels`, `no_picture`, `no_pdf`.
    """

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class MediaFolder:
    """The folder `path`, made when something is kept in it. Its files are read by any process, and never change."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take_picture(self, source: Path | bytes) -> list[dict[str, Any]]:
        """Keeps the picture in the file `source` (or that has these bytes) in each width up to its own.

        Returns `[{"width", "height" (pixels), "address"}]`, the narrowest first; each with `"avif"`, another address,
        where that format makes the picture smaller. Errors: MediaError; OSError of the folder.
        """
        content = _content(source, MAX_PICTURE_BYTES)
        digest = key_of_picture(content)
        known = self.picture_taken(digest)
        if known is not None:
            return known
        sizes = [self._keep_size(drawn) for drawn in _drawn(content)]
        _write(self._path / f"{digest}.json", json.dumps(sizes).encode())
        return sizes

    def picture_taken(self, key: str) -> list[dict[str, Any]] | None:
        """What `take_picture` returned for the picture of `key_of_picture`; None where a file of it is missing."""
        if not _KEY.fullmatch(key):
            return None
        sizes = _noted(self._path / f"{key}.json")
        whole = sizes is not None and all(self.path_of(name) for size in sizes for name in _names(size))
        return sizes if whole else None

    def take_attachment(self, source: Path | bytes) -> dict[str, Any]:
        """Keeps the PDF in the file `source` (or that has these bytes). Returns `{"address", "bytes"}`.

        Errors: MediaError; OSError of the folder.
        """
        content = _content(source, MAX_ATTACHMENT_BYTES)
        if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-2048:]:
            raise MediaError("is no whole PDF file", "no_pdf")
        return {"address": ADDRESS + self._keep(content, "pdf"), "bytes": len(content)}

    def attachment_taken(self, key: str) -> dict[str, Any] | None:
        """What `take_attachment` returned for the file of `key_of_attachment`; None where it is missing."""
        path = self.path_of(f"{key}.pdf")
        return {"address": f"{ADDRESS}{key}.pdf", "bytes": path.stat().st_size} if path else None

    def take_minutes(self, pdf: bytes, minutes: bytes, signature: bytes) -> dict[str, str]:
        """Keeps the minutes of a count, which anybody may read from then on. Returns `pdf`, `json` and `signature` →
        address. Errors: OSError of the folder.
        """
        kept = {"pdf": (pdf, "pdf"), "json": (minutes, "minutes.json"), "signature": (signature, "minutes.sig")}
        return {name: ADDRESS + self._keep(*content) for name, content in kept.items()}

    def path_of(self, name: str) -> Path | None:
        """The file `name` (`<hash>.webp`, `.avif`, `.pdf`, or minutes); None where there is none, whatever the name
        says.
        """
        if not _NAME.fullmatch(name):
            return None
        path = self._path / name
        return path if path.is_file() else None

    def _keep_size(self, drawn: "_Drawn") -> dict[str, Any]:
        size = {"width": drawn.width, "height": drawn.height, "address": ADDRESS + self._keep(drawn.webp, "webp")}
        return size | {"avif": ADDRESS + self._keep(drawn.avif, "avif")} if drawn.avif else size

    def _keep(self, content: bytes, suffix: str) -> str:
        name = f"{_digest(content)}.{suffix}"
        if self.path_of(name) is None:
            _write(self._path / name, content)
        return name


def key_of_picture(content: bytes) -> str:
    """Under what the folder notes a picture with these bytes."""
    return _digest(_RECIPE.encode() + content)


def key_of_attachment(content: bytes) -> str:
    """Under what the folder keeps an attachment with these bytes."""
    return _digest(content)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


class _Drawn(NamedTuple):
    """A picture in one width; `avif` is empty where it is not worth it."""

    width: int
    height: int
    webp: bytes
    avif: bytes = b""


def _names(size: dict[str, Any]) -> list[str]:
    return [str(size[key]).removeprefix(ADDRESS) for key in ("address", "avif") if key in size]


def _content(source: Path | bytes, limit: int) -> bytes:
    content = source if isinstance(source, bytes) else _read(source, limit)
    if len(content) > limit:
        raise MediaError(f"is larger than {limit // 1024**2} MB", "too_large")
    return content


def _read(source: Path, limit: int) -> bytes:
    """At most a byte more than `limit`. Errors: MediaError."""
    try:
        with source.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise MediaError(f"cannot be read: {error.strerror}") from None


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


def _drawn(content: bytes) -> list[_Drawn]:
    """The picture in each width. Errors: MediaError."""
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
        raise MediaError(_TOO_MANY, "too_many_pixels") from None
    except Exception:  # noqa: BLE001 - decoders raise anything at all on broken files
        raise MediaError("is no picture that can be read (JPEG, PNG, WebP or AVIF)", "no_picture") from None
    plain.info = {}  # no profile, place or text goes into what is written
    small = [_scaled(plain, width, height) for width, height in _sizes(plain.width, plain.height)]
    drawn = [_Drawn(one.width, one.height, _written(one, "WEBP", quality=QUALITY, method=5)) for one in small]
    return _with_avif(drawn, small)


def _with_avif(drawn: list[_Drawn], small: list[Image.Image]) -> list[_Drawn]:
    """With AVIF beside WebP where that is worth it. One thread draws it: the other core is for votes."""
    if len(drawn[-1].webp) < AVIF_FROM or not features.check("avif"):
        return drawn
    bodies = [_avif(one) for one in small]
    if sum(map(len, bodies)) > AVIF_GAIN * sum(len(one.webp) for one in drawn):
        return drawn
    return [one._replace(avif=body) for one, body in zip(drawn, bodies, strict=True)]


def _refuse_huge(picture: Image.Image) -> None:
    """The size is known from the header, before anything is unpacked. Errors: MediaError."""
    if picture.width * picture.height > MAX_PIXELS:
        raise MediaError(_TOO_MANY, "too_many_pixels")


def _sizes(width: int, height: int) -> list[tuple[int, int]]:
    """Each width of WIDTHS that the picture has, else its own, with the height to match."""
    scales = sorted({min(1.0, wanted / width, TALLEST / height) for wanted in WIDTHS})
    return [(max(1, round(width * scale)), max(1, round(height * scale))) for scale in scales]


def _scaled(picture: Image.Image, width: int, height: int) -> Image.Image:
    same = picture.size == (width, height)
    return picture if same else picture.resize((width, height), Image.Resampling.LANCZOS)


def _avif(picture: Image.Image) -> bytes:
    speed = next(speed for most, speed in AVIF_SPEEDS if picture.width * picture.height <= most)
    return _written(picture, "AVIF", quality=AVIF_QUALITY, speed=speed, max_threads=1)


def _written(picture: Image.Image, kind: str, **options: Any) -> bytes:
    written = BytesIO()
    picture.save(written, kind, **options)
    return written.getvalue()
