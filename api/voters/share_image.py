"""The share image, 1200×630: title, author, category and contest of an entry in our own design.

Drawn with fixed fonts and without the clock: the same words give the same bytes.
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from models.settings import ROOT

SIZE = (1200, 630)
MOST_BYTES = 200 * 1024  # some networks leave larger ones out
DESIGN = 1
"""Raised with every change of how an image looks: what is kept of an older design is not shown any more."""

_FONTS = ROOT / "node_modules" / "@expo-google-fonts" / "be-vietnam-pro"
_TEA, _TEA_DEEP, _STEEL, _PALE, _WHITE = "#14603f", "#0d4a30", "#24424f", "#cfe5d8", "#ffffff"
_EDGE = 64  # pixels that stay free around the words
_PICTURE_FROM = 760  # where the entry's picture begins
_TITLE_SIZES = range(64, 35, -2)
_TITLE_TOP, _TITLE_BOTTOM = 124, 424
_LINE = 1.36  # of a font's size: Vietnamese letters bear marks above and below


@dataclass(frozen=True)
class Words:
    """What is written, in the language of the page."""

    title: str
    category: str
    author: str
    contest: str


def draw(words: Words, picture: bytes | None) -> bytes:
    """A JPEG of at most MOST_BYTES. `picture`: the entry's own, as WebP. Errors: OSError without the fonts."""
    image = Image.new("RGB", SIZE, _TEA)
    canvas = ImageDraw.Draw(image)
    right = SIZE[0]
    if picture is not None:
        right = _PICTURE_FROM
        image.paste(_covering(picture, (SIZE[0] - right, SIZE[1])), (right, 0))
        canvas.rectangle((right - 8, 0, right - 1, SIZE[1]), fill=_STEEL)
    else:
        _hills(canvas)
    width = right - 2 * _EDGE
    _line(canvas, words.category, 66, 26, width, bold=True, fill=_PALE)
    bottom = _title(canvas, words.title, width)
    _line(canvas, words.author, bottom + 16, 28, width, fill=_WHITE)
    if words.contest:
        canvas.rectangle((_EDGE, 506, _EDGE + 96, 511), fill=_PALE)
    lines = shortened(words.contest, _font(24, bold=False), width, 2)
    for number, line in enumerate(lines):
        canvas.text((_EDGE, 528 + number * 32), line, font=_font(24, bold=False), fill=_PALE)
    return _written(image)


@cache
def _font(size: int, *, bold: bool) -> ImageFont.FreeTypeFont:
    name = "700Bold/BeVietnamPro_700Bold.ttf" if bold else "400Regular/BeVietnamPro_400Regular.ttf"
    return ImageFont.truetype(_FONTS / name, size, layout_engine=ImageFont.Layout.BASIC)


def _title(canvas: ImageDraw.ImageDraw, title: str, width: int) -> int:
    """Writes the title as large as it fits, else small and shortened. Returns where it ends."""
    for size in _TITLE_SIZES:
        font, height = _font(size, bold=True), round(size * _LINE)
        lines = wrapped(title, font, width)
        if len(lines) * height <= _TITLE_BOTTOM - _TITLE_TOP:
            break
    else:
        lines = shortened(title, font, width, (_TITLE_BOTTOM - _TITLE_TOP) // height)
    for number, line in enumerate(lines):
        canvas.text((_EDGE, _TITLE_TOP + number * height), line, font=font, fill=_WHITE)
    return _TITLE_TOP + len(lines) * height


def _line(
    canvas: ImageDraw.ImageDraw, text: str, top: int, size: int, width: int, *, fill: str, bold: bool = False
) -> None:
    for line in shortened(text, _font(size, bold=bold), width, 1):
        canvas.text((_EDGE, top), line, font=_font(size, bold=bold), fill=fill)


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Lines of at most `width` pixels; a word that is longer is broken."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if font.getlength(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while font.getlength(line) > width:
            at = max(1, bisect_right(range(1, len(line)), float(width), key=lambda end: font.getlength(line[:end])))
            lines.append(line[:at])
            line = line[at:]
    return [*lines, line] if line else lines


def shortened(text: str, font: ImageFont.FreeTypeFont, width: int, most: int) -> list[str]:
    """At most `most` lines; what is left out is an ellipsis."""
    lines = wrapped(text, font, width)
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and font.getlength(last + "…") > width:
        last = last[:-1]
    return [*lines[: most - 1], last.rstrip(" ,.;:-–") + "…"]


def _covering(picture: bytes, size: tuple[int, int]) -> Image.Image:
    """The middle of the picture in exactly this size."""
    with Image.open(BytesIO(picture), formats=["WEBP"]) as opened:
        plain = Image.new("RGB", opened.size, _WHITE)
        shown = opened.convert("RGBA")
        plain.paste(shown, mask=shown)
    scale = max(size[0] / plain.width, size[1] / plain.height)
    wide, high = size[0] / scale, size[1] / scale
    left, top = (plain.width - wide) / 2, (plain.height - high) / 2
    return plain.resize(size, Image.Resampling.LANCZOS, box=(left, top, left + wide, top + high))


def _hills(canvas: ImageDraw.ImageDraw) -> None:
    """Two quiet hills in the corner of an image without a picture."""
    canvas.ellipse((780, 380, 1500, 1000), fill=_TEA_DEEP)
    canvas.ellipse((1000, 300, 1640, 960), fill=_STEEL)


def _written(image: Image.Image) -> bytes:
    for quality in (90, 80, 70, 55, 40):
        written = BytesIO()
        image.save(written, "JPEG", quality=quality, optimize=True, subsampling=0)
        if written.tell() <= MOST_BYTES:
            break
    return written.getvalue()
