"""Pictures and attachments for tests: good ones, odd ones, hostile ones."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def picture(width: int = 800, height: int = 500, kind: str = "JPEG", **options: Any) -> bytes:
    """A picture of two halves: the upper one red, the lower one blue."""
    image = Image.new(options.pop("mode", "RGB"), (width, height), options.pop("colour", "red"))
    if image.mode == "RGB":
        image.paste("blue", (0, height // 2, width, height))
    written = BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def noisy(width: int = 800, height: int = 500) -> bytes:
    """A picture with so many details that it is worth a second format."""
    written = BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(written, "JPEG", exif=b"Exif\0\0Hidden")
    return written.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims a huge picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
